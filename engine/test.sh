#!/bin/sh
# test.sh SOURCE_DIR TARGET_DIR - the engine's unit tests; the compiler build has them all.
set -eu
cd "$1"
export CARGO_TARGET_DIR="$2"
cargo test --quiet --locked --features compile
