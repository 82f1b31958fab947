#!/bin/sh
# What `make install` and `make uninstall` do.
#
#   install.sh install     put the program, its pages and its units where they belong
#   install.sh uninstall   take away exactly what an install put, and nothing else
#
# The program is a virtual environment in $PREFIX/lib/expokeep-releases/NAME, and
# $PREFIX/lib/expokeep is a symbolic link to it. An upgrade builds the new one beside the
# old and then renames a link, so that whoever looks sees one whole release or the
# other; a daemon that runs names its own release in all it imports, and goes on with it.
#
# What was put is written down in $PREFIX/share/expokeep/manifest, one path a line:
#   f PATH   a file or a link       d PATH   a directory that was not there before
#   t PATH   a directory with all that is in it
# Configuration, credentials and what the daemon keeps are never in it.
set -eu
umask 022
# Python looks for what it imports where it is started, and that may be a directory that
# anybody may write to.
export PYTHONSAFEPATH=1
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP

PREFIX=${PREFIX:-/usr/local}
SYSCONFDIR=${SYSCONFDIR:-/etc}
DESTDIR=${DESTDIR:-}
EXTRAS=${EXTRAS:-}
PYTHON=${PYTHON:-/usr/bin/python3}

top=$(cd "$(dirname "$0")/.." && pwd)
lib=$PREFIX/lib
share=$PREFIX/share
program=$lib/expokeep
releases=$lib/expokeep-releases
manifest=$share/expokeep/manifest
config=$SYSCONFDIR/expokeep
# systemd looks below /usr/lib and /usr/local/lib, and below /etc for all others.
case $PREFIX in
/usr | /usr/local) confdir=$lib units=$lib/systemd/system ;;
*) confdir=$SYSCONFDIR units=$SYSCONFDIR/systemd/system ;;
esac

say() { echo "expokeep: $*"; }
fail() {
    echo "expokeep: $*" >&2
    exit 1
}
# Whether this machine is to follow, and not only a directory that is packed elsewhere.
is_live() { [ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ] && [ -d /run/systemd/system ]; }

# ---------------------------------------------------------------- what is noted

# Make a directory, and note each that was not there before.
directory() {
    [ -d "$DESTDIR$1" ] && return
    directory "$(dirname "$1")"
    mkdir "$DESTDIR$1"
    echo "d $1" >>"$work/manifest"
}

# Put a file (its mode, where it comes from, where it goes), with the paths in it that
# follow PREFIX and SYSCONFDIR.
put() {
    directory "$(dirname "$3")"
    # Beside its place and then renamed: nobody reads half a file.
    sed -e "s|/usr/local/|$PREFIX/|g" -e "s|/etc/expokeep|$config|g" "$2" \
        >"$DESTDIR$3.new"
    chmod "$1" "$DESTDIR$3.new"
    mv -f "$DESTDIR$3.new" "$DESTDIR$3"
    echo "f $3" >>"$work/manifest"
}

# Make a symbolic link: where to, and its own path.
link() {
    directory "$(dirname "$2")"
    ln -sfn "$1" "$DESTDIR$2.new"
    mv -fT "$DESTDIR$2.new" "$DESTDIR$2"
    echo "f $2" >>"$work/manifest"
}

# ---------------------------------------------------------------- Python

require_python() {
    [ -x "$PYTHON" ] || fail "$PYTHON is missing: apt-get install python3 python3-venv"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$PYTHON is $("$PYTHON" -V 2>&1), and expokeep needs 3.11 or newer" \
            "(name another one: make install SYSTEM_PYTHON=...)"
    # The daemon is another user: a Python in somebody's home is out of its reach.
    closed=$("$PYTHON" - <<'EOF'
import os, sys
path = os.path.realpath(sys.executable)
above = [path]
while above[-1] != "/":
    above.append(os.path.dirname(above[-1]))
print(next((one for one in reversed(above) if not os.stat(one).st_mode & 1), ""))
EOF
    )
    [ -z "$closed" ] || fail "$PYTHON is of no use to other users: $closed is closed to" \
        "them (name another one: make install SYSTEM_PYTHON=...)"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null && return
    if [ "$(id -u)" = 0 ] && [ -z "$DESTDIR" ] && command -v apt-get >/dev/null; then
        apt-get -qq update &&
            DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv >/dev/null
    else
        fail "$PYTHON has no venv: sudo apt-get install python3-venv"
    fi
}

# Build a release, and set $release to where it is to be.
build() {
    # Without what lies around in the checkout: a stale build/ would get into the wheel.
    mkdir "$work/source"
    cp "$top/pyproject.toml" "$top/README.md" "$top/LICENSE" "$work/source/"
    cp -R "$top/daemon" "$work/source/daemon"
    find "$work/source" -name '__pycache__' -prune -exec rm -rf {} + \
        -o -name '*.egg-info' -prune -exec rm -rf {} +
    # pip stays behind: a release has only what it runs.
    "$PYTHON" -m venv "$work/tools"
    pip="$work/tools/bin/python -m pip --disable-pip-version-check"
    $pip wheel --quiet --no-deps --wheel-dir "$work" "$work/source"
    wheel=$(echo "$work"/expokeep-*.whl)
    version=${wheel##*/expokeep-}
    version=${version%%-*}

    directory "$releases"
    made=$(mktemp -d "$DESTDIR$releases/$version.XXXXXX")
    chmod 755 "$made"
    release=${made#"$DESTDIR"}
    "$PYTHON" -m venv --without-pip "$made"
    $pip --python "$made/bin/python" install --quiet --no-compile \
        "$wheel${EXTRAS:+[$EXTRAS]}"
    settle "$made"
}

# Let a release forget where it was made, and compile it: its users cannot.
settle() {
    rm -f "$1"/bin/activate* "$1"/bin/Activate*
    "$PYTHON" - "$1" "$release" <<'EOF'
import pathlib, sys
made, place = map(pathlib.Path, sys.argv[1:])
for path in [made / "pyvenv.cfg", *(made / "bin").iterdir()]:
    if not path.is_symlink():
        path.write_bytes(path.read_bytes().replace(bytes(made), bytes(place)))
# Where the wheel lay is nobody's business, and it is gone.
for record in made.glob("lib/*/site-packages/expokeep-*.dist-info/RECORD"):
    record.with_name("direct_url.json").unlink(missing_ok=True)
    kept = [one for one in record.read_text().splitlines() if "direct_url" not in one]
    record.write_text("\n".join(kept) + "\n")
EOF
    # -s and -p: tracebacks name the final place.
    "$1/bin/python" -m compileall -q -j 0 -s "${DESTDIR:-/}" -p / "$1/lib" >/dev/null
}

# ---------------------------------------------------------------- what is put

put_pages() {
    python=$made/bin/python
    "$python" -m expokeep.cli.manual "$work/man" "$(date_of_release)"
    for page in "$work"/man/*; do
        put 644 "$page" "$share/man/man${page##*.}/${page##*/}"
    done
    for shell in bash zsh fish; do
        "$python" -c 'from expokeep.cli.main import main; main()' \
            completion "$shell" >"$work/$shell"
    done
    put 644 "$work/bash" "$share/bash-completion/completions/expokeep"
    put 644 "$work/zsh" "$share/zsh/site-functions/_expokeep"
    put 644 "$work/fish" "$share/fish/vendor_completions.d/expokeep.fish"
}

date_of_release() { git -C "$top" log -1 --format=%cs 2>/dev/null || :; }

put_units() {
    for unit in "$top"/systemd/*.service "$top"/systemd/*.service.d/*.conf; do
        [ -e "$unit" ] || continue
        put 644 "$unit" "$units/${unit#"$top/systemd/"}"
    done
    put 644 "$top/systemd/expokeep.sysusers.conf" "$confdir/sysusers.d/expokeep.conf"
    put 644 "$top/systemd/expokeep.tmpfiles.conf" "$confdir/tmpfiles.d/expokeep.conf"
    put 644 "$top/systemd/expokeep.sysctl.conf" "$confdir/sysctl.d/50-expokeep.conf"
    case $PREFIX/ in /usr/*) return ;; esac
    # The services see /usr, and nothing else of what is not named to them.
    printf '%s\n' '# The program is not below /usr, which is all that the service sees.' \
        '[Service]' "BindReadOnlyPaths=$PREFIX/bin $PREFIX/lib" \
        "ExecPaths=$PREFIX/bin $PREFIX/lib" >"$work/prefix.conf"
    for unit in expokeepd expokeep-restore@; do
        put 644 "$work/prefix.conf" "$units/$unit.service.d/20-prefix.conf"
    done
}

put_shared() {
    put 644 "$top/config/expokeep.example.yaml" "$share/expokeep/expokeep.example.yaml"
    for path in "$top"/config/prometheus/*.yml "$top"/config/grafana/*.json; do
        [ -f "$path" ] || continue
        put 644 "$path" "$share/expokeep/${path#"$top/config/"}"
    done
    for path in $(cd "$top/systemd" && find examples -type f 2>/dev/null); do
        put 644 "$top/systemd/$path" "$share/expokeep/$path"
    done
}

# What is the operator's is made once, and is in no manifest.
put_configuration() {
    mkdir -p "$DESTDIR$config"
    if [ ! -d "$DESTDIR$config/credentials" ]; then
        mkdir -m 700 "$DESTDIR$config/credentials"
    fi
    if [ ! -e "$DESTDIR$config/expokeep.yaml" ]; then
        sed "s|/usr/local/|$PREFIX/|g; s|/etc/expokeep|$config|g" \
            "$top/config/expokeep.start.yaml" >"$DESTDIR$config/expokeep.yaml"
        chmod 644 "$DESTDIR$config/expokeep.yaml"
    fi
}

# ---------------------------------------------------------------- install

# The release that is in use now, or nothing.
current() { readlink "$DESTDIR$program" 2>/dev/null || :; }

install_all() {
    [ ! -e "$DESTDIR$program" ] || [ -L "$DESTDIR$program" ] ||
        fail "$DESTDIR$program is there, and no link of ours: move it away"
    require_python
    work=$(mktemp -d)
    made=
    trap 'give_up' EXIT
    trap 'exit 130' INT TERM HUP
    : >"$work/manifest"
    mkdir -p "$DESTDIR/"
    before=$(current)

    say "building the program with $("$PYTHON" -V 2>&1)"
    build
    put_pages
    put_units
    put_shared
    put_configuration
    link "$program/bin/expokeep" "$PREFIX/bin/expokeep"
    link "$program/bin/expokeepd" "$PREFIX/bin/expokeepd"
    link "$release" "$program"
    made=
    note
    is_live && follow
    advise
}

# Leave nothing behind, and nothing changed, if the release did not come about.
give_up() {
    [ -z "$made" ] || rm -rf "$made"
    rm -rf "$work"
}

# Write the manifest, and take away what only the release before had.
note() {
    directory "$share/expokeep"
    old=$DESTDIR$manifest
    [ -e "$old" ] || old=/dev/null
    # Directories that an install before this one made are ours still.
    grep '^d ' "$old" >>"$work/manifest" || :
    for path in "$DESTDIR$releases"/*/; do
        path=${path%/}
        case ${path#"$DESTDIR"} in
        "$release" | "$before") ;;
        *) in_use "$path" || { rm -rf "$path" && continue; } ;;
        esac
        echo "t ${path#"$DESTDIR"}" >>"$work/manifest"
    done
    echo "f $manifest" >>"$work/manifest"
    sort -u "$work/manifest" >"$work/sorted"
    grep '^f ' "$old" | cut -c 3- | while read -r path; do
        grep -qxF "f $path" "$work/sorted" || rm -f "$DESTDIR$path"
    done
    cp "$work/sorted" "$DESTDIR$manifest.new"
    mv -f "$DESTDIR$manifest.new" "$DESTDIR$manifest"
}

# Whether some process has a library or the Python of a release open.
in_use() { grep -qsF "$1/" /proc/[0-9]*/maps /proc/[0-9]*/cmdline; }

# Let the running system learn what is new.
follow() {
    systemd-sysusers "$confdir/sysusers.d/expokeep.conf"
    systemd-tmpfiles --create "$confdir/tmpfiles.d/expokeep.conf"
    # All of them in their order: another file of this host may say more than ours.
    if command -v sysctl >/dev/null; then
        sysctl --system >/dev/null || say "sysctl --system failed; look at its output"
    else
        systemctl restart systemd-sysctl.service
    fi
    systemctl daemon-reload
}

advise() {
    if [ -n "$before" ]; then
        say "$version is installed; what runs goes on with the release before it." \
            "Next (see docs/UPGRADE.md):"
        cat <<EOF
  CREDENTIALS_DIRECTORY=$config/credentials expokeep db migrate --dry-run
                                     # whether the schema changes; then without
  systemctl restart expokeepd
EOF
        return
    fi
    say "$version is installed. Next:"
    if ! is_live; then
        cat <<EOF
  systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload
                                     # the user expokeep; or make it by useradd
EOF
    fi
    cat <<EOF
  \$EDITOR $config/expokeep.yaml     # which bucket: endpoint, bucket, access-key-id
  # Two credentials, which only root reads, each alone in its file (mode 600):
  #   $config/credentials/secret-access-key   that of the access key
  #   $config/credentials/database-url        postgresql://USER:PASSWORD@HOST/DATABASE
  expokeep config validate $config/expokeep.yaml
  CREDENTIALS_DIRECTORY=$config/credentials expokeep db migrate
                                     # once, as a role that may create a schema
  systemctl enable --now expokeepd
  expokeep doctor                    # what is wrong, and how to mend it
EOF
}

# ---------------------------------------------------------------- uninstall

uninstall_all() {
    [ -e "$DESTDIR$manifest" ] ||
        fail "nothing is installed below $DESTDIR$PREFIX ($DESTDIR$manifest is missing)"
    if is_live; then
        systemctl disable --quiet --now expokeepd.service 2>/dev/null || :
    fi
    listed=$(mktemp)
    trap 'rm -f "$listed"' EXIT
    cp "$DESTDIR$manifest" "$listed"
    while read -r kind path; do
        case "$kind $path" in
        "f "*/../* | "t "*/../*) fail "$manifest is damaged: $path" ;;
        "f /"*) rm -f "$DESTDIR$path" ;;
        "t $releases/"?*) rm -rf "$DESTDIR$path" ;;
        "d /"*) ;;
        *) fail "$manifest is damaged: $kind $path" ;;
        esac
    done <"$listed"
    # The deepest first; what holds something of others stays.
    grep '^d ' "$listed" | cut -c 3- | sort -r | while read -r path; do
        rmdir "$DESTDIR$path" 2>/dev/null || :
    done
    if is_live; then
        systemctl daemon-reload
    fi
    say "uninstalled. These stay, for they are yours:"
    echo "  $config: configuration and credentials"
    echo "  /var/lib/expokeep: the spool, which may hold what is nowhere else yet"
    echo "  the user expokeep, the bucket, and the schema in Postgres"
}

case ${1:-} in
install) install_all ;;
uninstall) uninstall_all ;;
*)
    echo "usage: install.sh install|uninstall" >&2
    exit 2
    ;;
esac
