#!/usr/bin/env bash
# The demo of HTTP, without the internet: one sandbox serves pages, another asks for them.
set -uo pipefail
cd "$(dirname "$0")"
writ=${WRIT:-../../build/writ}
mkdir -p out
log=out/serve.log

"$writ" serve --addr 127.0.0.1:0 ../out/serve-c.wasm >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null' EXIT
for _ in $(seq 100); do
	at=$(sed -n 's,^Serving HTTP on \(http://[0-9.:]*\).*,\1,p' "$log")
	[ -z "$at" ] || break
	sleep 0.1
done
[ -n "$at" ] || { cat "$log" >&2; exit 1; }

show() {
	printf '\n$ %s\n' "$*"
	"$@"
	local rc=$?
	printf '(exit status %d)\n' "$rc"
	return "$rc"
}

echo "== A component serves $at, each request in a fresh instance"
echo
echo "== Another may ask for nothing: the refusal names the smallest grant"
if show "$writ" run ../out/fetch-c.wasm GET "$at/hello"; then
	echo "demo: it worked with no grant: that must not happen" >&2
	exit 1
fi

echo
echo "== With a writ: GET of one page, ten times an hour"
cat >out/web.writ.yaml <<EOF
writ: 1
name: web-demo
random: secure
http:
  - name: hello
    methods: [GET]
    url: "$at/hello"
    addresses: ["127.0.0.1/32"]    # this machine has to be named
    response: { headers: [content-type], max: 1KiB }
    rate: 10/h
deny: [{ name: no-admin, http: { url: "$at/**/admin/**" } }]
EOF
show cat out/web.writ.yaml
show "$writ" check out/web.writ.yaml || exit 1
show "$writ" run -w out/web.writ.yaml ../out/fetch-c.wasm GET "$at/hello" || exit 1
for words in "POST $at/hello -d x" "GET $at/hello?page=2" "GET $at/admin" \
    "GET $at/hello -H cookie:a=b" "GET http://127.0.0.1:1/hello"; do
	# the words of one command
	# shellcheck disable=SC2086
	show "$writ" run -w out/web.writ.yaml ../out/fetch-c.wasm $words && exit 1
done
exit 0
