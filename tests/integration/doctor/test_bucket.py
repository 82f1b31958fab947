"""Buckets that are open, keys that may too little or too much, on a real server."""

import json
import uuid
from collections.abc import Iterator

import boto3
import pytest

from expokeep.doctor.bucket import bucket
from expokeep.embedded.seaweed import Seaweed, running_seaweed
from expokeep.settings.load import load
from scripted_http import serving

OPEN, LISTED, SHUT = "open-to-all", "listed-to-all", "shut"
RIGHTS = {
    "no-put": [f"Read:{SHUT}", f"List:{SHUT}"],
    "no-get": [f"Write:{SHUT}", f"List:{SHUT}"],
    "no-list": [f"Read:{SHUT}", f"Write:{SHUT}"],
    "all": [f"Read:{SHUT}", f"Write:{SHUT}", f"List:{SHUT}", f"Tagging:{SHUT}"],
}


@pytest.fixture(scope="module")
def server(servers_dir) -> Iterator[Seaweed]:
    """A server on which strangers and some keys have rights of their own."""
    top = servers_dir / "of-strangers"
    home = top / "seaweed"
    home.mkdir(parents=True)
    keys = [_identity("ours", ["Admin", "Read", "Write", "List", "Tagging"])]
    keys += [_identity(name, actions) for name, actions in RIGHTS.items()]
    strangers = [f"Read:{OPEN}", f"List:{OPEN}", f"List:{LISTED}"]
    keys.append({"name": "anonymous", "actions": strangers})
    (home / "identities.json").write_text(json.dumps({"identities": keys}))
    (home / "identities.json").chmod(0o644)
    with running_seaweed(top) as seaweed:
        for name in (OPEN, LISTED, SHUT):
            _client(seaweed).create_bucket(Bucket=name)
        yield seaweed


def _identity(name, actions):
    pair = {"accessKey": f"{name}-key", "secretKey": f"{name}-secret"}
    return {"name": name, "credentials": [pair], "actions": actions}


def _client(server):
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name="auto",
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
    )


def looked(endpoint_url, name, who="ours", **more):
    """Return what is found, by the name of the check."""
    environ = {
        "HOME": "/nowhere",
        "R2_ENDPOINT": endpoint_url,
        "R2_BUCKET_NAME": name,
        "R2_ACCESS_KEY_ID": f"{who}-key",
        "R2_SECRET_ACCESS_KEY": f"{who}-secret",
        **more,
    }
    found = {}
    for check in bucket(load(path=None, environ=environ, flags={}).settings):
        found.setdefault(check.name, []).append(check)
    return found


def test_a_bucket_that_is_as_it_should_be(server):
    found = looked(server.endpoint_url, SHUT, "all")

    assert {name: [one.state for one in checks] for name, checks in found.items()} == {
        "bucket": ["ok"],
        "bucket rights": ["ok"],
        "bucket clock": ["ok"],
        "public bucket": ["ok"],
        "bucket scope": ["ok"],
        "bucket rules": ["ok"],
    }
    assert not _client(server).list_objects_v2(Bucket=SHUT).get("Contents")


def test_a_bucket_that_everybody_may_read_and_list(server):
    (read, listed) = looked(server.endpoint_url, OPEN)["public bucket"]

    assert (read.state, listed.state) == ("error", "error")
    assert "unsigned GET" in read.detail
    assert "unsigned LIST" in listed.detail
    assert read.hint


def test_a_bucket_that_everybody_may_list_only(server):
    (listed,) = looked(server.endpoint_url, LISTED)["public bucket"]

    assert "unsigned LIST" in listed.detail


def test_a_public_url_that_gives_out_what_is_private(server):
    url = f"{server.endpoint_url}/{OPEN}"
    (opened,) = looked(server.endpoint_url, OPEN, R2_PUBLIC_URL=url)["public-url"]
    url = f"{server.endpoint_url}/{SHUT}"
    (shut,) = looked(server.endpoint_url, SHUT, R2_PUBLIC_URL=url)["public-url"]
    url = f"{server.endpoint_url}/{LISTED}"
    (listed,) = looked(server.endpoint_url, LISTED, R2_PUBLIC_URL=url)["public-url"]

    assert (opened.state, shut.state, listed.state) == ("error", "ok", "error")
    assert "gives out what is private" in opened.detail
    assert "lists every key" in listed.detail


def test_a_site_that_answers_everything_gives_out_nothing(server):
    def greet(_request, peer):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello")

    with serving(greet) as site:
        found = looked(server.endpoint_url, SHUT, R2_PUBLIC_URL=site.url)

    assert [one.state for one in found["public-url"]] == ["ok"]


@pytest.mark.parametrize("right", ["put", "get", "list"])
def test_a_key_that_may_too_little_is_told_what_is_missing(server, right):
    (rights,) = looked(server.endpoint_url, SHUT, f"no-{right}")["bucket rights"]

    assert rights.state == "error"
    assert rights.detail.startswith(f"no {right}: ")
    assert "Object Read & Write" in rights.hint


def test_a_key_that_sees_other_buckets(server):
    (scope,) = looked(server.endpoint_url, SHUT)["bucket scope"]

    assert scope.state == "warning"
    assert "2 other buckets" in scope.detail


def test_a_rule_of_the_server_that_deletes(server):
    name = f"ruled-{uuid.uuid4().hex}"
    _client(server).create_bucket(Bucket=name)
    _client(server).put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "tidy",
                    "Status": "Enabled",
                    "Filter": {"Prefix": "v1/"},
                    "Expiration": {"Days": 7},
                }
            ]
        },
    )

    (rules,) = looked(server.endpoint_url, name)["bucket rules"]

    assert rules.state == "error"


def test_what_a_killed_look_has_left_goes_with_a_later_one(server):
    old, new = f"{0:012x}{'a' * 20}", f"{2**47:012x}{'b' * 20}"
    for name in (old, new, "other"):
        _client(server).put_object(Bucket=SHUT, Key=f"v1/probe/{name}", Body=b"a look")

    looked(server.endpoint_url, SHUT, "all")

    left = _client(server).list_objects_v2(Bucket=SHUT)["Contents"]
    assert [one["Key"] for one in left] == [f"v1/probe/{new}", "v1/probe/other"]
    for one in left:
        _client(server).delete_object(Bucket=SHUT, Key=one["Key"])


def test_keys_that_are_wrong_and_a_bucket_that_is_not_there(server):
    (wrong,) = looked(server.endpoint_url, SHUT, "nobody")["bucket"]
    (missing,) = looked(server.endpoint_url, "not-there")["bucket"]
    (silent,) = looked("http://127.0.0.1:9", SHUT)["bucket"]

    assert (wrong.state, missing.state, silent.state) == ("error",) * 3
    assert all(one.hint for one in (wrong, missing, silent))


def old_server(kept):
    """Return a server of some years ago, whose key may not delete."""

    def answer(request, peer):
        key = request.path.partition("?")[0]
        body, status = b"", "200 OK"
        if "authorization" not in request.headers:
            status = "403 Forbidden"
        elif request.method == "PUT":  # whatever was asked, it is there
            kept[key] = request.body
        elif request.method == "POST":
            told = b"<Error><Key>%s</Key><Code>AccessDenied</Code></Error>"
            body = b"<DeleteResult>" + told % b"v1/probe" + b"</DeleteResult>"
        elif "?" in request.path:
            body = b"<ListBucketResult><IsTruncated>false</IsTruncated>"
            body += b"</ListBucketResult>"
        elif request.method == "GET":
            body, status = kept.get(key, b""), "206 Partial Content"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
        if status.startswith("206"):
            head += f"Content-Range: bytes 0-{len(body) - 1}/{len(body)}\r\n"
        peer.sendall(f"{head}\r\n".encode() + body)

    return answer


def test_a_server_that_heeds_no_condition_and_a_key_that_may_not_delete():
    with serving(old_server({})) as site:
        once, delete = looked(site.url, SHUT)["bucket rights"]

    assert (once.state, delete.state) == ("error", "error")
    assert once.detail.startswith("no put once: ")
    assert "If-None-Match" in once.hint
    assert delete.detail == "no delete: AccessDenied"
