/* echo.c - prints its arguments, its environment and its standard input. */
#include <stdio.h>

extern char **environ;

int
main(int argc, char **argv)
{
	int c;

	for (int i = 0; i < argc; i++)
		printf("arg %d %s\n", i, argv[i]);
	for (char **e = environ; e && *e; e++)
		printf("env %s\n", *e);
	while ((c = getchar()) != EOF)
		putchar(c);
	fputs("to stderr\n", stderr);
	return ferror(stdin) || fflush(stdout) != 0;
}
