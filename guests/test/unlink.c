/* unlink.c - unlinking files that are open, folders, links and nothing. */
#include "t.h"

int
main(int argc, char **argv)
{
	char buf[8];
	struct stat st;
	int fd;

	t_start(argc, argv);
	t_ok("a file", t_write("un", "open") == 0);
	fd = open(t_at("un"), O_RDWR);
	t_ok("unlink while open", fd >= 0 && unlink(t_at("un")) == 0);
	t_fails("the name is gone", stat(t_at("un"), &st), ENOENT);
	t_ok("the bytes are not", read(fd, buf, 8) == 4 &&
	    memcmp(buf, "open", 4) == 0);
	t_ok("it can still be written", pwrite(fd, "more", 4, 4) == 4 &&
	    fstat(fd, &st) == 0 && st.st_size == 8);
	t_ok("a new file of the name is another", t_write("un", "new") == 0 &&
	    pread(fd, buf, 4, 0) == 4 && memcmp(buf, "open", 4) == 0);
	close(fd);
	t_ok("unlink the new one", unlink(t_at("un")) == 0);
	t_fails("unlink nothing", unlink(t_at("un")), ENOENT);
	mkdir(t_at("un-d"), 0755);
	t_ok("unlink of a folder", unlink(t_at("un-d")) < 0 &&
	    (errno == EISDIR || errno == EPERM));
	t_ok("rmdir of it", rmdir(t_at("un-d")) == 0);
	t_write("un-f", "");
	t_fails("rmdir of a file", rmdir(t_at("un-f")), ENOTDIR);
	unlink(t_at("un-f"));
	return t_end();
}
