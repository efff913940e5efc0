/*
 * Checking a database file that was just written, before it gets its name: the
 * inspection that users run, with its first error as the result. Reads only.
 */
#include <string.h>

#include "engine/inspect.h"
#include "engine/maintenance.h"

/* Errors in what rows say come from the source, and do not keep what is salvaged from its use. */
static bool is_about_rows(const quire_issue *issue)
{
    return strncmp(issue->code, "ROW_", 4) == 0;
}

quire_status qr_copy_check(const struct qr_maintenance_place *place, const char *path,
                           bool salvaged, quire_error *err)
{
    struct qr_inspect_place where = {.layer = place->layer,
                                     .allocator = place->allocator,
                                     .path = path,
                                     .malloc_arena = place->malloc_arena};
    quire_report *report;
    quire_status status = QUIRE_OK;
    QR_TRY(qr_inspect_database(&where, &report, err));
    for (size_t i = 0; i < quire_report_issue_count(report) && status == QUIRE_OK; i++) {
        const quire_issue *issue = quire_report_issue(report, i);
        if (issue->severity == QUIRE_SEVERITY_ERROR && !(salvaged && is_about_rows(issue))) {
            status =
                qr_fail_at(err, QUIRE_CORRUPT, path, issue->page, issue->offset,
                           "The copy is damaged (%s%s%s: %s); inspect the source.", issue->code,
                           issue->object[0] == '\0' ? "" : " ", issue->object, issue->message);
        }
    }
    quire_report_free(report);
    return status;
}
