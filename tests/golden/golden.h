/*
 * Writes databases with fixed contents, and lists any database in the form of
 * tools/quire_decode.py: both through the public interface alone. Every
 * function ends the program with a message when the library refuses.
 */
#ifndef QUIRE_GOLDEN_H
#define QUIRE_GOLDEN_H

#include "quire/quire.h"

/* Ends the program unless `status` is QUIRE_OK. */
void golden_need(quire_status status, const quire_error *err, const char *what);

/* Memory, zeroed; free with free. */
void *golden_memory(size_t size);

/*
 * Builds a database at `path` whose tables have about `rows` rows. When `log`
 * is not NULL, the two files are copied to `log` and `log`-wal after the last
 * commit and before the close: what a crash leaves behind.
 */
void golden_write(const char *path, const char *log, uint32_t page_size, uint32_t rows);

/* Prints everything in the database to standard output, opened in `mode`. */
void golden_list(const char *path, quire_open_mode mode);

#endif
