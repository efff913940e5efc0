/*
 * Assertions state what the code believes; they are compiled in when
 * QR_CHECKED is 1 and never guard input. Input is checked with code that
 * returns an error.
 */
#ifndef QR_BASE_CHECK_H
#define QR_BASE_CHECK_H

#ifndef QR_CHECKED
#define QR_CHECKED 0
#endif

_Noreturn void qr_assert_failed(const char *expression, const char *file, int line);

#if QR_CHECKED
#define QR_ASSERT(expression)                                                                      \
    ((expression) ? (void)0 : qr_assert_failed(#expression, __FILE__, __LINE__))
#else
/* Compiled, never evaluated: names used only in assertions stay used. */
#define QR_ASSERT(expression) ((void)(0 && (expression)))
#endif

#endif
