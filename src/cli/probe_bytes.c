#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/limits.h"
#include "cli/probe.h"

#define MUTANTS 600
#define MUTANT_SEED 0x5752495450524fu
#define SOURCE_MAX (512 * 1024)
#define BOMB_FUNCTIONS 1000000u
#define BOMB_MAX (64 * 1024 * 1024)
#define CODE_MAX (16 * 1024 * 1024)

static bool
read_file(const char *path, struct writ_buf *out)
{
	char block[65536];
	writ_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, block, sizeof(block))) > 0)
		writ_buf_add(out, block, (size_t)n);
	return fd >= 0 && n == 0 && writ_buf_status(out) == WRIT_OK;
}

static bool
read_guest(const struct probe_suite *suite, const char *guest,
    struct writ_buf *out)
{
	char path[4400];

	snprintf(path, sizeof(path), "%s/%s.wasm", suite->guests, guest);
	return read_file(path, out);
}

/* ---- CMP-01 */

static uint32_t
next(uint64_t *pos, uint32_t below)
{
	uint32_t n;

	writ_hash_stream(MUTANT_SEED, pos, &n, sizeof(n));
	return below ? n % below : 0;
}

/* One of five ways to spoil `from`, by number. */
static void
mutate(unsigned i, uint64_t *pos, const struct writ_buf *from,
    struct writ_buf *to)
{
	uint32_t at, k, n = (uint32_t)from->len;

	writ_buf_reset(to);
	if (i % 5 == 0) {	/* truncated */
		writ_buf_add(to, from->ptr, 1 + next(pos, n - 1));
		return;
	}
	if (i % 5 == 1) {	/* random behind a right header */
		writ_buf_add(to, from->ptr, 8);
		for (k = next(pos, 512); k > 0; k--)
			writ_buf_char(to, (char)next(pos, 256));
		return;
	}
	writ_buf_add(to, from->ptr, from->len);
	if (writ_buf_status(to) != WRIT_OK)
		return;
	for (k = 1 + next(pos, i % 5 == 2 ? 1 : 16); k > 0; k--) {
		at = 8 + next(pos, i % 5 == 3 ? (n > 600 ? 600 : n - 8) : n - 8);
		to->ptr[at] = i % 5 == 2 ? to->ptr[at] ^ (uint8_t)(1u <<
		    next(pos, 8)) : (uint8_t)next(pos, 256);
	}
}

/* A clean answer: described, or refused in a sentence.  Anything else is a crash. */
static bool
is_clean(enum writ_status st, const struct writ_err *err)
{
	return st == WRIT_OK || ((st == WRIT_INVALID || st == WRIT_UNSUPPORTED ||
	    st == WRIT_LIMIT) && err->msg[0] != '\0');
}

void
probe_mutants(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	static const char *const sources[] = { "wat/log-one", "wat/tcp-create",
		"probe/reenter", "hello-c" };
	struct probe_place place;
	struct writ_buf from, to;
	struct writ_err err = { WRIT_OK, "" };
	char path[512], *json;
	unsigned i, refused = 0, accepted = 0, bad = 0;
	enum writ_status st;
	uint64_t pos = 0;

	writ_buf_init(&from, SOURCE_MAX);
	writ_buf_init(&to, SOURCE_MAX);
	probe_point(&r->canary, true, "no crash, host unchanged");
	if (!probe_place_open(&place, NULL))
		return;
	snprintf(path, sizeof(path), "%s/mutant.wasm", place.dir);
	for (i = 0; i < MUTANTS; i++) {
		if (i % (MUTANTS / 4) == 0) {
			writ_buf_reset(&from);
			if (!read_guest(suite, sources[i / (MUTANTS / 4)],
			    &from))
				break;
		}
		mutate(i, &pos, &from, &to);
		if (!probe_place_write(&place, "mutant.wasm", to.ptr, to.len))
			break;
		json = NULL;
		err.msg[0] = '\0';
		st = writ_host_inspect(suite->host, path, NULL, &json, &err);
		writ_free(json);
		refused += st != WRIT_OK;
		accepted += st == WRIT_OK;
		if (!is_clean(st, &err) && bad++ == 0)
			probe_point(&r->canary, false, "mutant %u: %s: %.150s",
			    i, writ_status_name(st), err.msg);
	}
	probe_place_check(&place, NULL, &r->canary);
	probe_point(&r->refused, i == MUTANTS && !bad && refused > 0,
	    "%u mutants: %u refused in a sentence, %u still components, "
	    "%u not clean", i, refused, accepted, bad);
	probe_point(&r->audit, true, "no session: nothing was started");
	json = NULL;
	snprintf(path, sizeof(path), "%s/hello-c.wasm", suite->guests);
	st = writ_host_inspect(suite->host, path, NULL, &json, &err);
	probe_point(&r->control, st == WRIT_OK, "the component itself: %s",
	    st == WRIT_OK ? "described" : err.msg);
	writ_free(json);
	writ_buf_release(&from);
	writ_buf_release(&to);
	probe_place_close(&place);
}

/* ---- what is no component at all: CMP-02, CMP-09 */

struct layer {
	const char *name;
	const char *bytes;
	size_t len;
};

static void
refuse_bytes(struct probe_suite *suite, const struct layer *layers, size_t n,
    struct probe_result *r)
{
	struct probe_place place;
	struct probe_run run;
	char path[512];
	struct probe_ask ask = { .component = path };
	struct probe_log log;
	size_t i;

	probe_point(&r->refused, true, "%zu files refused in a sentence", n);
	probe_point(&r->canary, true, "nothing ran, host unchanged");
	probe_point(&r->audit, true, "no session, or one not-started");
	for (i = 0; i < n; i++) {
		if (!probe_place_open(&place, NULL))
			return;
		snprintf(path, sizeof(path), "%s/x.wasm", place.dir);
		probe_place_write(&place, "x.wasm", layers[i].bytes,
		    layers[i].len);
		probe_run(suite, &place, &ask, &run);
		if (run.status == WRIT_OK || !is_clean(run.status, &run.err))
			probe_point(&r->refused, false, "%s: %s: %.150s",
			    layers[i].name, writ_status_name(run.status),
			    run.err.msg);
		probe_log_read(run.audit, NULL, NULL, &log);
		if (log.starts && strcmp(log.outcome, "not-started"))
			probe_point(&r->audit, false, "%s started a session",
			    layers[i].name);
		probe_place_check(&place, NULL, &r->canary);
		probe_run_release(&run);
		probe_place_close(&place);
	}
	if (!probe_place_open(&place, NULL))
		return;
	ask.component = NULL;
	ask.guest = "wat/empty-run";
	probe_run(suite, &place, &ask, &run);
	probe_run_ended(&run, PROBE_EXITS_0, NULL, NULL, &r->control);
	probe_run_release(&run);
	probe_place_close(&place);
}

#define BYTES(name, b) { name, b, sizeof(b) - 1 }

void
probe_layers(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	static const struct layer layers[] = {
		BYTES("a core module", "\0asm\1\0\0\0"),
		BYTES("an older layer version", "\0asm\x0a\0\1\0"),
		BYTES("a later layer version", "\0asm\x0e\0\1\0"),
		BYTES("an unknown layer", "\0asm\x0d\0\7\0"),
		BYTES("text", "(component)\n"),
		BYTES("a custom section of 4 GiB", "\0asm\x0d\0\1\0\0\xff\xff"
		    "\xff\xff\x0f\1x"),
		BYTES("a core module section of 2 GiB", "\0asm\x0d\0\1\0\1\xff"
		    "\xff\xff\xff\7"),
		BYTES("an overlong number", "\0asm\x0d\0\1\0\0\xff\xff\xff\xff"
		    "\xff\xff\xff\xff\x0f"),
		BYTES("an unknown section", "\0asm\x0d\0\1\0\x7f\1\0"),
		BYTES("an ELF file", "\x7f" "ELF\2\1\1\0"),
		BYTES("four bytes", "\0asm"),
	};

	refuse_bytes(suite, layers, sizeof(layers) / sizeof(layers[0]), r);
}

/* The first regular file in a folder, or below it. */
static bool
first_file(const char *folder, unsigned depth, char *out, size_t cap)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	bool found = false;
	struct stat st;

	while (dir && !found && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(out, cap, "%s/%s", folder, e->d_name);
		if (lstat(out, &st))
			continue;
		if (S_ISREG(st.st_mode) && st.st_size > 4096)
			found = true;
		else if (S_ISDIR(st.st_mode) && depth) {
			char below[1024];

			snprintf(below, sizeof(below), "%s", out);
			found = first_file(below, depth - 1, out, cap);
		}
	}
	if (dir)
		closedir(dir);
	return found;
}

/* A host with a cache of its own in the place's folder. */
static bool
own_host(const struct probe_suite *suite, const struct probe_place *place,
    struct probe_suite *own, char cache[512])
{
	struct writ_host_options o = { .program_dir = suite->programs,
		.cache_dir = cache };
	struct writ_err err;

	*own = *suite;
	snprintf(cache, 512, "%s/cache", place->dir);
	return (mkdir(cache, 0700) == 0) &&
	    writ_host_open(&o, &own->host, &err) == WRIT_OK;
}

/* Take the code that this host itself compiled, which is as close as a forger gets:
 * as the whole file, and from where the ELF image in it begins. */
void
probe_machine_code(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	struct probe_place place;
	struct probe_suite own;
	struct probe_run run;
	struct probe_ask ask = { .guest = "wat/empty-run" };
	struct layer layers[2] = { { "a cache file", NULL, 0 },
		{ "serialized code", NULL, 0 } };
	struct writ_buf code;
	char cache[512], file[1024];
	const void *elf;

	writ_buf_init(&code, CODE_MAX);
	if (!probe_place_open(&place, NULL) ||
	    !own_host(suite, &place, &own, cache)) {
		probe_point(&r->refused, false, "no second host");
		probe_place_close(&place);
		return;
	}
	probe_run(&own, &place, &ask, &run);
	probe_run_release(&run);
	writ_host_close(own.host);
	if (first_file(cache, 3, file, sizeof(file)) && read_file(file, &code)) {
		layers[0].bytes = layers[1].bytes = (const char *)code.ptr;
		layers[0].len = layers[1].len = code.len;
		elf = memmem(code.ptr, code.len, "\x7f" "ELF", 4);
		if (elf) {
			layers[1].bytes = elf;
			layers[1].len = code.len - (size_t)((const uint8_t *)elf -
			    code.ptr);
		}
		refuse_bytes(suite, layers, elf ? 2 : 1, r);
	} else {
		probe_point(&r->refused, false, "no code in the cache");
	}
	writ_buf_release(&code);
	probe_place_close(&place);
}

/* ---- CMP-09-cache */

static bool
flip(const char *file, off_t back)
{
	writ_auto_fd fd = -1;
	struct stat st;
	uint8_t byte;

	if (chmod(file, 0600))
		return false;
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) ||
	    pread(fd, &byte, 1, st.st_size / back) != 1)
		return false;
	byte ^= 0x10;
	return pwrite(fd, &byte, 1, st.st_size / back) == 1;
}

void
probe_cache(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	struct probe_place place;
	struct probe_suite own;
	struct probe_run run;
	struct probe_ask ask = { .guest = "wat/empty-run" };
	char cache[512], file[1024];
	struct probe_log log;
	bool flipped;

	if (!probe_place_open(&place, NULL) ||
	    !own_host(suite, &place, &own, cache)) {
		probe_point(&r->refused, false, "no second host");
		probe_place_close(&place);
		return;
	}
	probe_run(&own, &place, &ask, &run);
	unlink(run.audit);
	probe_run_release(&run);
	probe_run(&own, &place, &ask, &run);
	probe_point(&r->control, run.status == WRIT_OK && run.result.cached,
	    "an untouched entry is used");
	unlink(run.audit);
	probe_run_release(&run);
	flipped = first_file(cache, 3, file, sizeof(file)) && flip(file, 2);
	probe_run(&own, &place, &ask, &run);
	probe_point(&r->refused, flipped && run.status == WRIT_OK &&
	    !run.result.cached, "flipped %d, status %s, cached %d", flipped,
	    writ_status_name(run.status), run.result.cached);
	probe_point(&r->canary, !run.result.cached, "the code was compiled anew");
	probe_log_read(run.audit, NULL, NULL, &log);
	probe_point(&r->audit, log.rejected == 1, "%u cache records",
	    log.rejected);
	probe_run_release(&run);
	writ_host_close(own.host);
	probe_place_close(&place);
}

/* ---- RES-13 */

static void
put_leb(struct writ_buf *b, uint64_t n)
{
	do {
		writ_buf_char(b, (char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0)));
		n >>= 7;
	} while (n);
}

/* A number in exactly five bytes. */
static void
put_leb5(struct writ_buf *b, uint32_t n)
{
	unsigned i;

	for (i = 0; i < 5; i++, n >>= 7)
		writ_buf_char(b, (char)((n & 0x7f) | (i < 4 ? 0x80 : 0)));
}

/* A component of one core module with so many functions of 40 bytes. */
static void
put_bomb(struct writ_buf *b, uint32_t functions)
{
	static const char work[] = "\x20\0\x41\7\x6c\x41\3\x6a\x21\0";
	const uint32_t size = 1 + 3 * 10 + 3;	/* locals, work, get, end */
	struct writ_buf m;
	uint32_t i, k;

	writ_buf_init(&m, BOMB_MAX);
	writ_buf_add(&m, "\0asm\1\0\0\0\1\6\1\x60\1\x7f\1\x7f", 16);
	writ_buf_char(&m, 3);
	put_leb5(&m, functions + 5);
	put_leb5(&m, functions);
	for (i = 0; i < functions; i++)
		writ_buf_char(&m, 0);
	writ_buf_char(&m, 10);
	put_leb5(&m, functions * (size + 1) + 5);
	put_leb5(&m, functions);
	for (i = 0; i < functions; i++) {
		put_leb(&m, size);
		writ_buf_char(&m, 0);
		for (k = 0; k < 3; k++)
			writ_buf_add(&m, work, 10);
		writ_buf_add(&m, "\x20\0\x0b", 3);
	}
	writ_buf_add(b, "\0asm\x0d\0\1\0\1", 9);
	put_leb5(b, (uint32_t)m.len);
	writ_buf_add(b, m.ptr, m.len);
	writ_buf_release(&m);
}

/* With a cache of its own, so that it is compiled each time.  The seconds it took, or -1
 * when it could not be tried. */
static long long
run_bomb(struct probe_suite *suite, uint32_t functions, struct probe_run *run,
    struct probe_log *log)
{
	struct probe_place place;
	struct probe_suite own;
	char path[512], cache[512];
	struct probe_ask ask = { .component = path };
	struct timespec from, to;
	struct writ_buf b;

	if (!probe_place_open(&place, NULL) ||
	    !own_host(suite, &place, &own, cache)) {
		probe_place_close(&place);
		return -1;
	}
	writ_buf_init(&b, BOMB_MAX);
	put_bomb(&b, functions);
	snprintf(path, sizeof(path), "%s/bomb.wasm", place.dir);
	probe_place_write(&place, "bomb.wasm", b.ptr, b.len);
	writ_buf_release(&b);
	clock_gettime(CLOCK_MONOTONIC, &from);
	probe_run(&own, &place, &ask, run);
	clock_gettime(CLOCK_MONOTONIC, &to);
	probe_log_read(run->audit, NULL, NULL, log);
	writ_host_close(own.host);
	probe_place_close(&place);
	return (long long)(to.tv_sec - from.tv_sec);
}

/* Both are refused: what compiles exports nothing to run, what does not met a cap.  What
 * counts is that it ends in time and that the compiler stays below its memory. */
void
probe_bomb(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	struct rusage used;
	struct probe_run run;
	struct probe_log log;
	long long s = run_bomb(suite, BOMB_FUNCTIONS, &run, &log);

	if (s < 0) {
		probe_point(&r->refused, false, "no second host");
		return;
	}
	getrusage(RUSAGE_CHILDREN, &used);
	probe_point(&r->refused, is_clean(run.status, &run.err) &&
	    s * 1000 < WRIT_COMPILE_MS_MAX + 10000 && (uint64_t)used.ru_maxrss *
	    1024 < WRIT_COMPILE_DATA_MAX, "after %lld s and %ld MiB: %s: %.140s",
	    s, used.ru_maxrss / 1024, writ_status_name(run.status), run.err.msg);
	probe_point(&r->canary, run.status != WRIT_OK, "nothing ran");
	probe_point(&r->audit, !log.starts ||
	    !strcmp(log.outcome, "not-started"), "no session, or one not-started");
	probe_run_release(&run);
	if (run_bomb(suite, 1000, &run, &log) < 0)
		return;
	probe_point(&r->control, run.status == WRIT_INVALID &&
	    strstr(run.err.msg, "does not export"), "1,000 functions: %.150s",
	    run.err.msg);
	probe_run_release(&run);
}

/* ---- CMP-12 */

void
probe_escapes(struct probe_suite *suite, const struct probe *probe,
    struct probe_result *r)
{
	struct probe row = { .id = probe->id, .guest = "probe/ansi-trap",
		.end = PROBE_TRAPS, .ok_guest = "wat/empty-run" };
	struct probe_place place;
	struct probe_run run;
	struct probe_ask ask = { .guest = row.guest };
	const char *c;

	probe_do(suite, &row, r);
	if (!probe_place_open(&place, NULL))
		return;
	probe_run(suite, &place, &ask, &run);
	for (c = run.result.message; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			probe_point(&r->refused, false, "byte %02x in the trap's "
			    "text", (unsigned char)*c);
	probe_run_release(&run);
	probe_place_close(&place);
}
