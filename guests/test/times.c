/* times.c - time stamps of files, set through the path and the descriptor. */
#include "t.h"

int
main(int argc, char **argv)
{
	struct timespec when[2] = { { 1000, 5000 }, { 2000, 7000 } };
	struct timespec omit[2] = { { 0, UTIME_OMIT }, { 3000, 0 } };
	struct stat st;
	int fd;

	t_start(argc, argv);
	t_ok("a file", t_write("ti", "x") == 0);
	t_ok("set by path", utimensat(AT_FDCWD, t_at("ti"), when, 0) == 0);
	t_ok("modification time reads back", stat(t_at("ti"), &st) == 0 &&
	    st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7000);
	fd = open(t_at("ti"), O_RDWR);
	t_ok("set by descriptor, access left", futimens(fd, omit) == 0 &&
	    fstat(fd, &st) == 0 && st.st_mtim.tv_sec == 3000);
	t_ok("a write moves it on", write(fd, "y", 1) == 1 && close(fd) == 0 &&
	    stat(t_at("ti"), &st) == 0 && st.st_mtim.tv_sec != 3000);
	t_ok("symbolic link", symlink("ti", t_at("ti-l")) == 0);
	t_ok("set on the link itself", utimensat(AT_FDCWD, t_at("ti-l"), when,
	    AT_SYMLINK_NOFOLLOW) == 0);
	t_ok("the target did not change", stat(t_at("ti"), &st) == 0 &&
	    st.st_mtim.tv_sec != 2000);
	t_fails("missing file", utimensat(AT_FDCWD, t_at("ti-none"), when, 0),
	    ENOENT);
	unlink(t_at("ti-l"));
	unlink(t_at("ti"));
	return t_end();
}
