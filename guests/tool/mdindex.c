/*
 * mdindex.c - mdindex NOTES INDEX: reads a folder of Markdown, writes an index
 * of it: one line a note, its title and its number of words.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 4096, TITLE_MAX = 160, PATH_ROOM = 1024 };

struct note {
	char *name;
	char title[TITLE_MAX];
	unsigned long words;
};

static int
complain(const char *what)
{
	fprintf(stderr, "mdindex: %s: %s\n", what, strerror(errno));
	return 1;
}

static void
count_line(struct note *note, const char *line, int *titled)
{
	int inside = 0;

	if (!*titled && strncmp(line, "# ", 2) == 0) {
		snprintf(note->title, sizeof(note->title), "%.*s",
		    (int)strcspn(line + 2, "\r\n"), line + 2);
		*titled = 1;
	}
	for (; *line; line++) {
		if (isspace((unsigned char)*line)) {
			inside = 0;
		} else if (!inside) {
			inside = 1;
			note->words++;
		}
	}
}

static int
read_note(const char *folder, struct note *note)
{
	char path[PATH_ROOM];
	char *line = NULL;
	size_t room = 0;
	int titled = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, note->name);
	snprintf(note->title, sizeof(note->title), "%s", note->name);
	file = fopen(path, "r");
	if (!file)
		return complain(path);
	while (getline(&line, &room, file) >= 0)
		count_line(note, line, &titled);
	free(line);
	return fclose(file) == 0 ? 0 : complain(path);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct note *)a)->name,
	    ((const struct note *)b)->name);
}

static int
list_notes(const char *folder, struct note *notes, size_t *count)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);

	if (!dir)
		return complain(folder);
	while (*count < NOTES_MAX && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (len < 4 || strcmp(entry->d_name + len - 3, ".md") != 0)
			continue;
		notes[*count].name = strdup(entry->d_name);
		if (!notes[*count].name)
			return complain(folder);
		++*count;
	}
	closedir(dir);
	qsort(notes, *count, sizeof(*notes), by_name);
	return 0;
}

static int
write_index(const char *target, const struct note *notes, size_t count)
{
	unsigned long total = 0;
	FILE *out = fopen(target, "w");

	if (!out)
		return complain(target);
	fputs("# Index\n\n", out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "- [%s](%s), %lu words\n", notes[i].title,
		    notes[i].name, notes[i].words);
		total += notes[i].words;
	}
	fprintf(out, "\n%zu notes, %lu words\n", count, total);
	if (fclose(out) != 0)
		return complain(target);
	printf("mdindex: %zu notes, %lu words -> %s\n", count, total, target);
	return 0;
}

int
main(int argc, char **argv)
{
	struct note *notes;
	size_t count = 0;

	if (argc != 3) {
		fputs("usage: mdindex NOTES INDEX\n", stderr);
		return 1;
	}
	notes = calloc(NOTES_MAX, sizeof(*notes));
	if (!notes || list_notes(argv[1], notes, &count) != 0)
		return 1;
	for (size_t i = 0; i < count; i++) {
		if (read_note(argv[1], &notes[i]) != 0)
			return 1;
	}
	return write_index(argv[2], notes, count);
}
