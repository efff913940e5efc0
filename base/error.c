/*
 * Status names, and filling a quire_error.
 *
 * Texts are formatted into a local buffer before the error is touched, so a
 * caller may pass the error's own fields as arguments to wrap a message.
 */
#define _POSIX_C_SOURCE 200809L

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *quire_status_name(quire_status status)
{
    switch (status) {
#define QR_STATUS_NAME(name, number, message)                                                      \
    case QUIRE_##name:                                                                             \
        return "QUIRE_" #name;
        QUIRE_STATUS_MAP(QR_STATUS_NAME)
#undef QR_STATUS_NAME
    }
    return "QUIRE_?";
}

const char *quire_status_message(quire_status status)
{
    switch (status) {
#define QR_STATUS_MESSAGE(name, number, message)                                                   \
    case QUIRE_##name:                                                                             \
        return message;
        QUIRE_STATUS_MAP(QR_STATUS_MESSAGE)
#undef QR_STATUS_MESSAGE
    }
    return "unknown status";
}

/* Cuts text to at most `size` bytes without splitting a UTF-8 sequence. */
static size_t whole_characters(const char *text, size_t length, size_t size)
{
    if (length <= size) {
        return length;
    }
    while (size > 0 && ((unsigned char)text[size] & 0xC0U) == 0x80U) {
        size--;
    }
    return size;
}

/* Appends text to a message that holds *used bytes, cutting what does not fit. */
static void append(char *message, size_t capacity, size_t *used, const char *text)
{
    size_t length = whole_characters(text, strlen(text), capacity - 1 - *used);
    memcpy(message + *used, text, length);
    *used += length;
    message[*used] = '\0';
}

QR_PRINTF(4, 0)
static void append_format(char *message, size_t capacity, size_t *used, const char *format,
                          va_list arguments)
{
    char text[512];
    int length = vsnprintf(text, sizeof text, format, arguments);
    if (length < 0) {
        append(message, capacity, used, format);
        return;
    }
    if ((size_t)length >= sizeof text) {
        text[whole_characters(text, sizeof text, sizeof text - 1)] = '\0';
    }
    append(message, capacity, used, text);
}

/* A long path keeps its end, the part that tells files apart. */
static void set_file(quire_error *err, const char *file)
{
    static const char ellipsis[] = "...";
    char name[sizeof err->file];
    size_t length = file != NULL ? strlen(file) : 0;
    if (length < sizeof name) {
        memcpy(name, file != NULL ? file : "", length);
        name[length] = '\0';
    } else {
        size_t prefix = sizeof ellipsis - 1;
        const char *tail = file + length - (sizeof name - 1 - prefix);
        while (((unsigned char)*tail & 0xC0U) == 0x80U) {
            tail++;
        }
        memcpy(name, ellipsis, prefix);
        memcpy(name + prefix, tail, strlen(tail) + 1);
    }
    memcpy(err->file, name, sizeof name);
}

static void report(quire_error *err, quire_status status, const char *file, const char *message)
{
    set_file(err, file);
    err->status = status;
    err->os_errno = 0;
    err->page = QUIRE_NO_PAGE;
    err->line = 0;
    err->column = 0;
    err->reserved = 0;
    err->offset = 0;
    memcpy(err->message, message, strlen(message) + 1);
}

/* Formats, then reports: an argument may lie in *err itself. */
QR_PRINTF(4, 0)
static void report_format(quire_error *err, quire_status status, const char *file,
                          const char *format, va_list arguments)
{
    char message[sizeof err->message];
    size_t used = 0;
    append_format(message, sizeof message, &used, format, arguments);
    report(err, status, file, message);
}

quire_status qr_fail(quire_error *err, quire_status status, const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    report_format(err, status, NULL, format, arguments);
    va_end(arguments);
    return status;
}

quire_status qr_fail_at(quire_error *err, quire_status status, const char *file, uint32_t page,
                        uint64_t offset, const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    report_format(err, status, file, format, arguments);
    va_end(arguments);
    err->page = page;
    err->offset = offset;
    return status;
}

static quire_status status_of_errno(int os_errno)
{
    switch (os_errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return QUIRE_NO_SPACE;
    case ENOENT:
    case ENOTDIR:
        return QUIRE_NO_FILE;
    case EEXIST:
        return QUIRE_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case EISDIR:
    case ETXTBSY:
    case ENXIO:
        return QUIRE_PERMISSION;
    case ENOMEM:
        return QUIRE_NO_MEMORY;
    default:
        return QUIRE_IO;
    }
}

quire_status qr_fail_os(quire_error *err, int os_errno, const char *file, uint64_t offset,
                        const char *format, ...)
{
    quire_status status = status_of_errno(os_errno);
    if (err == NULL) {
        return status;
    }
    char message[sizeof err->message];
    size_t used = 0;
    va_list arguments;
    va_start(arguments, format);
    append_format(message, sizeof message, &used, format, arguments);
    va_end(arguments);
    char reason[96];
    if (strerror_r(os_errno, reason, sizeof reason) != 0) {
        snprintf(reason, sizeof reason, "error %d", os_errno);
    }
    append(message, sizeof message, &used, ": ");
    append(message, sizeof message, &used, reason);
    report(err, status, file, message);
    err->os_errno = os_errno;
    err->offset = offset;
    return status;
}

quire_status qr_fail_text(quire_error *err, quire_status status, const char *file, uint32_t line,
                          uint32_t column, const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    report_format(err, status, file, format, arguments);
    va_end(arguments);
    err->line = line;
    err->column = column;
    return status;
}

quire_status qr_fail_memory(quire_error *err, size_t bytes)
{
    return qr_fail(err, QUIRE_NO_MEMORY, "The allocator refused %zu bytes.", bytes);
}
