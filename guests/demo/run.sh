#!/usr/bin/env bash
# The demo: a small tool, first with nothing, then with exactly what it needs.
set -uo pipefail
cd "$(dirname "$0")"
writ=${WRIT:-../../build/writ}
tool=../out/mdindex-c.wasm
mkdir -p out
rm -f out/index.md
# Started as root, Writ drops to an unprivileged user: let it write there.
[ "$(id -u)" -ne 0 ] || chmod 1777 out

show() {
	printf '\n$ %s\n' "$*"
	"$@"
	local rc=$?
	printf '(exit status %d)\n' "$rc"
	return "$rc"
}

echo "== What the tool asks for, and what it would get"
show "$writ" inspect "$tool" || exit 1

echo
echo "== With no writ: every wish is refused, and named"
if show "$writ" run --trace-denials "$tool" -- /notes /out/index.md; then
	echo "demo: it worked with no grant: that must not happen" >&2
	exit 1
fi
[ ! -e out/index.md ] || exit 1

echo
echo "== With a writ that grants two folders"
show cat mdindex.writ.yaml
show "$writ" check mdindex.writ.yaml || exit 1
show "$writ" run -w mdindex.writ.yaml "$tool" -- /notes /out/index.md || exit 1
show cat out/index.md
