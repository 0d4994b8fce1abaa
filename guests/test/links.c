/* links.c - hard links: one file under two names. */
#include "t.h"

int
main(int argc, char **argv)
{
	struct stat a, b;

	t_start(argc, argv);
	t_ok("a file", t_write("ln-a", "one") == 0);
	if (link(t_at("ln-a"), t_at("ln-b")) != 0 && errno == ENOTSUP) {
		printf("ok no hard links here # skip\n");
		unlink(t_at("ln-a"));
		return t_end();
	}
	t_ok("two names", stat(t_at("ln-a"), &a) == 0 &&
	    stat(t_at("ln-b"), &b) == 0 && a.st_nlink == 2);
	t_ok("written by one, read by the other", t_write("ln-b", "two") == 0 &&
	    t_holds("ln-a", "two"));
	t_fails("over an existing name", link(t_at("ln-a"), t_at("ln-b")),
	    EEXIST);
	t_fails("of nothing", link(t_at("ln-none"), t_at("ln-c")), ENOENT);
	mkdir(t_at("ln-d"), 0755);
	t_ok("of a folder", link(t_at("ln-d"), t_at("ln-c")) < 0);
	t_ok("one name less", unlink(t_at("ln-a")) == 0 &&
	    stat(t_at("ln-b"), &b) == 0 && b.st_nlink == 1 &&
	    t_holds("ln-b", "two"));
	unlink(t_at("ln-b"));
	rmdir(t_at("ln-d"));
	return t_end();
}
