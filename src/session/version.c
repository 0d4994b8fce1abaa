#include "writ/writ.h"

/* The archive needs one object of its own. */
const char *
writ_version(void)
{
	return WRIT_VERSION;
}
