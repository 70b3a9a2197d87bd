#!/usr/bin/env bash
# The search core on 64-bit ARM: compiled, and its kernels tested in an emulator if there is one; says why not
# otherwise. With an argument, that is passed on: `scripts/arm.sh --test exactness` takes twelve minutes.
#
# Needs the Rust target aarch64-unknown-linux-gnu; for the tests aarch64-linux-gnu-gcc and qemu-aarch64-static
# (Debian: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user-static).
set -euo pipefail
cd "$(dirname "$0")/.."
arm=aarch64-unknown-linux-gnu
if ! rustup target list --installed 2> /dev/null | grep -qx "$arm"; then
    echo "skipped: the standard library for $arm is not installed, its kernels are not compiled"
    exit
fi
if command -v aarch64-linux-gnu-gcc > /dev/null && command -v qemu-aarch64-static > /dev/null; then
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
    cargo test --target "$arm" -p geoloc-retrieval "${@:---lib}"
else
    echo "no compiler or emulator for $arm: its kernels are compiled, not tested"
    cargo check --target "$arm" -p geoloc-retrieval
fi
