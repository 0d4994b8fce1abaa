/* sparse.c - seek past the end and write; big and scattered writes; sync. */
#include "t.h"

static char block[65536], back[65536];

int
main(int argc, char **argv)
{
	struct stat st;
	int fd;

	t_start(argc, argv);
	fd = open(t_at("sp"), O_RDWR | O_CREAT | O_TRUNC, 0644);
	t_ok("seek past the end", lseek(fd, 1 << 20, SEEK_SET) == 1 << 20);
	t_ok("does not grow the file", fstat(fd, &st) == 0 && st.st_size == 0);
	t_ok("a write there does", write(fd, "x", 1) == 1 &&
	    fstat(fd, &st) == 0 && st.st_size == (1 << 20) + 1);
	memset(block, 'z', sizeof(block));
	t_ok("the hole is zeros", pread(fd, back, sizeof(back), 4096) ==
	    (ssize_t)sizeof(back) && back[0] == 0 && back[65535] == 0);
	t_ok("a write into the hole", pwrite(fd, block, sizeof(block), 100000)
	    == (ssize_t)sizeof(block));
	t_ok("reads back", pread(fd, back, sizeof(back), 100000) ==
	    (ssize_t)sizeof(back) && memcmp(back, block, sizeof(back)) == 0);
	t_ok("its neighbours are zeros", pread(fd, back, 1, 99999) == 1 &&
	    back[0] == 0 && pread(fd, back, 1, 165536) == 1 && back[0] == 0);
	t_ok("sync", fsync(fd) == 0 && fdatasync(fd) == 0);
	t_ok("read at the end", pread(fd, back, 8, 1 << 20) == 1 &&
	    back[0] == 'x' && pread(fd, back, 8, 2 << 20) == 0);
	close(fd);
	unlink(t_at("sp"));
	return t_end();
}
