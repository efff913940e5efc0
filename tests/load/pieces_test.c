/*
 * However an input is cut into pieces, the same database comes of it; and
 * memory does not grow with the input.
 */
#include "load_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_allocator.h"

static const struct input inputs[] = {{EXAMPLES "/library/catalogue.json", NULL},
                                      {EXAMPLES "/library/copies.json", NULL},
                                      {NULL, NULL}};

static const char everything[] =
    "{ books { items { isbn title genre language pages price tags shelf { code } authors { items "
    "{ id } } copies { items { barcode } } } } authors { items { id name born model { id } } } "
    "shelves { items { code floor } } copies { items { barcode lost next { barcode } } } }";

Test(load_pieces, every_cut_gives_the_same_database)
{
    static const size_t sizes[] = {0, 1, 2, 3, 7, 64, 1000};
    quire_error err = QUIRE_ERROR_INIT;
    char *sdl = read_file(EXAMPLES "/library/schema.graphql");
    char *mapping = read_file(EXAMPLES "/library/mapping.json");
    char *first = NULL;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        quire_db *db = open_db(":memory:", NULL);
        uint64_t rows;
        apply_schema(db, sdl);
        OK(load_pieces(db, mapping, inputs, sizes[i], &rows, &err));
        cr_assert_eq(rows, 11);
        char *answer = ask(db, everything);
        if (first == NULL) {
            first = answer;
        } else {
            cr_assert_str_eq(answer, first, "pieces of %zu bytes", sizes[i]);
            quire_free(answer);
        }
        close_db(db);
    }
    quire_free(first);
    free(sdl);
    free(mapping);
}

Test(load_pieces, every_cut_gives_the_same_error)
{
    static const size_t sizes[] = {0, 1, 7};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db = open_db(":memory:", NULL);
        uint64_t rows;
        apply_schema(db, "type T { id: ID! n: Int }");
        quire_status status =
            load_pieces(db, NULL,
                        INPUTS({"d", "{\"T\": [{\"id\": \"\xC3\xA4\", \"n\": 1},\r\n\t{\"id\": 2, "
                                     "\"n\": 12345678901}]}"}),
                        sizes[i], &rows, &err);
        cr_assert_eq(status, QUIRE_DATA);
        cr_assert_eq(err.line, 2);
        cr_assert_eq(err.column, 17);
        close_db(db);
    }
}

/* ---- memory ---- */

/* Feeds `count` rows, all but the first of which refer to the row before them or, `forward`, to the
 * one behind; returns the bytes that were live after half of them and after all. */
static void load_chain(unsigned count, bool forward, int64_t live[2])
{
    quire_error err = QUIRE_ERROR_INIT;
    struct failing_allocator failing;
    quire_txn *txn;
    quire_loader *loader;
    uint64_t rows;
    char text[200];

    failing_allocator_init(&failing);
    quire_db *db = open_db(":memory:", &failing.allocator);
    apply_schema(db, "type T { id: ID! @id text: String next: T }");
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_loader_open(txn, NULL, &loader, &err));
    OK(quire_loader_begin(loader, "d", &err));
    OK(quire_loader_feed(loader, "{\"T\": [", 7, &err));
    for (unsigned i = 0; i < count; i++) {
        unsigned other = forward ? (i + 1) % count : i == 0 ? 0 : i - 1;
        int size = snprintf(text, sizeof text,
                            "%s{\"id\": \"%08u\", \"text\": \"some text\", \"next\": \"%08u\"}",
                            i == 0 ? "" : ",", i, other);
        OK(quire_loader_feed(loader, text, (size_t)size, &err));
        if (i == count / 2 || i == count - 1) {
            live[i == count - 1] = failing.live_bytes;
        }
    }
    OK(quire_loader_feed(loader, "]}", 2, &err));
    OK(quire_loader_end(loader, &err));
    OK(quire_loader_finish(loader, &rows, &err));
    cr_assert_eq(rows, count);
    quire_loader_close(loader);
    OK(quire_commit(txn, &err));
    snprintf(text, sizeof text, "{ t(id: \"%08u\") { next { id } } }", count - 2);
    char expected[100];
    snprintf(expected, sizeof expected, "{\"t\":{\"next\":{\"id\":\"%08u\"}}}",
             forward ? count - 1 : count - 3);
    expect_answer(db, text, expected);
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

enum { ROWS = 6000 };

Test(load_pieces, references_backward_cost_no_memory)
{
    int64_t backward[2];
    int64_t forward[2];
    load_chain(ROWS, false, backward);
    load_chain(ROWS, true, forward);
    /* The same rows, so whatever the engine keeps for pages is the same but for the index on the
     * reference; what is on top is the notes. */
    int64_t notes = (forward[1] - forward[0]) - (backward[1] - backward[0]);
    cr_assert_lt(notes, (int64_t)ROWS / 2 * 160, "%lld bytes", (long long)notes);
}
