/*
 * fs_memory_node.h - the inside of fs_memory.h: nodes, bytes, directories.
 */
#ifndef WRIT_CAP_FS_MEMORY_NODE_H
#define WRIT_CAP_FS_MEMORY_NODE_H

#include "cap/fs_memory.h"

#define WRIT_FS_MEMORY_CHUNK (64 * 1024u)

/* A directory is a treap by name: ordered, and no guest can know its priorities. */
struct writ_fs_memory_entry {
	struct writ_fs_memory_entry *left, *right;
	struct writ_fs_node *node;
	uint32_t priority;
	uint16_t len;
	char name[];
};

struct writ_fs_node {
	enum writ_node_type type;
	uint64_t id;
	uint32_t links, opened;
	struct writ_time atime, mtime, ctime;
	struct writ_fs_node *prev, *next;	/* all nodes of the store */
	/* regular: bytes beyond size are zero; chunk 0 is first_cap long, the others
	 * full; NULL is a hole.  symlink: size and text */
	uint64_t size;
	uint8_t **chunks;
	size_t chunk_slots, first_cap;
	char *target;
	/* directory */
	struct writ_fs_memory_entry *entries;
	struct writ_fs_node *parent;
};

struct writ_fs_memory {
	struct writ_fs_memory_config config;
	struct writ_fs_node *root, *nodes;
	uint64_t last_id, seed;
};

/* ---- fs_memory_dir.c */

/** The entry of that name, or NULL. */
struct writ_fs_memory_entry *
writ_fs_memory_dir_find(const struct writ_fs_node *dir, struct writ_str name);
/** A detached entry; NULL without memory. */
struct writ_fs_memory_entry *
writ_fs_memory_dir_entry(struct writ_fs_memory *m, struct writ_str name);
/** Put a detached entry, whose name is not there, in. */
void writ_fs_memory_dir_insert(struct writ_fs_node *dir,
    struct writ_fs_memory_entry *e);
/** Take an entry that is there out; the caller frees it. */
void writ_fs_memory_dir_remove(struct writ_fs_node *dir,
    const struct writ_fs_memory_entry *e);
/** The first entry whose name is greater (NULL, 0: the first); NULL at the end. */
struct writ_fs_memory_entry *
writ_fs_memory_dir_after(const struct writ_fs_node *dir, struct writ_str name);
/** Free all entries, not their nodes. */
void writ_fs_memory_dir_release(struct writ_fs_node *dir);

/* ---- fs_memory_data.c */

size_t writ_fs_memory_data_read(const struct writ_fs_node *node, uint64_t offset,
    uint8_t *p, size_t n);
/** As much as memory allows; 0: none. */
size_t writ_fs_memory_data_write(struct writ_fs_node *node, uint64_t offset,
    const uint8_t *p, size_t n);
void writ_fs_memory_data_resize(struct writ_fs_node *node, uint64_t size);

#endif
