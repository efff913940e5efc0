#ifndef QUIRE_VERSION_H
#define QUIRE_VERSION_H

#include "quire/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define QUIRE_VERSION_MAJOR  0
#define QUIRE_VERSION_MINOR  1
#define QUIRE_VERSION_PATCH  0
#define QUIRE_VERSION_STRING "0.1.0"

/* The version of the library that is linked, as "major.minor.patch". */
QUIRE_API const char *quire_version(void);

#ifdef __cplusplus
}
#endif

#endif
