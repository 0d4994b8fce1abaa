/* paths.c - interesting paths: dots, slashes, empty, long, odd characters. */
#include "t.h"

static int
opens(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd;
}

int
main(int argc, char **argv)
{
	char name[5000];
	int root;

	t_start(argc, argv);
	mkdir(t_at("pa"), 0755);
	mkdir(t_at("pa/in"), 0755);
	t_ok("a file", t_write("pa/f", "f") == 0);
	t_ok("the root itself", opens(t_dir) >= 0);
	t_ok("dot", opens(t_at(".")) >= 0);
	t_ok("dots inside", opens(t_at("./pa/./f")) >= 0);
	t_ok("up and down", opens(t_at("pa/in/../f")) >= 0);
	t_ok("double slash", opens(t_at("pa//f")) >= 0);
	t_ok("folder with a slash", opens(t_at("pa/in/")) >= 0);
	t_ok("folder with slashes and dots", opens(t_at("pa/in///.")) >= 0);
	t_fails("file with a slash", opens(t_at("pa/f/")), ENOTDIR);
	t_fails("file as a folder", opens(t_at("pa/f/x")), ENOTDIR);
	t_fails("missing", opens(t_at("pa/none")), ENOENT);
	t_fails("missing folder then up", opens(t_at("pa/none/../f")), ENOENT);
	root = open(t_dir, O_RDONLY | O_DIRECTORY);
	t_ok("the root again", root >= 0);
	t_ok("empty path", openat(root, "", O_RDONLY) < 0);
	t_ok("up and out", openat(root, "..", O_RDONLY) < 0 &&
	    openat(root, "../", O_RDONLY) < 0 &&
	    openat(root, "pa/../../x", O_RDONLY) < 0);
	t_ok("through the root's parent and back",
	    openat(root, "../d/pa/f", O_RDONLY) < 0);
	t_ok("absolute through a descriptor",
	    __wasi_path_open(root, 0, "/pa/f", 0, __WASI_RIGHTS_FD_READ, 0, 0,
	    &(__wasi_fd_t){ 0 }) != 0);
	memset(name, 'n', sizeof(name));
	name[255] = 0;
	t_ok("a name of 255 bytes", openat(root, name, O_WRONLY | O_CREAT,
	    0644) >= 0 && unlinkat(root, name, 0) == 0);
	memset(name, 'n', 256);
	name[256] = 0;
	t_fails("a name of 256 bytes", openat(root, name, O_RDONLY),
	    ENAMETOOLONG);
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = 0;
	t_fails("a path of 4999 bytes", openat(root, name, O_RDONLY),
	    ENAMETOOLONG);
	t_ok("odd names are names", t_write("pa/ a\\b%2e\x1f", "o") == 0 &&
	    t_holds("pa/ a\\b%2e\x1f", "o"));
	unlink(t_at("pa/ a\\b%2e\x1f"));
	t_ok("umlauts", t_write("pa/\xc3\xa4", "u") == 0 &&
	    unlink(t_at("pa/\xc3\xa4")) == 0);
	t_ok("mkdir with a slash", mkdir(t_at("pa/new/"), 0755) == 0 &&
	    rmdir(t_at("pa/new")) == 0);
	t_fails("mkdir of what is there", mkdir(t_at("pa"), 0755), EEXIST);
	t_fails("unlink of a folder with a slash", unlink(t_at("pa/in/")),
	    EISDIR);
	t_ok("create with a slash", open(t_at("pa/c/"), O_WRONLY | O_CREAT,
	    0644) < 0);
	close(root);
	unlink(t_at("pa/f"));
	rmdir(t_at("pa/in"));
	t_ok("all is gone", rmdir(t_at("pa")) == 0);
	return t_end();
}
