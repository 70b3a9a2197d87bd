#!/bin/sh
# Measures encoders beside PyTorch and ONNX Runtime on the same threads, and prints one JSON object a
# line: measure, backend, turn, unit, ours, peer, peer_name, ratio (above 1: ours takes longer).
#
# Encoder by encoder, ours and the peers are measured by turns, twice each, so that a ratio is of the same
# minutes.
#
#   python3 -m venv peers && peers/bin/pip install -r benches/peers/requirements-backbones.txt
#   PYTHON=peers/bin/python benches/peers/backbones.sh
#
# THREADS (2 unless told) is the number of threads of everything; ENCODERS, the encoders that are measured;
# BACKEND, the backend of burn: flex (unless told), ndarray, or cuda or wgpu, beside which PyTorch runs on the same
# GPU. Under ndarray, whose convolutions are many times slower, choose the encoders. FLOAT is the type of weights and
# activations (f32, bf16, f16), BATCH the number of images (8).
set -eu
here=$(dirname "$0")
cd "$here/../.."
export THREADS="${THREADS:-2}" RAYON_NUM_THREADS="${THREADS:-2}"
export BACKEND="${BACKEND:-flex}"
features=
case $BACKEND in
    flex) ;;
    ndarray | cuda | wgpu) features="--features $BACKEND" ;;
    *) echo "BACKEND=$BACKEND: flex, ndarray, cuda or wgpu" >&2; exit 1 ;;
esac
for encoder in ${ENCODERS:-efficientnet_lite0 resnet18 resnet50 vit_small_patch14}; do
    for turn in 1 2; do
        cargo bench --quiet $features --bench backbones -- --noplot "$encoder" > /dev/null
        "${PYTHON:-python3}" benches/peers/backbones.py "${CARGO_TARGET_DIR:-target}/criterion" "$encoder" "$turn"
    done
done
