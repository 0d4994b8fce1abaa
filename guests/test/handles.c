/* handles.c - opens one file again and again (argument 2, else 2000 times). */
#include "t.h"

int
main(int argc, char **argv)
{
	long want = argc > 2 ? strtol(argv[2], NULL, 10) : 2000;
	long opened = 0;
	int first = -1, fd;

	t_start(argc, argv);
	t_ok("make a file", t_write("handles", "x") == 0);
	while (opened < want && (fd = open(t_at("handles"), O_RDONLY)) >= 0) {
		if (opened++ == 0)
			first = fd;
	}
	printf("opened %ld errno=%d\n", opened, opened < want ? errno : 0);
	t_ok("the first still reads", first >= 0 &&
	    read(first, &(char){ 0 }, 1) == 1);
	for (long i = 0; i < opened; i++)
		close(first + (int)i);
	t_ok("and one more after closing all",
	    (fd = open(t_at("handles"), O_RDONLY)) >= 0);
	close(fd);
	unlink(t_at("handles"));
	return t_end();
}
