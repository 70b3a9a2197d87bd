#!/bin/sh
# Measures encoders beside PyTorch and ONNX Runtime on the same threads, and prints one JSON object a
# line: measure, unit, turn, ours, peer, peer_name, ratio (above 1: ours takes longer).
#
# Encoder by encoder, ours and the peers are measured by turns, twice each, so that a ratio is of the same
# minutes.
#
#   python3 -m venv peers && peers/bin/pip install -r benches/peers/requirements-backbones.txt
#   PYTHON=peers/bin/python benches/peers/backbones.sh
#
# THREADS (2 unless told) is the number of threads of everything; ENCODERS, the encoders that are measured.
set -eu
here=$(dirname "$0")
cd "$here/../.."
export THREADS="${THREADS:-2}" RAYON_NUM_THREADS="${THREADS:-2}"
for encoder in ${ENCODERS:-efficientnet_lite0 resnet18 resnet50 vit_small_patch14}; do
    for turn in 1 2; do
        cargo bench --quiet --bench backbones -- --noplot "$encoder" > /dev/null
        "${PYTHON:-python3}" benches/peers/backbones.py "${CARGO_TARGET_DIR:-target}/criterion" "$encoder" "$turn"
    done
done
