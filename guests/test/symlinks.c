/* symlinks.c - dangling, looping, absolute and escaping symbolic links. */
#include "t.h"

int
main(int argc, char **argv)
{
	struct stat st;
	char buf[64];

	t_start(argc, argv);
	t_ok("make a dangling link", symlink("sl-none", t_at("sl-d")) == 0);
	t_ok("lstat sees the link", lstat(t_at("sl-d"), &st) == 0 &&
	    S_ISLNK(st.st_mode));
	t_fails("stat follows to nothing", stat(t_at("sl-d"), &st), ENOENT);
	t_fails("open follows to nothing", open(t_at("sl-d"), O_RDONLY),
	    ENOENT);
	t_fails("no follow is a loop",
	    open(t_at("sl-d"), O_RDONLY | O_NOFOLLOW), ELOOP);
	t_fails("exclusive create finds the link",
	    open(t_at("sl-d"), O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	t_ok("readlink", readlink(t_at("sl-d"), buf, sizeof(buf)) == 7 &&
	    memcmp(buf, "sl-none", 7) == 0);
	t_ok("readlink into a short buffer", readlink(t_at("sl-d"), buf, 3) == 3);
	t_fails("link over a link", symlink("x", t_at("sl-d")), EEXIST);
	t_ok("now it has a target", t_write("sl-none", "hi") == 0 &&
	    t_holds("sl-d", "hi"));
	t_ok("unlink takes the link, not the target",
	    unlink(t_at("sl-d")) == 0 && t_holds("sl-none", "hi"));
	unlink(t_at("sl-none"));
	t_ok("a link to itself", symlink("sl-self", t_at("sl-self")) == 0);
	t_fails("is a loop", open(t_at("sl-self"), O_RDONLY), ELOOP);
	unlink(t_at("sl-self"));
	t_ok("an absolute link is refused",
	    symlink("/etc/passwd", t_at("sl-abs")) < 0);
	if (symlink("../../../etc/passwd", t_at("sl-up")) == 0) {
		t_ok("a link upwards leads nowhere",
		    open(t_at("sl-up"), O_RDONLY) < 0);
		unlink(t_at("sl-up"));
	} else {
		t_ok("a link upwards leads nowhere", 1);
	}
	mkdir(t_at("sl-dir"), 0755);
	t_ok("a link to a folder", symlink("sl-dir", t_at("sl-ld")) == 0);
	t_ok("writes through it", t_write("sl-ld/x", "x") == 0 &&
	    t_holds("sl-dir/x", "x"));
	unlink(t_at("sl-dir/x"));
	unlink(t_at("sl-ld"));
	rmdir(t_at("sl-dir"));
	return t_end();
}
