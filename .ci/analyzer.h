/*
 * Included ahead of each file that clang-tidy looks at: tells the analyzer
 * that a function which reports a failure returns the status it is given,
 * never QUIRE_OK. Without it every caller seems to go on with results unset.
 */
#ifndef QUIRE_CI_ANALYZER_H
#define QUIRE_CI_ANALYZER_H

#include "base/error.h"

#define qr_fail(err, status, ...)      (qr_fail(err, status, __VA_ARGS__), (status))
#define qr_fail_at(err, status, ...)   (qr_fail_at(err, status, __VA_ARGS__), (status))
#define qr_fail_text(err, status, ...) (qr_fail_text(err, status, __VA_ARGS__), (status))
#define qr_fail_os(...)                (qr_fail_os(__VA_ARGS__), QUIRE_IO)
#define qr_fail_memory(...)            (qr_fail_memory(__VA_ARGS__), QUIRE_NO_MEMORY)

#endif
