#!/bin/sh
# Measures encoders beside PyTorch and ONNX Runtime on the same threads, and prints one JSON object a
# line: measure, unit, ours, peer, peer_name, ratio (above 1: ours takes longer).
#
#   python3 -m venv peers && peers/bin/pip install -r benches/peers/requirements-backbones.txt
#   PYTHON=peers/bin/python benches/peers/backbones.sh
#
# THREADS (2 unless told) is the number of threads of everything.
set -eu
here=$(dirname "$0")
cd "$here/../.."
export THREADS="${THREADS:-2}" RAYON_NUM_THREADS="${THREADS:-2}"
cargo bench --quiet --bench backbones -- --noplot > /dev/null
"${PYTHON:-python3}" benches/peers/backbones.py "${CARGO_TARGET_DIR:-target}/criterion"
