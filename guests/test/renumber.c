/* renumber.c - fd_renumber through the adapter: moves, replaces, refuses. */
#include "t.h"

static int
open_at(const char *name)
{
	return open(t_at(name), O_RDONLY);
}

static char
first_byte(int fd)
{
	char c = 0;

	return pread(fd, &c, 1, 0) == 1 ? c : '?';
}

int
main(int argc, char **argv)
{
	int a, b, c;

	t_start(argc, argv);
	t_ok("files", t_write("rn-a", "a") == 0 && t_write("rn-b", "b") == 0);
	a = open_at("rn-a");
	b = open_at("rn-b");
	t_ok("two files open", a >= 0 && b >= 0 && a != b);
	t_ok("a over b", __wasi_fd_renumber(a, b) == 0);
	t_ok("b is a now", first_byte(b) == 'a');
	t_ok("a is gone", first_byte(a) == '?');
	t_ok("closed source is refused",
	    __wasi_fd_renumber(a, b) == __WASI_ERRNO_BADF);
	t_ok("b kept after the refusal", first_byte(b) == 'a');
	t_ok("far source is refused",
	    __wasi_fd_renumber(4000, b) == __WASI_ERRNO_BADF);
	c = open_at("rn-b");
	t_ok("the freed number is used again", c == a && first_byte(c) == 'b');
	t_ok("swap by three", __wasi_fd_renumber(c, b) == 0 &&
	    first_byte(b) == 'b');
	t_ok("close the one left", close(b) == 0);
	t_fails("close it twice", close(b), EBADF);
	unlink(t_at("rn-a"));
	unlink(t_at("rn-b"));
	return t_end();
}
