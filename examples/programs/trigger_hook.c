/*
 * Triggers: one normalises a value before it is stored, one keeps an audit log
 * of all changes, in the same transaction as these.
 *
 *     trigger_hook DATABASE
 */
#include <ctype.h>
#include <string.h>

#include "example.h"

/* Before: stores addresses in lower case. */
static quire_status lower_address(void *context, const quire_trigger_call *call, quire_error *err)
{
    quire_value row = call->new_values[0];
    char address[128];
    (void)context;
    if (row.type != QUIRE_TEXT || row.size > sizeof address) {
        return QUIRE_OK;
    }
    for (uint32_t i = 0; i < row.size; i++) {
        address[i] = (char)tolower(((const unsigned char *)row.as.bytes)[i]);
    }
    row = quire_text_n(address, row.size);
    return quire_trigger_replace(call, &row, 1, err);
}

/* After: writes what has changed to the table "audit". */
static quire_status keep_audit(void *context, const quire_trigger_call *call, quire_error *err)
{
    unsigned *kept = context;
    quire_table *audit;
    quire_value row[] = {quire_int(call->event), quire_int(call->rowid),
                         call->old_values != NULL ? call->old_values[0] : quire_null(),
                         call->new_values != NULL ? call->new_values[0] : quire_null()};
    quire_status status = quire_table_open(call->txn, "audit", &audit, err);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_table_insert(audit, NULL, row, 4, err);
    quire_table_close(audit);
    *kept += status == QUIRE_OK;
    return status;
}

static void create(quire_db *db)
{
    static const quire_column people[] = {{"address", QUIRE_TEXT, true}};
    static const quire_column audit[] = {{"event", QUIRE_INT, true},
                                         {"row", QUIRE_INT, true},
                                         {"old", QUIRE_TEXT, false},
                                         {"new", QUIRE_TEXT, false}};
    quire_trigger_def normalise = {.name = "lower_address",
                                   .table = "people",
                                   .function = "lower_address",
                                   .time = QUIRE_BEFORE,
                                   .events = QUIRE_ON_INSERT | QUIRE_ON_UPDATE};
    quire_trigger_def keep = {.name = "keep_audit",
                              .table = "people",
                              .function = "keep_audit",
                              .time = QUIRE_AFTER,
                              .events = QUIRE_ON_INSERT | QUIRE_ON_UPDATE | QUIRE_ON_DELETE};
    quire_txn *txn;
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_table_create(txn, "people", people, 1, &err));
    MUST(quire_table_create(txn, "audit", audit, 4, &err));
    MUST(quire_trigger_create(txn, &normalise, &err));
    MUST(quire_trigger_create(txn, &keep, &err));
    MUST(quire_commit(txn, &err));
}

int main(int argc, char **argv)
{
    quire_db *db;
    quire_txn *txn;
    quire_table *people;
    quire_table *audit;
    quire_value address = quire_text("Ada@Example.ORG");
    const void *record;
    size_t size;
    bool found;
    int64_t rowid = 0;
    uint64_t rows;
    unsigned kept = 0;

    MUST(quire_open(argc > 1 ? argv[1] : "people.quire", NULL, &db, &err));
    create(db);

    /* The database knows the triggers; what they do, the program says each time it opens it. */
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_table_open(txn, "people", &people, &err));
    quire_error refused = QUIRE_ERROR_INIT;
    EXPECT(quire_table_insert(people, NULL, &address, 1, &refused) == QUIRE_UNKNOWN_NAME);
    printf("%s\n", refused.message);
    MUST(quire_trigger_function(db, "lower_address", lower_address, NULL, &err));
    MUST(quire_trigger_function(db, "keep_audit", keep_audit, &kept, &err));

    MUST(quire_table_insert(people, &rowid, &address, 1, &err));
    MUST(quire_table_get(people, rowid, &record, &size, &found, &err));
    MUST(quire_record_column(record, size, 0, &address, &err));
    printf("stored %.*s\n", (int)address.size, (const char *)address.as.bytes);
    EXPECT(address.size == 15 && memcmp(address.as.bytes, "ada@example.org", 15) == 0);
    MUST(quire_table_delete(people, rowid, &found, &err));

    MUST(quire_table_open(txn, "audit", &audit, &err));
    MUST(quire_table_row_count(audit, &rows, &err));
    printf("%u changes, %llu rows in the audit\n", kept, (unsigned long long)rows);
    EXPECT(kept == 2 && rows == 2);
    quire_table_close(audit);
    quire_table_close(people);
    MUST(quire_commit(txn, &err));
    MUST(quire_close(db, &err));
    return 0;
}
