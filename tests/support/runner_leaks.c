/*
 * Leaks are looked for in the processes that run tests, one each. The process
 * that starts them loses a few bytes of Criterion's own now and then, which
 * would fail the whole program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "quire/error.h"

/* NOLINTNEXTLINE(bugprone-reserved-identifier): the name that LeakSanitizer asks for at the end */
QUIRE_API int __lsan_is_turned_off(void);

/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
int __lsan_is_turned_off(void)
{
    return strcmp(program_invocation_short_name, "boxfort-worker") != 0;
}
