#!/bin/sh
# Measures cells, partitions and distances beside their peers, and prints one JSON object a line:
# measure, unit, ours, peer, peer_name, ratio, target, holds.
#
#   benches/peers/cells.sh                 all
#   benches/peers/cells.sh encoder lookup  some of: partition encoder lookup distances geoclasses
#
# Peers in Rust (crates s2 and geo) are built; scikit-learn and s2geometry (C++ S2) are measured if
# the Python given by PYTHON has them:
#
#   python3 -m venv peers && peers/bin/pip install s2geometry==0.14.0 scikit-learn
#   PYTHON=peers/bin/python benches/peers/cells.sh
set -eu
here=$(dirname "$0")
cd "$here/../.."
results=$(mktemp)
trap 'rm -f "$results"' EXIT
# The large partition first and alone: its peak memory is that of the process.
if [ $# -eq 0 ]; then
    cargo bench --quiet -p geoloc-geo-cells --bench cells_peers -- partition > "$results"
    cargo bench --quiet -p geoloc-geo-cells --bench cells_peers -- \
        encoder lookup distances geoclasses >> "$results"
    "${PYTHON:-python3}" benches/peers/cells.py "$results"
else
    cargo bench --quiet -p geoloc-geo-cells --bench cells_peers -- "$@"
fi
