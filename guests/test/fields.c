/*
 * fields.c - HTTP fields beyond what is sensible: "many N" appends that many, "long N" one with a
 * value of N bytes.  Says what came of it; where the host ends the call, nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wit.h"

static const char *const errors[] = { "invalid syntax", "forbidden",
	"immutable" };

static bool
append(wasi_http_types_own_fields_t fields, uint8_t *value, size_t n)
{
	wit_string_t name;
	wasi_http_types_field_value_t bytes = { value, n };
	wasi_http_types_header_error_t e;

	wit_string_set(&name, "x-a");
	if (wasi_http_types_method_fields_append(
	    wasi_http_types_borrow_fields(fields), &name, &bytes, &e))
		return true;
	printf("refused: %s\n", errors[e.tag]);
	return false;
}

int
main(int argc, char **argv)
{
	size_t n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	bool is_many = argc == 3 && !strcmp(argv[1], "many");
	uint8_t *value = malloc(is_many || !n ? 1 : n);
	wasi_http_types_own_fields_t fields;
	size_t i, count = is_many ? n : 1;

	if (!n || !value)
		return 2;
	memset(value, 'v', is_many ? 1 : n);
	fields = wasi_http_types_constructor_fields();
	for (i = 0; i < count && append(fields, value, is_many ? 1 : n); i++)
		continue;
	printf("%zu appended\n", i);
	return 0;
}
