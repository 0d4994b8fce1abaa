/* truncate.c - sizes: shorter, longer, by open, and rights to change them. */
#include "t.h"

int
main(int argc, char **argv)
{
	struct stat st;
	char buf[8];
	int fd;

	t_start(argc, argv);
	t_ok("a file", t_write("tr", "0123456789") == 0);
	fd = open(t_at("tr"), O_RDWR);
	t_ok("shorter", ftruncate(fd, 4) == 0 && fstat(fd, &st) == 0 &&
	    st.st_size == 4);
	t_ok("longer", ftruncate(fd, 8) == 0 && fstat(fd, &st) == 0 &&
	    st.st_size == 8);
	t_ok("new bytes are zero", pread(fd, buf, 8, 0) == 8 &&
	    memcmp(buf, "0123\0\0\0\0", 8) == 0);
	t_ok("position stays past the end", lseek(fd, 8, SEEK_SET) == 8 &&
	    ftruncate(fd, 2) == 0 && lseek(fd, 0, SEEK_CUR) == 8);
	t_ok("a read there is the end", read(fd, buf, 1) == 0);
	t_fails("negative size", ftruncate(fd, -1), EINVAL);
	close(fd);
	fd = open(t_at("tr"), O_RDONLY);
	t_ok("no right to change a file open for reading",
	    ftruncate(fd, 0) < 0 && (errno == EINVAL || errno == EBADF ||
	    errno == EPERM || errno == ENOTCAPABLE));
	t_ok("nor to write it", write(fd, "x", 1) < 0);
	t_ok("it kept its size", fstat(fd, &st) == 0 && st.st_size == 2);
	close(fd);
	fd = open(t_at("tr"), O_WRONLY | O_TRUNC);
	t_ok("open with truncation", fd >= 0 && fstat(fd, &st) == 0 &&
	    st.st_size == 0);
	t_ok("no right to read a file open for writing",
	    read(fd, buf, 1) < 0);
	close(fd);
	unlink(t_at("tr"));
	return t_end();
}
