/*
 * Filling the caller's quire_error. Every internal function that can fail
 * returns a quire_status and takes `quire_error *err` (NULL allowed) last.
 */
#ifndef QR_BASE_ERROR_H
#define QR_BASE_ERROR_H

#include "quire/error.h"

#if defined(__GNUC__)
#define QR_PRINTF(format_index, first_argument)                                                    \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define QR_PRINTF(format_index, first_argument)
#endif

/* Records status and message and returns status, so `return qr_fail(err, QUIRE_X, "...")` reports
 * and unwinds in one line. Resets all other fields of err. */
quire_status qr_fail(quire_error *err, quire_status status, const char *format, ...)
    QR_PRINTF(3, 4);

/* The same with the file concerned and, for damage, its page (or QUIRE_NO_PAGE) and offset. */
quire_status qr_fail_at(quire_error *err, quire_status status, const char *file, uint32_t page,
                        uint64_t offset, const char *format, ...) QR_PRINTF(6, 7);

/* A failed system call: maps os_errno to IO, NO_SPACE, NO_FILE, PERMISSION or NO_MEMORY and appends
 * the system's text to the message. */
quire_status qr_fail_os(quire_error *err, int os_errno, const char *file, uint64_t offset,
                        const char *format, ...) QR_PRINTF(5, 6);

/* A failure at a place of a source text (GraphQL, JSON); line and column from 1. */
quire_status qr_fail_text(quire_error *err, quire_status status, const char *file, uint32_t line,
                          uint32_t column, const char *format, ...) QR_PRINTF(6, 7);

quire_status qr_fail_memory(quire_error *err, size_t bytes);

/* `err`, or where there is none `local`, which is then made ready: that costs as much as it is
 * large. */
static inline quire_error *qr_error_or(quire_error *err, quire_error *local)
{
    if (err == NULL) {
        *local = (quire_error)QUIRE_ERROR_INIT;
        return local;
    }
    return err;
}

/* Returns from the caller when `call` fails. */
#define QR_TRY(call)                                                                               \
    do {                                                                                           \
        quire_status qr_try_status = (call);                                                       \
        if (qr_try_status != QUIRE_OK) {                                                           \
            return qr_try_status;                                                                  \
        }                                                                                          \
    } while (0)

/* Jumps to `label` when `call` fails, with the status in the variable `status`. */
#define QR_TRY_GOTO(status, call, label)                                                           \
    do {                                                                                           \
        (status) = (call);                                                                         \
        if ((status) != QUIRE_OK) {                                                                \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)

#endif
