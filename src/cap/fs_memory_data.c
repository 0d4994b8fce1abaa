/* fs_memory_data.c - bytes of files of fs_memory.h. */
#include "cap/fs_memory_node.h"

#define CHUNK WRIT_FS_MEMORY_CHUNK

static size_t
least(uint64_t a, uint64_t b)
{
	return (size_t)(a < b ? a : b);
}

/* How much of chunk i there is memory for. */
static size_t
chunk_len(const struct writ_fs_node *node, size_t i)
{
	if (i >= node->chunk_slots || !node->chunks[i])
		return 0;
	return i ? CHUNK : node->first_cap;
}

size_t
writ_fs_memory_data_read(const struct writ_fs_node *node, uint64_t offset,
    uint8_t *p, size_t n)
{
	size_t done = 0, got;

	if (offset >= node->size)
		return 0;
	n = least(n, node->size - offset);
	while (done < n) {
		size_t i = (size_t)((offset + done) / CHUNK);
		size_t at = (size_t)((offset + done) % CHUNK);
		size_t piece = least(CHUNK - at, n - done);

		got = chunk_len(node, i);
		got = got > at ? least(got - at, piece) : 0;
		if (got)
			memcpy(p + done, node->chunks[i] + at, got);
		if (got < piece)
			memset(p + done + got, 0, piece - got);
		done += piece;
	}
	return n;
}

static bool
make_slots(struct writ_fs_node *node, size_t i)
{
	size_t n = node->chunk_slots ? node->chunk_slots : 1;
	uint8_t **p;

	if (i < node->chunk_slots)
		return true;
	while (n <= i)
		n *= 2;
	p = writ_alloc(n, sizeof(*p));
	if (!p)
		return false;
	if (node->chunk_slots)
		memcpy(p, node->chunks, node->chunk_slots * sizeof(*p));
	writ_mem_free(node->chunks);
	node->chunks = p;
	node->chunk_slots = n;
	return true;
}

/* A small file takes little: the first chunk grows by doubling. */
static bool
grow_first(struct writ_fs_node *node, size_t end)
{
	size_t cap = node->first_cap ? node->first_cap : 64;
	uint8_t *p;

	if (end <= node->first_cap)
		return true;
	while (cap < end)
		cap *= 2;
	p = writ_realloc(node->chunks[0], cap, 1);
	if (!p)
		return false;
	memset(p + node->first_cap, 0, cap - node->first_cap);
	node->chunks[0] = p;
	node->first_cap = cap;
	return true;
}

static bool
make_chunk(struct writ_fs_node *node, size_t i, size_t at, size_t n)
{
	if (!make_slots(node, i))
		return false;
	if (i == 0)
		return grow_first(node, at + n);
	if (node->chunks[i])
		return true;
	/* What is about to be overwritten need not be zeroed. */
	node->chunks[i] = n == CHUNK ? writ_realloc(NULL, CHUNK, 1) :
	    writ_alloc(CHUNK, 1);
	return node->chunks[i] != NULL;
}

size_t
writ_fs_memory_data_write(struct writ_fs_node *node, uint64_t offset,
    const uint8_t *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t i = (size_t)((offset + done) / CHUNK);
		size_t at = (size_t)((offset + done) % CHUNK);
		size_t piece = least(CHUNK - at, n - done);

		if (!make_chunk(node, i, at, piece))
			break;
		memcpy(node->chunks[i] + at, p + done, piece);
		done += piece;
	}
	if (done && offset + done > node->size)
		node->size = offset + done;
	return done;
}

/* What the quota gives back, memory gives back too: a chunk is at most twice as long
 * as what is in it. */
static void
shrink_first(struct writ_fs_node *node, size_t end)
{
	size_t cap = 64;
	uint8_t *p;

	while (cap < end)
		cap *= 2;
	if (cap >= node->first_cap)
		return;
	p = writ_realloc(node->chunks[0], cap, 1);
	if (!p)
		return;		/* it stays as it is, which is only larger */
	node->chunks[0] = p;
	node->first_cap = cap;
}

void
writ_fs_memory_data_resize(struct writ_fs_node *node, uint64_t size)
{
	size_t i = (size_t)(size / CHUNK), at = (size_t)(size % CHUNK);

	if (size < node->size) {
		if (at && chunk_len(node, i) > at)
			memset(node->chunks[i] + at, 0,
			    chunk_len(node, i) - at);
		if (at && i == 0)
			shrink_first(node, at);
		for (i += at ? 1 : 0; i < node->chunk_slots; i++) {
			writ_mem_free(node->chunks[i]);
			node->chunks[i] = NULL;
			if (i == 0)
				node->first_cap = 0;
		}
	}
	node->size = size;
}
