#!/bin/sh
# build-lib.sh SOURCE_DIR TARGET_DIR OUTPUT PROFILE [CARGO ARGUMENTS...]
# Runs cargo (which decides what is stale) and puts the static library at OUTPUT,
# touching it only when it changed.
set -eu
source_dir=$1
target_dir=$2
output=$3
profile=$4
shift 4
CARGO_TARGET_DIR=$target_dir cargo build --quiet --locked \
    --manifest-path "$source_dir/Cargo.toml" --profile "$profile" "$@"
made=$target_dir/$profile/libwrit_engine.a
cmp -s "$made" "$output" || cp "$made" "$output"
