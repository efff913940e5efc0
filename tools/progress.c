/*
 * A line on a terminal that says how far an operation is.
 */
#include <unistd.h>

#include "command.h"

bool command_progress(void *context, const quire_progress *progress)
{
    static const unsigned steps = 100;
    struct command_meter *meter = context;
    unsigned step =
        progress->total == 0 ? steps : (unsigned)(progress->done * steps / progress->total);
    if (meter->shown && step != meter->step) {
        fprintf(stderr, "\r\033[K%s: %u%%", meter->what, step);
        meter->step = step;
    }
    meter->last = *progress;
    return true;
}

struct command_meter command_meter_start(const char *what)
{
    return (struct command_meter){.what = what, .shown = isatty(STDERR_FILENO), .step = UINT32_MAX};
}

void command_meter_end(const struct command_meter *meter)
{
    if (meter->shown) {
        fputs("\r\033[K", stderr);
    }
}
