#!/usr/bin/env bash
# build.sh FOLDER JCO... - assemble the raw components of make.py into FOLDER.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
shift
for name in $(python3 "$here/make.py" "$folder"); do
	"$@" parse "$folder/$name.wat" -o "$folder/$name.wasm" >/dev/null
done
rm -rf "$folder/base"
echo "guest $folder/*.wasm"
