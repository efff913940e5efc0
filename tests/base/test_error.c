/* Status names and error detail. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "base/error.h"

Test(error, status_name__gives_the_constant)
{
    cr_assert_str_eq(quire_status_name(QUIRE_OK), "QUIRE_OK");
    cr_assert_str_eq(quire_status_name(QUIRE_COMMIT_UNKNOWN), "QUIRE_COMMIT_UNKNOWN");
    cr_assert_str_eq(quire_status_name((quire_status)12345), "QUIRE_?");
    cr_assert_str_eq(quire_status_message(QUIRE_OK), "success");
    cr_assert_str_eq(quire_status_message((quire_status)12345), "unknown status");
}

Test(error, fail__fills_and_resets_every_field)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_fail_at(&err, QUIRE_CORRUPT, "a.quire", 7, 4096, "Page %d is bad.", 7),
                 QUIRE_CORRUPT);
    cr_assert_eq(err.status, QUIRE_CORRUPT);
    cr_assert_eq(err.page, 7);
    cr_assert_eq(err.offset, 4096);
    cr_assert_str_eq(err.file, "a.quire");
    cr_assert_str_eq(err.message, "Page 7 is bad.");
    cr_assert_eq(qr_fail_text(&err, QUIRE_SYNTAX, "q", 3, 9, "Unexpected %s.", "}"), QUIRE_SYNTAX);
    cr_assert_eq(err.page, QUIRE_NO_PAGE);
    cr_assert(err.line == 3 && err.column == 9 && err.offset == 0);
    cr_assert_eq(qr_fail(&err, QUIRE_MISUSE, "No."), QUIRE_MISUSE);
    cr_assert(err.line == 0 && err.column == 0);
    cr_assert_str_eq(err.file, "");
    cr_assert_eq(qr_fail_memory(&err, 99), QUIRE_NO_MEMORY);
    cr_assert_not_null(strstr(err.message, "99"));
}

Test(error, fail__accepts_null)
{
    cr_assert_eq(qr_fail(NULL, QUIRE_BUSY, "x"), QUIRE_BUSY);
    cr_assert_eq(qr_fail_at(NULL, QUIRE_IO, NULL, 0, 0, "x"), QUIRE_IO);
    cr_assert_eq(qr_fail_os(NULL, ENOSPC, NULL, 0, "x"), QUIRE_NO_SPACE);
    cr_assert_eq(qr_fail_text(NULL, QUIRE_SYNTAX, NULL, 1, 1, "x"), QUIRE_SYNTAX);
    cr_assert_eq(qr_fail_memory(NULL, 1), QUIRE_NO_MEMORY);
}

Test(error, fail_os__maps_the_error_and_appends_its_text)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_fail_os(&err, EIO, "f", 12, "Cannot read"), QUIRE_IO);
    cr_assert_eq(err.os_errno, EIO);
    cr_assert_eq(err.offset, 12);
    cr_assert_eq(strncmp(err.message, "Cannot read: ", 13), 0);
    cr_assert_gt(strlen(err.message), 13);
    static const struct {
        int os_errno;
        quire_status status;
    } cases[] = {{ENOSPC, QUIRE_NO_SPACE}, {EDQUOT, QUIRE_NO_SPACE},   {EFBIG, QUIRE_NO_SPACE},
                 {ENOENT, QUIRE_NO_FILE},  {EACCES, QUIRE_PERMISSION}, {EROFS, QUIRE_PERMISSION},
                 {EEXIST, QUIRE_EXISTS},   {ENOMEM, QUIRE_NO_MEMORY},  {EBADF, QUIRE_IO},
                 {ELOOP, QUIRE_PERMISSION}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(qr_fail_os(&err, cases[i].os_errno, NULL, 0, "x"), cases[i].status);
    }
}

Test(error, fail__cuts_long_texts_between_characters)
{
    quire_error err = QUIRE_ERROR_INIT;
    char text[1024];
    /* Two-byte characters after one single byte: the limit falls inside a character. */
    text[0] = 'x';
    for (size_t i = 1; i + 1 < sizeof text; i += 2) {
        memcpy(text + i, "\xC3\xA9", 2);
    }
    text[sizeof text - 1] = '\0';
    qr_fail_at(&err, QUIRE_IO, text, QUIRE_NO_PAGE, 0, "%s", text);
    size_t length = strlen(err.message);
    cr_assert_lt(length, sizeof err.message);
    cr_assert_geq(length, sizeof err.message - 3);
    cr_assert_eq(length % 2, 1, "the message ends inside a character");
    cr_assert_eq(strncmp(err.file, "...", 3), 0, "a long path keeps its end");
    cr_assert_eq(strlen(err.file + 3) % 2, 0, "the path begins inside a character");
}

Test(error, fail__may_wrap_its_own_message)
{
    quire_error err = QUIRE_ERROR_INIT;
    qr_fail_at(&err, QUIRE_IO, "inner.quire", QUIRE_NO_PAGE, 0, "The disk is on fire.");
    qr_fail_at(&err, QUIRE_POISONED, err.file, QUIRE_NO_PAGE, 0, "Poisoned: %s", err.message);
    cr_assert_str_eq(err.message, "Poisoned: The disk is on fire.");
    cr_assert_str_eq(err.file, "inner.quire");
}
