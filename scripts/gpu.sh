#!/usr/bin/env bash
# What an NVIDIA GPU is needed for: the contract tests on it, then encoders on it beside PyTorch on the same GPU, in f32
# and bf16, one JSON object a line (see benches/peers/backbones.sh). Says why not where there is no GPU.
#
#   LLVM=/usr/lib/llvm-22 PYTHON=peers/bin/python scripts/gpu.sh > gpu.jsonl
#
# LLVM is the prefix of an installed LLVM 22 with static libraries; without it the build fetches one (docs/src/gpu.md).
# BATCHES are the sizes of batches (8 64), ENCODERS as for the script of the encoders.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! nvidia-smi -L > /dev/null 2>&1; then
    echo "skipped: no NVIDIA GPU answers" >&2
    exit
fi
nvidia-smi --query-gpu=name,driver_version,clocks.sm --format=csv,noheader >&2
export CUDARC_CUDA_VERSION=${CUDARC_CUDA_VERSION:-13000}
if [ -n "${LLVM:-}" ]; then
    export XDG_DATA_HOME=$PWD/.llvm
    place=$XDG_DATA_HOME/tracel/tracel-llvm-23.1.0-4
    mkdir -p "$place"
    for part in bin include lib share; do ln -sfn "$LLVM/$part" "$place/$part"; done
    touch "$place/.tracel-llvm-installed"
fi
GEOLOC_TEST_DEVICE=cuda cargo test --release --features cuda --test backends >&2
for float in f32 bf16; do
    for batch in ${BATCHES:-8 64}; do
        BACKEND=cuda FLOAT=$float BATCH=$batch benches/peers/backbones.sh
    done
done
