/*
 * quire version: the version of the command and of the library it runs on.
 */
#include <string.h>

#include "command.h"

static const struct command_help help = {
    "",
    "Prints the version of Quire. When the command runs on another version of the library\n"
    "than it was built with, it names both.\n",
};

int command_version(int argc, const char **argv)
{
    const struct poptOption options[] = {COMMAND_HELP_OPTION, POPT_TABLEEND};
    poptContext context = NULL;
    const char **arguments;
    size_t count;
    int code = command_parse(argc, argv, options, &help, &context, &arguments, &count);
    if (code < 0) {
        printf("quire %s\n", QUIRE_VERSION_STRING);
        if (strcmp(quire_version(), QUIRE_VERSION_STRING) != 0) {
            printf("library %s\n", quire_version());
        }
        code = command_finish(COMMAND_OK);
    }
    poptFreeContext(context);
    return code;
}
