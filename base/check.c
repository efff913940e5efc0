/*
 * What a failed assertion does in checked builds.
 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void qr_assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
    fflush(stderr);
    abort();
}
