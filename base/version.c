#include "quire/version.h"

const char *quire_version(void)
{
    return QUIRE_VERSION_STRING;
}
