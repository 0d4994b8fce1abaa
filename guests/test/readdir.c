/* readdir.c - listing: every name once, cookies to go on from, small buffers. */
#include "t.h"
#include <dirent.h>

enum { FILES = 100 };

static void
make_files(void)
{
	char name[32];

	mkdir(t_at("rd"), 0755);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "rd/f%03d", i);
		t_write(name, "");
	}
}

static void
remove_files(void)
{
	char name[32];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "rd/f%03d", i);
		unlink(t_at(name));
	}
	t_ok("the empty folder goes", rmdir(t_at("rd")) == 0);
}

static int
count_all(DIR *dir)
{
	int n = 0;
	struct dirent *e;

	while ((e = readdir(dir))) {
		if (e->d_name[0] == 'f')
			n++;
	}
	return n;
}

/* Read the folder entry by entry, each call starting at the last cookie. */
static int
count_by_cookie(int fd, size_t room)
{
	uint8_t buf[4096];
	__wasi_dircookie_t cookie = 0;
	__wasi_size_t used;
	int n = 0;

	for (int calls = 0; calls < 10 * FILES; calls++) {
		__wasi_dirent_t head;

		if (__wasi_fd_readdir(fd, buf, room, cookie, &used) != 0)
			return -1;
		if (used < sizeof(head))
			return n;
		memcpy(&head, buf, sizeof(head));
		if (sizeof(head) + head.d_namlen <= used &&
		    buf[sizeof(head)] == 'f')
			n++;
		cookie = head.d_next;
	}
	return -2;
}

int
main(int argc, char **argv)
{
	DIR *dir;
	long middle;
	int rest, fd;

	t_start(argc, argv);
	make_files();
	dir = opendir(t_at("rd"));
	t_ok("open the folder", dir != NULL);
	t_ok("every name once", dir && count_all(dir) == FILES);
	rewinddir(dir);
	t_ok("again after rewind", count_all(dir) == FILES);
	rewinddir(dir);
	for (int i = 0; i < 50; i++)
		readdir(dir);
	middle = telldir(dir);
	rest = count_all(dir);
	seekdir(dir, middle);
	t_ok("from the middle twice the same", count_all(dir) == rest);
	closedir(dir);
	fd = open(t_at("rd"), O_RDONLY | O_DIRECTORY);
	t_ok("by cookies, wide buffer", count_by_cookie(fd, 4096) == FILES);
	t_ok("by cookies, narrow buffer", count_by_cookie(fd, 64) == FILES);
	close(fd);
	fd = open(t_at("rd/f000"), O_RDONLY);
	t_ok("a file has no entries", count_by_cookie(fd, 512) == -1);
	close(fd);
	t_fails("a full folder stays", rmdir(t_at("rd")), ENOTEMPTY);
	remove_files();
	return t_end();
}
