/*
 * banned.h - calls that no C file of ours may make.  The build includes it first in
 * every file, behind the system headers that declare them.
 */
#ifndef WRIT_BASE_BANNED_H
#define WRIT_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#undef strcpy
#undef strncpy
#undef strcat
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef gets
#undef atoi
#undef atol
#undef strtol
#undef strtoul
#undef gmtime
#undef localtime
#undef system
#undef popen
#undef tmpnam
#undef mktemp
#undef alloca
#pragma GCC poison strcpy strncpy strcat strncat sprintf vsprintf strtok gets
#pragma GCC poison atoi atol strtol strtoul gmtime localtime
#pragma GCC poison system popen tmpnam mktemp alloca

#endif
