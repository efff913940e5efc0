/*
 * Collations: how the texts of an index compare. An index stores, in place of a
 * text, its sort key: bytes whose memcmp order is the order of the texts, and
 * which are equal for texts that count as equal.
 *
 *   (none)    the bytes of the text
 *   "nocase"  its Unicode default case folding: "Straße" equals "STRASSE".
 *             Folding is stable for all assigned characters.
 *   others    registered by the host program on each open database
 *
 * The database stores the name alone. While the collation of an index is not
 * registered, its table cannot be written nor the index be used; inspectors
 * then report that the index could not be compared with its table.
 */
#ifndef QUIRE_COLLATION_H
#define QUIRE_COLLATION_H

#include "quire/database.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The sort key could not be made. */
#define QUIRE_SORT_KEY_FAILED SIZE_MAX

/*
 * Writes the sort key of a text to `key`, which has room for `capacity` bytes
 * (it is NULL when that is 0), and returns its size. When it does not fit,
 * nothing need be written: the call is repeated with room enough. It must give
 * the same bytes for the same text as long as a database uses the collation,
 * and may be called from many threads at once. It must not call the library.
 */
typedef size_t (*quire_sort_key_callback)(void *context, const void *text, size_t size, void *key,
                                          size_t capacity);

/*
 * Makes a collation known to an open database, until it is closed. Any thread.
 *   name   1..255 bytes of UTF-8, compared exactly; copied
 * Errors: EXISTS when the name is taken ("nocase" always is), MISUSE, NO_MEMORY.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_collation_register(quire_db *db, const char *name,
                                                                 quire_sort_key_callback sort_key,
                                                                 void *context, quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
