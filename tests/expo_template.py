"""The files of an Expo project as people have them, in which there is no secret.

Whatever in them looks a little like one is here on purpose: hashes of lock files, names
with `token` in them, references to keys that are elsewhere, checksums of pods.
"""

PACKAGE_JSON = """\
{
  "name": "shop",
  "main": "expo-router/entry",
  "version": "1.0.0",
  "packageManager": "yarn@4.1.0+sha512.5e1dcd7ffcd0bd2d0e2e4a4bd4d2a6a3d0ac1a9b",
  "scripts": {"start": "expo start", "reset-project": "node ./scripts/reset-proj\
ect.js"},
  "dependencies": {
    "@expo/vector-icons": "^14.0.2",
    "expo": "~52.0.11",
    "expo-auth-session": "~6.0.0",
    "expo-secure-store": "~14.0.0",
    "react-native-keychain": "^8.2.0"
  }
}
"""

PACKAGE_LOCK = """\
{
  "name": "shop",
  "lockfileVersion": 3,
  "packages": {
    "node_modules/js-tokens": {
      "version": "4.0.0",
      "resolved": "https://registry.npmjs.org/js-tokens/-/js-tokens-4.0.0.tgz",
      "integrity": "sha512-RdJUflcE3cUzKiMqQgsCu06FPu9UdIJO0beYbPhHN4k6apgJtifco\
CtT9bcxOpYBtpD2kCM6Sbzg4CausW/PKQ=="
    },
    "node_modules/expo-secure-store": {
      "version": "14.0.0",
      "integrity": "sha512-VyBcdqSzLdXUaHNEtBPyiYb8GOgZ9nNMfP5SkCN5Az3pw2Fr1IgSQ\
8kBlPSjZ+pXNuHlB8DpB1qTz1mmNLDQ9w=="
    }
  }
}
"""

YARN_LOCK = """\
"js-tokens@npm:^3.0.0 || ^4.0.0, js-tokens@npm:^4.0.0":
  version: 4.0.0
  resolution: "js-tokens@npm:4.0.0"
  checksum: 10c0/e248708d377aa058eacf2037b07ded847790e6de892bbad3dac0abba2e759cb\
9f121b00099a65195616badcb6eca8d14d975cb3e89eb1cfda644756402c8aeed
  languageName: node
"""

APP_JSON = """\
{
  "expo": {
    "name": "shop",
    "slug": "shop",
    "scheme": "shop",
    "updates": {"url": "https://u.expo.dev/5b1d4f0a-9a0d-4a57-8d5e-0a0a3ad6a1f7"},
    "extra": {"eas": {"projectId": "5b1d4f0a-9a0d-4a57-8d5e-0a0a3ad6a1f7"}},
    "android": {"package": "com.example.shop", "versionCode": 20261124}
  }
}
"""

EAS_JSON = """\
{
  "cli": {"version": ">= 12.0.0"},
  "submit": {
    "production": {
      "ios": {
        "ascAppId": "6479012345",
        "ascApiKeyPath": "./credentials/ios/AuthKey_8H3K2L9X1M.p8",
        "ascApiKeyIssuerId": "69a6de70-0000-47e3-e053-5b8c7c11a4d1"
      },
      "android": {"serviceAccountKeyPath": "../keys/play-service-account-2024.json"}
    }
  }
}
"""

AUTH_TSX = """\
import * as SecureStore from 'expo-secure-store';
import { makeRedirectUri, useAuthRequest } from 'expo-auth-session';

const TOKEN_KEY = 'shop.session.token.v2';
export const REFRESH_TOKEN_STORAGE_KEY = 'refresh-token-for-the-shop-app-2024';
const apiKey = process.env.EXPO_PUBLIC_SUPABASE_ANON_KEY_2024 ?? '';
const discovery = {
  authorizationEndpoint: 'https://accounts.spotify.com/authorize',
  tokenEndpoint: 'https://accounts.spotify.com/api/token',
};

export async function saveToken(accessToken: string, expiresIn: number) {
  const password = passwordFromTheKeychain(accessToken, 'AES256GCM128NoPadding');
  await SecureStore.setItemAsync(TOKEN_KEY, JSON.stringify({ accessToken, password }));
  headers['Authorization'] = `Bearer ${accessToken}`;
}

export const tokenType = 'urn:ietf:params:oauth:token-type:access_token';
export const secretQuestion = 'What was the name of your first pet in 1998?';
const s = StyleSheet.create({ passwordInput: { color: '#1D3D47', padding: 16 } });
"""

ENV_EXAMPLE = """\
EXPO_PUBLIC_API_URL=https://api.example.com
API_KEY=your-api-key-goes-here-0123
AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE
SECRET_TOKEN=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
DATABASE_URL=postgresql://user:password@localhost:5432/shop
OPENAI_API_KEY=sk-proj-replace-me-with-your-own-key-0123456789
GITHUB_TOKEN=${GITHUB_TOKEN}
STRIPE_SECRET_KEY=sk_live_xxxxxxxxxxxxxxxxxxxxxxxx
"""

GRADLE_PROPERTIES = """\
org.gradle.jvmargs=-Xmx2048m -XX:MaxMetaspaceSize=512m
MYAPP_UPLOAD_STORE_FILE=my-upload-key.keystore
MYAPP_UPLOAD_KEY_ALIAS=my-key-alias
android.useAndroidX=true
"""

PODFILE_LOCK = """\
SPEC CHECKSUMS:
  EXConstants: 89d35611505a8ce02550e64e43cd05565da35f9a
  ExpoSecureStore: 060cebcb956b80ddae09821610ac1aa9e1ac74cd
  KeychainAccess: c0c4f7f38f6fc7bbe58f5702e25f7bd2f65abf51

PODFILE CHECKSUM: 8e2a0d4b8e2cf0b2b7e9d6d3a0e8f8f0b2d6c1a4
"""

NPMRC = """\
registry=https://registry.npmjs.org/
//registry.npmjs.org/:_authToken=${NPM_TOKEN}
"""

CSS = """\
.sk-folding-cube .sk-cube-2-with-a-very-long-name-of-a-class { color: #aabbcc; }
.logo { background: url(data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCA\
YAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==); }
"""

FILES = {
    "package.json": PACKAGE_JSON,
    "package-lock.json": PACKAGE_LOCK,
    "yarn.lock": YARN_LOCK,
    "app.json": APP_JSON,
    "eas.json": EAS_JSON,
    "lib/auth.tsx": AUTH_TSX,
    ".env.example": ENV_EXAMPLE,
    "android/gradle.properties": GRADLE_PROPERTIES,
    "ios/Podfile.lock": PODFILE_LOCK,
    ".npmrc": NPMRC,
    "global.css": CSS,
}
