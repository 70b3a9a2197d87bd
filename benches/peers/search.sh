#!/usr/bin/env bash
# Compares the search core with other engines on the same vectors: one JSON object a line.
#
#   benches/peers/search.sh [FOLDER [DATA]]
#
# FOLDER receives the vectors and the engines' indexes (about 3 GB; default: a folder under target/).
# DATA is the folder of the development data; with weights/geoclip in it, the GeoCLIP gallery is
# measured too. Needs Python 3 with: pip install -r benches/peers/requirements.txt
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-target/search-peers}
data=${2:-${GEOLOC_DATA:-../shared/data}}
python=${PYTHON:-python3}
here=benches/peers
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 RAYON_NUM_THREADS=1

cargo build --release --quiet -p geoloc-retrieval --example search_probe
probe=${CARGO_TARGET_DIR:-target}/release/examples/search_probe
[ -e "$folder/synth128/meta.txt" ] || "$python" "$here/data.py" "$folder/synth128" 1000000 128
"$python" "$here/search.py" "$probe" "$folder/synth128"
if [ -e "$data/weights/geoclip/location_encoder_weights.pth" ]; then
    [ -e "$folder/geoclip512/meta.txt" ] || "$python" "$here/data.py" "$folder/geoclip512" geoclip "$data"
    "$python" "$here/search.py" "$probe" "$folder/geoclip512" exact unsealed lists cells graphs
else
    echo "no weights/geoclip in $data: the GeoCLIP gallery is not measured" >&2
fi
# A region beside usearch's predicate, which Python cannot reach; needs a C++ compiler, and minutes for the
# graph's kernels, without which it runs "serial" and several times slower than it can.
if cargo build --release --quiet -p geoloc-retrieval --features usearch-simd --example filter_probe; then
    "${probe%/*}/filter_probe" "$folder/synth128" 100000
else
    echo "usearch could not be compiled: its filter is not measured" >&2
fi
# The guard of the kernels: exact search against an f32 product in the same process.
cargo bench --quiet -p geoloc-retrieval --bench search -- --noplot
