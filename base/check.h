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

/*
 * True in test programs that run the library with the named rule of its
 * protocol dropped, to prove that the tests notice. False, and compiled away,
 * in every other build.
 */
#ifndef QR_MUTANTS
#define QR_MUTANTS 0
#endif

#if QR_MUTANTS
#include <stdbool.h>
bool qr_mutant_is(const char *name); /* defined by the test program */
#define QR_MUTANT(name) qr_mutant_is(#name)
#else
#define QR_MUTANT(name) 0
#endif

#endif
