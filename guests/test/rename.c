/* rename.c - over files, over folders, onto itself, into nothing. */
#include "t.h"

int
main(int argc, char **argv)
{
	struct stat st;

	t_start(argc, argv);
	t_ok("files", t_write("re-a", "a") == 0 && t_write("re-b", "b") == 0);
	t_ok("over an existing file", rename(t_at("re-a"), t_at("re-b")) == 0);
	t_ok("content moved", t_holds("re-b", "a"));
	t_fails("source is gone", stat(t_at("re-a"), &st), ENOENT);
	t_fails("missing source", rename(t_at("re-a"), t_at("re-c")), ENOENT);
	t_ok("onto itself", rename(t_at("re-b"), t_at("re-b")) == 0 &&
	    t_holds("re-b", "a"));
	mkdir(t_at("re-d"), 0755);
	mkdir(t_at("re-e"), 0755);
	t_fails("file over folder", rename(t_at("re-b"), t_at("re-d")), EISDIR);
	t_fails("folder over file", rename(t_at("re-d"), t_at("re-b")),
	    ENOTDIR);
	t_ok("folder over empty folder",
	    rename(t_at("re-d"), t_at("re-e")) == 0);
	t_write("re-e/x", "x");
	mkdir(t_at("re-f"), 0755);
	t_fails("folder over full folder", rename(t_at("re-f"), t_at("re-e")),
	    ENOTEMPTY);
	t_fails("folder into itself", rename(t_at("re-e"), t_at("re-e/in")),
	    EINVAL);
	t_ok("across folders", rename(t_at("re-e/x"), t_at("re-f/y")) == 0 &&
	    t_holds("re-f/y", "x"));
	t_ok("to a missing folder",
	    rename(t_at("re-b"), t_at("re-none/b")) < 0 && errno == ENOENT);
	unlink(t_at("re-f/y"));
	unlink(t_at("re-b"));
	rmdir(t_at("re-e"));
	rmdir(t_at("re-f"));
	return t_end();
}
