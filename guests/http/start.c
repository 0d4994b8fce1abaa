/*
 * start.c - _start, linked with -nostartfiles.  Debian's crt1 leaves it to the linker to run the
 * constructors, which wraps every export in them: cabi_realloc too, which the host calls while
 * the program runs.  A program that names them itself is not wrapped.
 */
#include <stdlib.h>
#include <wasi/api.h>

void __wasm_call_ctors(void);
void __wasm_call_dtors(void);
int __main_void(void);

__attribute__((export_name("_start"))) void
_start(void)
{
	int status;

	__wasm_call_ctors();
	status = __main_void();
	__wasm_call_dtors();
	if (status)
		__wasi_proc_exit((__wasi_exitcode_t)status);
}
