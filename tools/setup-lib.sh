# setup-lib.sh - what tools/setup is made of; sourced by it, never run.
# Each need_* installs one kind of thing and does nothing when it is there.

say() {
	printf 'setup: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "root or sudo is needed for: $*"
	fi
}

# Is $1 (a version) at least $2?
version_ge() {
	[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# The listed Debian packages.
need_debian() {
	local missing=() name status
	for name in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$name" \
		    2>/dev/null || true)
		[ "$status" = installed ] || missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing Debian packages: ${missing[*]}"
	if [ -z "$(find "$deps/.apt-updated" -mmin -600 2>/dev/null)" ]; then
		as_root apt-get update -q >&2
		: >"$deps/.apt-updated"
	fi
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
	    --no-install-recommends "${missing[@]}" </dev/null >&2
}

rust_version() {
	cargo --version 2>/dev/null | cut -d' ' -f2
}

# A cargo of at least $rust_min: the one in PATH, else Debian's.
need_rust() {
	version_ge "$(rust_version || true)" "$rust_min" && return 0
	need_debian rustc-web cargo-web
	hash -r
	version_ge "$(rust_version || true)" "$rust_min" && return 0
	die "cargo in PATH is $(rust_version || echo missing);" \
	    "$rust_min or newer is needed"
}

# True when the stamp $1 holds the hash of the remaining files; else prints it.
fresh() {
	local stamp=$1
	shift
	want=$(cat "$@" | sha256sum | cut -d' ' -f1)
	[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]
}

# Sets node and npm.  npm leaves out what it thinks its own Node.js too old for,
# so a Node.js older than 22 (Debian's is 18) only fetches a newer one.
need_node() {
	local arch=x64
	command -v npm >/dev/null || need_debian nodejs npm
	npm=$(readlink -f "$(command -v npm)")
	node=$(command -v node)
	version_ge "$(node --version | tr -d v)" 22 && return 0
	[ "$(uname -m)" != aarch64 ] || arch=arm64
	node=$deps/node/node_modules/node-linux-$arch/bin/node
	[ -x "$node" ] && return 0
	say "installing Node.js $node_version"
	npm install --prefix "$deps/node" --no-audit --no-fund --no-save \
	    --loglevel=error "node-linux-$arch@$node_version" >&2
}

# The npm packages locked in folder $1 of the checkout, installed into $2.
need_npm() {
	local from=$root/$1 to=$2 want
	fresh "$to/.stamp" "$from/package.json" "$from/package-lock.json" &&
	    return 0
	need_node
	say "installing npm packages of $1/package-lock.json"
	mkdir -p "$to"
	rm -f "$to/.stamp"
	cp "$from/package.json" "$from/package-lock.json" "$to/"
	(cd "$to" && PATH=$(dirname "$node"):$PATH "$node" "$npm" ci \
	    --no-audit --no-fund --loglevel=error) >&2
	echo "$want" >"$to/.stamp"
}

# The Python packages of tools/requirements.txt, in .deps/venv.
need_venv() {
	need_venv_of tools/requirements.txt "$deps/venv"
}

# The Python packages of file $1 of the checkout, in $2.
need_venv_of() {
	local want
	fresh "$2/.stamp" "$root/$1" && return 0
	need_debian python3 python3-venv
	say "installing the Python packages of $1"
	rm -rf "$2"
	/usr/bin/python3 -m venv "$2"
	env -u PIP_FIND_LINKS "$2/bin/pip" install -q \
	    --disable-pip-version-check -r "$root/$1" >&2
	echo "$want" >"$2/.stamp"
}

# The reference runtime; building it takes some ten minutes on two cores.
need_wasmtime() {
	local want="$wasmtime_version $wasmtime_features"
	[ -x "$deps/cargo/bin/wasmtime" ] &&
	    [ "$(cat "$deps/cargo/.stamp" 2>/dev/null)" = "$want" ] && return 0
	say "building wasmtime $wasmtime_version (about ten minutes)"
	cargo install wasmtime-cli --version "$wasmtime_version" --force \
	    --root "$deps/cargo" --no-default-features --locked \
	    --features "$wasmtime_features" --quiet >&2
	echo "$want" >"$deps/cargo/.stamp"
}

# C bindings of WIT.  Unoptimised: it builds in half the time, and runs for a moment.
need_wit_bindgen() {
	[ -x "$deps/cargo/bin/wit-bindgen" ] &&
	    [ "$(cat "$deps/cargo/.wit-bindgen" 2>/dev/null)" = \
	    "$wit_bindgen_version" ] && return 0
	say "building wit-bindgen $wit_bindgen_version (about two minutes)"
	CARGO_PROFILE_DEV_DEBUG=none cargo install wit-bindgen-cli \
	    --version "$wit_bindgen_version" --force --debug --root "$deps/cargo" \
	    --no-default-features --features c --locked --quiet >&2
	echo "$wit_bindgen_version" >"$deps/cargo/.wit-bindgen"
}
