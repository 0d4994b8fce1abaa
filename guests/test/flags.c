/* flags.c - how a file is opened: O_EXCL, O_APPEND, O_DIRECTORY, and so on. */
#include "t.h"

int
main(int argc, char **argv)
{
	char buf[16];
	int fd, dir;

	t_start(argc, argv);
	unlink(t_at("fl"));
	t_fails("no create", open(t_at("fl"), O_WRONLY), ENOENT);
	fd = open(t_at("fl"), O_RDWR | O_CREAT | O_EXCL, 0644);
	t_ok("exclusive create", fd >= 0);
	t_fails("not twice", open(t_at("fl"), O_RDWR | O_CREAT | O_EXCL, 0644),
	    EEXIST);
	t_ok("write", write(fd, "abc", 3) == 3 && close(fd) == 0);
	fd = open(t_at("fl"), O_WRONLY | O_APPEND);
	t_ok("append at the end", write(fd, "d", 1) == 1 &&
	    lseek(fd, 0, SEEK_SET) == 0 && write(fd, "e", 1) == 1 &&
	    close(fd) == 0 && t_holds("fl", "abcde"));
	t_fails("a file is no folder", open(t_at("fl"),
	    O_RDONLY | O_DIRECTORY), ENOTDIR);
	t_fails("a folder cannot be written", open(t_dir, O_WRONLY), EISDIR);
	dir = open(t_dir, O_RDONLY | O_DIRECTORY);
	t_ok("a folder opens", dir >= 0);
	t_ok("a folder has no bytes", read(dir, buf, 1) < 0);
	t_ok("relative to it", (fd = openat(dir, "fl", O_RDWR)) >= 0);
	t_ok("two positions", read(fd, buf, 2) == 2 && pread(fd, buf, 1, 4) == 1
	    && buf[0] == 'e' && lseek(fd, 0, SEEK_CUR) == 2);
	t_ok("seek to the end and before", lseek(fd, -1, SEEK_END) == 4);
	t_fails("seek below zero", lseek(fd, -10, SEEK_CUR), EINVAL);
	t_ok("position kept", lseek(fd, 0, SEEK_CUR) == 4);
	close(fd);
	close(dir);
	t_fails("closed is closed", read(fd, buf, 1), EBADF);
	unlink(t_at("fl"));
	return t_end();
}
