# The front door; Meson and guests/Makefile do the work.  Every target first
# installs what it lacks (tools/setup).  `build` leaves the programs in build/,
# where they find each other.
BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60

.PHONY: all build guests run check bench probe fuzz sanitize install clean

all: build

build:
	tools/setup build test
	[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) --prefix $(PREFIX)
	$(if $(filter file,$(origin PREFIX)),,meson configure $(BUILD) --prefix $(PREFIX))
	ninja -C $(BUILD)
	@for p in writ writ-worker writ-compiler writ-mcp writ-net; do \
		f=$$(find $(BUILD)/src -type f -name $$p) && \
		[ -z "$$f" ] || ln -f "$$f" $(BUILD)/$$p; \
	done

guests:
	tools/setup guests
	$(MAKE) -C guests

run: build guests
	guests/demo/run.sh

check: build
	tools/setup test guests conformance rust oracle fuzz clients
	$(MAKE) -C guests all more
	tools/check $(BUILD)

bench: build
	tools/setup guests bench
	$(MAKE) -C guests all bench
	bench/run --build $(BUILD)

probe: build
	tools/setup guests
	$(MAKE) -C guests all
	$(BUILD)/writ probe

fuzz:
	tools/setup build fuzz
	tools/fuzz $(FUZZ_SECONDS)

# All tests under ASan, UBSan and TSan.
sanitize: build
	tools/setup test guests rust fuzz
	$(MAKE) -C guests all more
	tools/sanitize $(BUILD)

install: build
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-fuzz build-asan build-tsan guests/out
