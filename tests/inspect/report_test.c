/*
 * The table of findings, the document that prints it, and the renderings.
 */
#include "inspect_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/faulty_layer.h"
#include "wal/wal_inspect.h"

static char *read_document(void)
{
    FILE *file = fopen(QUIRE_SOURCE "/docs/inspection.md", "rb");
    cr_assert_not_null(file);
    char *text = calloc(1, 1 << 20);
    cr_assert_gt(fread(text, 1, (1 << 20) - 1, file), 0);
    fclose(file);
    return text;
}

Test(inspect_report, document__lists_every_code)
{
    static const char *const severities[] = {"info", "warning", "error"};
    char *text = read_document();
    for (int code = 0; code < QR_INSPECT_CODE_COUNT; code++) {
        const struct qr_inspect_code_info *info = qr_inspect_code_info((enum qr_inspect_code)code);
        char row[800];
        (void)snprintf(row, sizeof row, "\n| %s | %s | %s | %s |\n", info->name,
                       severities[info->severity], info->meaning, info->remedy);
        cr_assert_not_null(strstr(text, row), "docs/inspection.md lacks%s", row);
    }
    free(text);
}

Test(inspect_report, document__lists_no_other_code)
{
    char *text = read_document();
    int rows = 0;
    for (const char *at = strstr(text, "\n| "); at != NULL; at = strstr(at + 1, "\n| ")) {
        rows += at[3] >= 'A' && at[3] <= 'Z';
    }
    cr_assert_eq(rows, QR_INSPECT_CODE_COUNT);
    free(text);
}

Test(inspect_report, table__has_the_codes_of_the_log)
{
    for (int wal = 0; wal < QR_WAL_ISSUE_COUNT; wal++) {
        const char *name = qr_wal_issue_name((enum qr_wal_issue_code)wal);
        bool found = false;
        for (int code = 0; code < QR_INSPECT_CODE_COUNT; code++) {
            const struct qr_inspect_code_info *info =
                qr_inspect_code_info((enum qr_inspect_code)code);
            if (strcmp(info->name, name) == 0) {
                found = true;
                cr_assert_eq(info->severity, qr_wal_issue_severity((enum qr_wal_issue_code)wal),
                             "%s", name);
            }
        }
        cr_assert(found, "%s", name);
    }
}

static quire_report *make(const char *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    OK(qr_report_create(qr_allocator_default(), "database", text, &report, &err));
    qr_fact_number(report, "pageCount", 7);
    qr_fact_open(report, "header");
    qr_fact_flag(report, "clean", true);
    qr_fact_close(report);
    qr_fact_open_list(report, "trees");
    for (int i = 0; i < 2; i++) {
        qr_fact_open(report, NULL);
        qr_fact_text(report, "name", text);
        qr_fact_percent(report, "fill", (uint64_t)i, 3);
        qr_fact_close(report);
    }
    qr_fact_close(report);
    qr_report_issue(report, QR_INSPECT_PAGE_ORPHAN, 3, 3072, text, NULL);
    qr_report_issue(report, QR_INSPECT_INDEX_NOT_CHECKED, QUIRE_NO_PAGE, 0, NULL, "it is %d", 5);
    OK(qr_report_finish(report, &report, &err));
    return report;
}

Test(inspect_report, json__has_facts_and_issues)
{
    quire_report *report = make("a\"b\\\n");
    cr_assert_str_eq(
        quire_report_json(report),
        "{\"schemaVersion\":\"1.0\",\"report\":\"database\",\"path\":\"a\\\"b\\\\\\u000a\","
        "\"severity\":\"WARNING\",\"counts\":{\"error\":0,\"warning\":2,\"info\":0},"
        "\"facts\":{\"pageCount\":7,\"header\":{\"clean\":true},\"trees\":["
        "{\"name\":\"a\\\"b\\\\\\u000a\",\"fill\":0.0},"
        "{\"name\":\"a\\\"b\\\\\\u000a\",\"fill\":33.3}]},\"issues\":["
        "{\"code\":\"PAGE_ORPHAN\",\"severity\":\"WARNING\",\"page\":3,\"offset\":3072,"
        "\"object\":\"a\\\"b\\\\\\u000a\","
        "\"message\":\"the page is marked as used but nothing uses it\","
        "\"remedy\":\"Nothing is lost but its space.\"},"
        "{\"code\":\"INDEX_NOT_CHECKED\",\"severity\":\"WARNING\",\"page\":null,\"offset\":0,"
        "\"object\":null,\"message\":\"it is 5\","
        "\"remedy\":\"Repair what else is reported, then inspect again.\"}]}");
    quire_report_free(report);
}

Test(inspect_report, text__is_for_people)
{
    quire_report *report = make("x\x1B\xFFy");
    cr_assert_str_eq(
        quire_report_text(report),
        "database x?\xEF\xBF\xBDy: sound, with warnings\n"
        "  page count: 7\n"
        "  header: \n"
        "    clean: yes\n"
        "  trees: \n"
        "    name x?\xEF\xBF\xBDy, fill 0.0\n"
        "    name x?\xEF\xBF\xBDy, fill 33.3\n"
        "WARNING PAGE_ORPHAN page 3 offset 3072 in x?\xEF\xBF\xBDy: the page is marked "
        "as used but nothing uses it\n"
        "    Nothing is lost but its space.\n"
        "WARNING INDEX_NOT_CHECKED offset 0: it is 5\n"
        "    Repair what else is reported, then inspect again.\n");
    cr_assert_eq(quire_report_issue(report, 1)->page, QUIRE_NO_PAGE);
    cr_assert_str_eq(quire_report_issue(report, 1)->object, "");
    quire_report_free(report);
    quire_report_free(NULL);
}

/* ---- Memory ---- */

typedef quire_status (*inspect)(const struct qr_inspect_place *place, quire_report **out,
                                quire_error *err);

static quire_status all_indexes(const struct qr_inspect_place *place, quire_report **out,
                                quire_error *err)
{
    return qr_inspect_indexes(place, NULL, out, err);
}

static quire_status page_five(const struct qr_inspect_place *place, quire_report **out,
                              quire_error *err)
{
    return qr_inspect_page(place, 5, out, err);
}

/* Every failing allocation ends in NO_MEMORY, with nothing left behind. */
static void survive(struct world *world, inspect call)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    world->place.allocator = &failing.allocator;
    for (uint64_t at = 0;; at++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_report *report;
        failing_allocator_arm(&failing, at, false);
        quire_status status = call(&world->place, &report, &err);
        bool failed = failing.failures > 0;
        cr_assert(status == QUIRE_OK || (status == QUIRE_NO_MEMORY && report == NULL),
                  "allocation %llu: %s", (unsigned long long)at, err.message);
        quire_report_free(report);
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu", (unsigned long long)at);
        if (!failed) {
            cr_assert_eq(status, QUIRE_OK);
            return;
        }
    }
}

Test(inspect_report, inspection__survives_failing_allocations)
{
    struct world world = world_make();
    survive(&world, qr_inspect_database);
    survive(&world, all_indexes);
    survive(&world, qr_inspect_wal);
    survive(&world, page_five);
    world_free(&world);
}

Test(inspect_report, inspection_of_damage__survives_failing_allocations)
{
    struct world world = world_make();
    world_flip(&world, WORLD_PATH, QR_HEADER_CREATED);
    survive(&world, qr_inspect_database);
    survive(&world, page_five);
    world_free(&world);
}

/* ---- Reads ---- */

/* Every failing call to the file layer ends in a status, with nothing left open. */
static void survive_io(struct faulty_layer *layer, struct world *world, inspect call)
{
    for (uint64_t at = 0;; at++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct faulty_plan plan = {.kinds = FAULTY_ANY, .index = at};
        quire_report *report;
        faulty_layer_fail(layer, &plan);
        quire_status status = call(&world->place, &report, &err);
        uint64_t failures = faulty_layer_failures(layer);
        faulty_layer_heal(layer);
        cr_assert(failures == 0 ? status == QUIRE_OK : status == QUIRE_IO, "call %llu: %s %s",
                  (unsigned long long)at, quire_status_name(status), err.message);
        if (status == QUIRE_OK) {
            quire_report_free(report);
            return;
        }
        cr_assert_null(report);
        cr_assert(err.message[0] != '\0');
    }
}

Test(inspect_report, inspection__reports_failing_reads)
{
    struct faulty_layer *layer = faulty_layer_create();
    struct world world;
    world_make_on(&world, faulty_layer_files(layer));
    survive_io(layer, &world, qr_inspect_database);
    survive_io(layer, &world, all_indexes);
    survive_io(layer, &world, qr_inspect_wal);
    survive_io(layer, &world, page_five);
    faulty_layer_destroy(layer);
}
