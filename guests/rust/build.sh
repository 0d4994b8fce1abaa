#!/usr/bin/env bash
# build.sh OUT - the Rust guest as a core module, with Debian's Rust toolchain
# (it carries no wasm32 standard library, so std is built from its sources).
set -euo pipefail
cd "$(dirname "$0")"
out=$(cd .. && pwd)/$1
libc=/usr/lib/wasm32-wasi
target=$(cd .. && pwd)/out/rust
export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$target
flags=(-Clinker=wasm-ld-16 -Clinker-flavor=wasm-ld -Clink-self-contained=no
    -L "$libc" -Clink-arg="$libc/crt1-command.o" -Clink-arg=-lc)
export CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="${flags[*]}"
/usr/bin/cargo build -q --release -Zbuild-std=std,panic_abort \
    --target wasm32-wasip1
cp "$target/wasm32-wasip1/release/hello.wasm" "$out"
