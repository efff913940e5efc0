/*
 * Status codes and error detail.
 *
 * Every function that can fail returns a quire_status and takes, as its last
 * parameter, an optional quire_error that the caller owns. On failure the
 * detail is written there; on success it is left alone. There is no
 * thread-local or global error state. "Not found" and "end of cursor" are
 * results, reported through output parameters, never as a status.
 */
#ifndef QUIRE_ERROR_H
#define QUIRE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define QUIRE_API        __attribute__((visibility("default")))
#define QUIRE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define QUIRE_API
#define QUIRE_MUST_CHECK
#endif

/*
 * X(NAME, number, message). The hundreds are the class: 1 usage, 2 constraint,
 * 3 busy, 4 input/output, 5 corruption, 6 limit, 7 language, 9 internal.
 * Numbers never change their meaning.
 */
#define QUIRE_STATUS_MAP(X)                                                                        \
    X(OK, 0, "success")                                                                            \
    X(MISUSE, 100, "the call is not allowed in this state or with these arguments")                \
    X(NOT_SUPPORTED, 101, "this build or file does not support the request")                       \
    X(EXISTS, 102, "an object of that name already exists")                                        \
    X(UNKNOWN_NAME, 103, "no object of that name exists")                                          \
    X(READ_ONLY, 104, "the database or transaction is read-only")                                  \
    X(TXN_DOOMED, 105, "an earlier failure doomed the transaction; roll it back")                  \
    X(FORBIDDEN, 106, "the rules of the schema do not let the caller do this")                     \
    X(UNAUTHENTICATED, 107, "the rules of the schema ask for a caller who is known")               \
    X(UNIQUE, 200, "a unique key already exists")                                                  \
    X(NOT_NULL, 201, "a required value is null")                                                   \
    X(FOREIGN_KEY, 202, "a referenced row does not exist or is still referenced")                  \
    X(CHECK, 203, "a value breaks a declared constraint")                                          \
    X(TYPE, 204, "a value does not fit its column's type")                                         \
    X(BUSY, 300, "another transaction kept a lock or memory that was waited for")                  \
    X(LOCKED, 301, "another process has the database open for writing")                            \
    X(SNAPSHOT_TOO_OLD, 302, "the snapshot can no longer be served")                               \
    X(INTERRUPTED, 303, "the operation was interrupted")                                           \
    X(TIMEOUT, 304, "the operation exceeded its time limit")                                       \
    X(RESUME_TOO_OLD, 305, "the changes behind that commit are not kept any more")                 \
    X(IO, 400, "an input/output operation failed")                                                 \
    X(NO_SPACE, 401, "the device or quota is full")                                                \
    X(NO_FILE, 402, "the file does not exist")                                                     \
    X(PERMISSION, 403, "the operating system refused access")                                      \
    X(COMMIT_UNKNOWN, 404, "the commit could not be confirmed; reopen to learn its outcome")       \
    X(POISONED, 405, "writes are refused after a failed sync; close and reopen")                   \
    X(NOT_A_DATABASE, 500, "the file is not a Quire database")                                     \
    X(CORRUPT, 501, "the file is damaged")                                                         \
    X(LOG_MISMATCH, 502, "the write-ahead log belongs to another database")                        \
    X(LOG_MISSING, 503, "the write-ahead log of an unclosed database is missing")                  \
    X(FORMAT_VERSION, 504, "the file was written by an incompatible version")                      \
    X(NO_MEMORY, 600, "out of memory")                                                             \
    X(LIMIT, 601, "a size or count limit was exceeded")                                            \
    X(SYNTAX, 700, "the text does not parse")                                                      \
    X(SCHEMA, 701, "the schema is not valid")                                                      \
    X(QUERY, 702, "the request is not valid against the schema")                                   \
    X(DATA, 703, "the input data does not fit the schema")                                         \
    X(INTERNAL, 900, "an internal invariant does not hold; please report it")

typedef enum quire_status {
#define QUIRE_STATUS_ENUM(name, number, message) QUIRE_##name = number,
    QUIRE_STATUS_MAP(QUIRE_STATUS_ENUM)
#undef QUIRE_STATUS_ENUM
} quire_status;

/* A page number that means "no page" in quire_error.page. */
#define QUIRE_NO_PAGE UINT32_MAX

/*
 * Detail of one failure. Caller-owned, plain data, may be copied. Start from
 * QUIRE_ERROR_INIT. `message` is one English sentence that says what happened,
 * where, and what to do; it is NUL-terminated UTF-8, cut if too long.
 */
typedef struct quire_error {
    quire_status status; /* QUIRE_OK until a failure is reported */
    int os_errno;        /* errno of the failing system call; 0 when none */
    uint32_t page;       /* page number concerned, or QUIRE_NO_PAGE */
    uint32_t line;       /* position in a source text, from 1; 0 when none */
    uint32_t column;     /* in code points, from 1; 0 when none */
    uint32_t reserved;
    uint64_t offset; /* byte offset in `file`, or in the text */
    char file[104];  /* file or text concerned; empty when none */
    char message[376];
} quire_error;

#define QUIRE_ERROR_INIT                                                                           \
    {                                                                                              \
        QUIRE_OK, 0, QUIRE_NO_PAGE, 0, 0, 0, 0, "", ""                                             \
    }

/* The constant's name, such as "QUIRE_BUSY"; "QUIRE_?" for an unknown number. Any thread. */
QUIRE_API const char *quire_status_name(quire_status status);

/* The one-line meaning of a status. Any thread. */
QUIRE_API const char *quire_status_message(quire_status status);

#ifdef __cplusplus
}
#endif

#endif
