/*
 * Quire in a C program: a schema, transactions, a snapshot, a query, a check.
 *
 *     cc embed.c $(pkg-config --cflags --libs quire) -o embed && ./embed notes.quire
 */
#include <quire/quire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static quire_error err = QUIRE_ERROR_INIT;

static void must(quire_status status)
{
    if (status != QUIRE_OK) {
        fprintf(stderr, "embed: %s: %s\n", quire_status_name(status), err.message);
        exit(EXIT_FAILURE);
    }
}

/* Inserts a note in a transaction; the columns are those of the type, in order. */
static void add_note(quire_txn *txn, const char *id, const char *text)
{
    quire_table *notes;
    quire_value row[] = {quire_text(id), quire_text(text)};
    int64_t rowid = 0; /* the next free one */
    must(quire_table_open(txn, "Note", &notes, &err));
    must(quire_table_insert(notes, &rowid, row, 2, &err));
    quire_table_close(notes);
}

static unsigned long count_notes(quire_txn *txn)
{
    quire_table *notes;
    uint64_t rows;
    must(quire_table_open(txn, "Note", &notes, &err));
    must(quire_table_row_count(notes, &rows, &err));
    quire_table_close(notes);
    return (unsigned long)rows;
}

int main(int argc, char **argv)
{
    static const char schema[] = "type Note { id: ID! @id  text: String! @index }";
    const char *path = argc > 1 ? argv[1] : ":memory:";
    quire_db *db;
    quire_txn *txn;

    /* One write transaction: the table and its first row appear together, or not at all. */
    must(quire_open(path, NULL, &db, &err));
    must(quire_begin(db, QUIRE_WRITE, &txn, &err));
    must(quire_schema_apply(txn, schema, strlen(schema), &err));
    add_note(txn, "a", "committed");
    must(quire_commit(txn, &err));

    /* Another, that changes its mind. */
    must(quire_begin(db, QUIRE_WRITE, &txn, &err));
    add_note(txn, "b", "rolled back");
    quire_rollback(txn);

    /* A snapshot keeps its view while another transaction commits. */
    quire_txn *snapshot;
    must(quire_begin(db, QUIRE_READ, &snapshot, &err));
    must(quire_begin(db, QUIRE_WRITE, &txn, &err));
    add_note(txn, "c", "committed later");
    must(quire_commit(txn, &err));
    printf("the snapshot sees %lu note\n", count_notes(snapshot));
    quire_rollback(snapshot);

    /* A GraphQL query, on a snapshot of its own. */
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    request.document = "{ notes(orderBy: [{id: ASC}]) { totalCount items { id text } } }";
    char *response;
    size_t size;
    must(quire_graphql(db, &request, &response, &size, NULL, &err));
    printf("%s\n", response);
    quire_free(response);

    /* Is every page, row and index entry where it should be? */
    quire_report *report;
    must(quire_inspect_database_open(db, &report, &err));
    printf("inspection: %s\n",
           quire_report_severity(report) == QUIRE_SEVERITY_ERROR ? "damaged" : "sound");
    quire_report_free(report);

    must(quire_close(db, &err));
    return 0;
}
