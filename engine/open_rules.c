/*
 * What a program may ask of a database before it trusts it: see quire_open_rule.
 *
 * Paths are looked at before anything is opened; the file layer refuses links and
 * what is no file once more when it opens, so that a path which changes in between is
 * refused and not followed. What is opened for writing is checked as a reader finds it,
 * before anything is recovered, while the lock of the opening keeps other processes from
 * changing it: a file that is refused stays as it was.
 */
#include "engine/engine_internal.h"

#include "base/file.h"
#include "quire/inspect.h"

#define RULES_ALL                                                                                  \
    ((uint32_t)(QUIRE_RULE_FOLLOW_LINK | QUIRE_RULE_PRIVATE_DIRECTORY | QUIRE_RULE_CHECK_FIRST))

quire_status qr_open_rules_check(uint32_t rules, quire_error *err)
{
    if ((rules & ~RULES_ALL) != 0) {
        return qr_fail(err, QUIRE_MISUSE, "options.rules has bits that mean nothing.");
    }
    return QUIRE_OK;
}

quire_status qr_open_rules_resolve(const char *path, uint32_t rules, char **resolved,
                                   quire_error *err)
{
    *resolved = NULL;
    if ((rules & QUIRE_RULE_FOLLOW_LINK) != 0) {
        QR_TRY(qr_file_resolve(path, resolved, err));
    }
    if ((rules & QUIRE_RULE_PRIVATE_DIRECTORY) == 0) {
        return QUIRE_OK;
    }
    quire_status status = qr_file_check_directory(path, err);
    if (status != QUIRE_OK) {
        qr_file_path_free(*resolved);
        *resolved = NULL;
    }
    return status;
}

/* The first damage that a report tells of, as an error. */
static quire_status judge(const quire_report *report, const char *path, quire_error *err)
{
    if (quire_report_severity(report) != QUIRE_SEVERITY_ERROR) {
        return QUIRE_OK;
    }
    for (size_t i = 0; i < quire_report_issue_count(report); i++) {
        const quire_issue *issue = quire_report_issue(report, i);
        if (issue->severity == QUIRE_SEVERITY_ERROR) {
            return qr_fail_at(err, QUIRE_CORRUPT, path, issue->page, issue->offset,
                              "%s was checked before its use: %s: %s", path, issue->code,
                              issue->message);
        }
    }
    return qr_fail_at(err, QUIRE_CORRUPT, path, QUIRE_NO_PAGE, 0,
                      "%s was checked before its use, and is damaged.", path);
}

quire_status qr_open_rules_inspect(quire_db *db, uint32_t rules, quire_error *err)
{
    const char *path = qr_pager_path(db->pager);
    quire_report *report = NULL;
    if ((rules & QUIRE_RULE_CHECK_FIRST) == 0) {
        return QUIRE_OK;
    }
    QR_TRY(quire_inspect_database_open(db, &report, err));
    quire_status status = judge(report, path, err);
    quire_report_free(report);
    QR_TRY(status);
    QR_TRY(quire_inspect_indexes_open(db, NULL, &report, err));
    status = judge(report, path, err);
    quire_report_free(report);
    return status;
}
