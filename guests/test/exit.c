/* exit.c - exits with the status given, by exit() or by returning. */
#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
	int status = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;

	if (argc > 2 && strcmp(argv[2], "return") == 0)
		return status;
	exit(status);
}
