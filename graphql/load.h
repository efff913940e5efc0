/*
 * Loading data, the parts that work together (docs/graphql.md, "Loading"):
 *
 *     bytes -> json_read, csv_read -> load.c          finds the lists that rules name
 *                                  -> load_tape.c     collects one element of a list
 *                                  -> load_find.c     gives each field its value
 *                                  -> load_cell.c     makes a cell of CSV a value
 *                                  -> load_row.c      checks it and stores the row
 *                                  -> load_notes.c    keeps what waits for other rows
 *                                  -> load_replace.c  knows the rows that were there
 *
 * load_mapping.c compiles a mapping file into rules, and load_source.c what
 * they say of each field. The plain form is a rule for each type, whose fields
 * are looked up by the names in the data.
 *
 * Memory: one element at a time, whatever the size of the input; a bounded
 * buffer of notes, one for each reference to a row that is not there yet, of
 * which the rest is in a file; where rows may be replaced two bits for each.
 */
#ifndef QR_GRAPHQL_LOAD_H
#define QR_GRAPHQL_LOAD_H

#include "graphql/csv_read.h"
#include "graphql/key_table.h"
#include "graphql/store.h"
#include "quire/load.h"

/* A place in an input, from 1. */
struct qr_load_place {
    uint32_t line;
    uint32_t column;
};

/* ---- one JSON value (load_tape.c) ---- */

/*
 * A value with its place. Those of a list's elements and an object's members
 * follow it directly, each with what belongs to it: the n-th child is found by
 * stepping over the spans of those before it.
 */
struct qr_load_node {
    struct qr_gql_str name; /* as a member of an object; else data NULL */
    struct qr_gql_str text; /* STRING, INT, FLOAT */
    enum qr_gql_value_kind kind;
    bool boolean;
    bool cell;      /* of CSV: a STRING that is to be read as what its field stores */
    uint32_t count; /* LIST, OBJECT: children */
    uint32_t span;  /* nodes: itself and everything below */
    struct qr_load_place place;
    struct qr_load_place name_place;
};

/* A value under construction. */
struct qr_load_tape {
    const quire_allocator *allocator; /* of `nodes` */
    struct qr_arena *arena;           /* of the texts */
    struct qr_load_node *nodes;
    size_t count, capacity;
    size_t open; /* 1 + index of the innermost open list or object; 0: none */
    bool cells;  /* its nodes are marked so */
    struct qr_gql_str name;
    struct qr_load_place name_place;
};

void qr_load_tape_init(struct qr_load_tape *tape, const quire_allocator *allocator,
                       struct qr_arena *arena);
/* Forgets the value and keeps the room; the arena is the caller's to reset. */
void qr_load_tape_reset(struct qr_load_tape *tape);
void qr_load_tape_free(struct qr_load_tape *tape);

/* Takes one event of the reader. DATA, at the second one, when an object names a key twice. */
quire_status qr_load_tape_event(struct qr_load_tape *tape, enum qr_json_event event,
                                struct qr_gql_str text, struct qr_load_place place,
                                quire_error *err);
/* Whether the value is complete. */
bool qr_load_tape_done(const struct qr_load_tape *tape);

static inline const struct qr_load_node *qr_load_first(const struct qr_load_node *node)
{
    return node + 1;
}

static inline const struct qr_load_node *qr_load_next(const struct qr_load_node *child)
{
    return child + child->span;
}

/* The member of that name, or NULL. */
const struct qr_load_node *qr_load_member(const struct qr_load_node *object,
                                          struct qr_gql_str name);

/* The same as a value of GraphQL; what it points to is in the arena or shared with the node. */
quire_status qr_load_to_value(const struct qr_load_node *node, struct qr_arena *arena,
                              struct qr_gql_value *out, quire_error *err);

/* Reads a whole text into nodes; DATA, SYNTAX with line and column. */
quire_status qr_load_read(struct qr_load_tape *tape, struct qr_gql_str text, quire_error *err);

/* "a string", "a list": for messages. */
const char *qr_load_kind_name(const struct qr_load_node *node);

/* Arguments for "%.*s": a text of the input or the mapping, cut to a length for messages. */
#define QR_LOAD_SHOWN(str) (int)qr_gql_str_cut(str, 80).size, (str).data

/* Fails at a place; the loader adds the name of the input. */
quire_status qr_load_fail(quire_error *err, quire_status status, struct qr_load_place place,
                          const char *format, ...) QR_PRINTF(4, 5);

/* ---- where a field's value comes from (load_source.c, load_find.c) ---- */

struct qr_load_path {
    struct qr_gql_str text; /* as written */
    struct qr_gql_str *names;
    uint32_t count; /* 0: the value itself */
};

/* A function of templates (load_function.c). */
struct qr_load_function {
    const char *name;
    bool takes_text; /* in parentheses */
    /* Replaces *text; data NULL: no value. Memory from the arena. */
    quire_status (*apply)(struct qr_arena *arena, struct qr_gql_str argument,
                          struct qr_gql_str *text, quire_error *err);
};

/* The function of that name, or NULL. */
const struct qr_load_function *qr_load_function_find(struct qr_gql_str name);

struct qr_load_call {
    const struct qr_load_function *function;
    struct qr_gql_str argument;
};

/* A piece of a template: text, then a part unless it is the last. */
struct qr_load_piece {
    struct qr_gql_str text;
    bool has_part;
    struct qr_load_path path;
    struct qr_load_call *calls;
    uint32_t call_count;
};

enum qr_load_source_kind {
    QR_LOAD_PATH,
    QR_LOAD_TEMPLATE,
    QR_LOAD_FIRST,
    QR_LOAD_TRANSLATE,
    QR_LOAD_CONSTANT
};

enum qr_load_other { QR_LOAD_OTHER_FAILS, QR_LOAD_OTHER_KEPT, QR_LOAD_OTHER_NULL };

struct qr_load_source {
    enum qr_load_source_kind kind;
    struct qr_load_path path;     /* PATH */
    struct qr_load_piece *pieces; /* TEMPLATE */
    uint32_t piece_count;
    struct qr_load_source *sources; /* FIRST; one for TRANSLATE */
    uint32_t source_count;
    const struct qr_load_node *constant; /* CONSTANT */
    bool translates;                     /* TRANSLATE: has values */
    struct qr_gql_name_table values;     /* TRANSLATE: text to const struct qr_load_node * */
    enum qr_load_other other;
    bool missing_null;
};

/* What a source found: NULL when it has no value. */
struct qr_load_found {
    const struct qr_load_node *node;
    bool missing_null;
};

/* Compiles a source of a mapping; texts are shared with the nodes. */
quire_status qr_load_source_compile(struct qr_arena *arena, const struct qr_load_node *node,
                                    struct qr_load_source *out, quire_error *err);

/* Evaluates it on an element of a list; memory from the arena. DATA at a place of the element. */
quire_status qr_load_source_find(const struct qr_load_source *source,
                                 const struct qr_load_node *element, struct qr_arena *arena,
                                 struct qr_load_found *found, quire_error *err);

/* Splits "outer.inner"; false when a name in it is empty. An empty text has no names. */
quire_status qr_load_path_compile(struct qr_arena *arena, struct qr_gql_str text,
                                  struct qr_load_path *path, bool *valid, quire_error *err);

/* ---- rules (load_mapping.c) ---- */

struct qr_load_field {
    const struct qr_model_field *field;
    struct qr_load_source source;
};

struct qr_load_rule {
    const struct qr_model_type *type;
    struct qr_gql_str file;   /* data NULL: every input */
    struct qr_load_path list; /* where the list is */
    bool plain;               /* fields are the members, by name */
    struct qr_load_field *fields;
    uint32_t field_count;
    struct qr_load_place place; /* in the mapping */

    /* While inputs are read. */
    uint32_t matched; /* names of `list` that the place in the input has in common with it */
    bool is_read;     /* its list is being read */
    bool found_here;  /* in this input */
    bool found;       /* in any input */
};

struct qr_load_rules {
    struct qr_load_rule *rules;
    uint32_t count;
    bool plain;
};

/* The names by which data may call the fields of a type: filled as names are met. */
struct qr_load_names {
    struct qr_arena *arena;
    struct qr_gql_name_table *tables; /* by type */
};

quire_status qr_load_names_init(struct qr_load_names *names, const struct qr_model *model,
                                struct qr_arena *arena, quire_error *err);

/* The field that `name` gives a value to: the field's own name, `fId`, `fIds` or the singular's
 * `Ids`. DATA at `place` when there is none. */
quire_status qr_load_names_find(struct qr_load_names *names, const struct qr_model_type *type,
                                struct qr_gql_str name, struct qr_load_place place,
                                const struct qr_model_field **field, quire_error *err);

/* The type of that name; DATA at `place` when there is none. */
quire_status qr_load_find_type(const struct qr_model *model, struct qr_arena *arena,
                               struct qr_gql_str name, struct qr_load_place place,
                               const struct qr_model_type **type, quire_error *err);

/* Rules for the plain form. */
quire_status qr_load_rules_plain(const struct qr_model *model, struct qr_arena *arena,
                                 struct qr_load_rules *rules, quire_error *err);
/* Rules of a mapping, which is copied. SYNTAX, DATA with line and column in the mapping. */
quire_status qr_load_rules_compile(const struct qr_model *model, struct qr_load_names *names,
                                   struct qr_arena *arena, struct qr_gql_str mapping,
                                   struct qr_load_rules *rules, quire_error *err);

/* ---- cells (load_cell.c) ---- */

/* What a node says as a value of `field`: itself, or what the text of a CSV cell stands for, with
 * memory from the arena. DATA, SYNTAX when that is nothing. */
quire_status qr_load_cell(const struct qr_model_field *field, const struct qr_load_node *node,
                          struct qr_arena *arena, const struct qr_load_node **out,
                          quire_error *err);

/* Whether the cells of a field are JSON text. */
bool qr_load_cell_is_json(const struct qr_model_field *field);

/* ---- notes (load_notes.c) ---- */

/* Beyond so many bytes notes move to a file. */
#define QR_LOAD_NOTES_BYTES ((size_t)1 << 20)

struct qr_load_notes {
    quire_db *db;
    uint8_t *bytes;
    size_t size, capacity, at; /* filled; allocated; read */
    struct qr_file *file;      /* NULL until needed */
    uint64_t written, read;    /* of the file */
};

void qr_load_notes_init(struct qr_load_notes *notes, quire_db *db);
void qr_load_notes_free(struct qr_load_notes *notes);

/* Adds a note: a record of these values. */
quire_status qr_load_notes_add(struct qr_load_notes *notes, const quire_value *values,
                               uint32_t count, quire_error *err);

/* Ends adding. */
quire_status qr_load_notes_rewind(struct qr_load_notes *notes, quire_error *err);
/* The next record, borrowed until the next call. */
quire_status qr_load_notes_next(struct qr_load_notes *notes, const void **record, size_t *size,
                                bool *found, quire_error *err);

/* ---- rows that were there (load_replace.c) ---- */

/* A set of rowids: a bit for each in pages of neighbours. */
struct qr_load_rowids {
    struct qr_load_rowids_page **slots; /* a hash table, open addressing */
    size_t slot_count, page_count;
};

/* What a load that changes rows knows of those of a type. */
struct qr_load_rows {
    struct qr_load_rowids given; /* in the input */
    /* REPLACE alone: */
    bool known;                      /* `last` is */
    bool replaced;                   /* the input has a list of the type */
    int64_t last;                    /* rows after this one are the load's own */
    struct qr_load_rowids dead;      /* deleted */
    struct qr_load_rowids displaced; /* whose unique values others took; kept for triggers */
};

/* A row before it was displaced. */
struct qr_load_original {
    const void *record;
    size_t size;
};

/* ---- rows (load_row.c) ---- */

struct qr_load_writer {
    struct qr_reader reader;
    struct qr_store store;
    struct qr_arena *row; /* reset between rows */
    struct qr_load_names *names;
    quire_load_mode mode;
    struct qr_load_rows *types;         /* by type; NULL in mode INSERT */
    struct qr_arena *arena;             /* lives as long as the writer */
    struct qr_key_table displaced;      /* by type and rowid */
    struct qr_load_original *originals; /* by number there */
    struct qr_load_notes notes;
    struct qr_load_notes changes; /* for triggers */
    struct qr_load_place place;   /* of the row that is being stored; line 0: none */
    uint32_t input;               /* which it came in */
    int64_t placeholders;         /* that were given out */
    uint64_t rows;
};

/* Opens a writer, without triggers; `arena` lives as long as it, `row` is reset between rows by the
 * caller. */
quire_status qr_load_writer_open(struct qr_load_writer *writer, quire_txn *txn,
                                 const struct qr_api *api, quire_load_mode mode,
                                 struct qr_arena *arena, struct qr_arena *row,
                                 struct qr_load_names *names, quire_error *err);
void qr_load_writer_close(struct qr_load_writer *writer);

/* Stores what a rule makes of an element, an object; `input` is remembered with its references. */
quire_status qr_load_row(struct qr_load_writer *writer, const struct qr_load_rule *rule,
                         const struct qr_load_node *element, uint32_t input);

/* Settles the references that waited. On failure *input is where the reference was read. */
quire_status qr_load_settle(struct qr_load_writer *writer, uint32_t *input);

/* ---- numbers that count (load_numbers.c) ---- */

/* A list of this name tells what they have counted up to. */
extern const char qr_load_numbers_name[];
/* What stands for the type of its elements. It is none of the model's. */
const struct qr_model_type *qr_load_numbers(void);
/* Takes an element. A number is never lowered. */
quire_status qr_load_number(struct qr_load_writer *writer, const struct qr_load_node *element);

/* ---- triggers (load_trigger.c) ---- */

/* Has the writer run triggers: those before a change at once, those after it by the other call,
 * when the load is done otherwise. On failure *input is where the row was read that they ran
 * for. */
void qr_load_triggers_init(struct qr_load_writer *writer);
quire_status qr_load_triggers_run(struct qr_load_writer *writer, uint32_t *input);

/* ---- rows that were there (load_replace.c) ---- */

/* What a row was before rows of the input took unique values of it (of a store: see `recall`). */
quire_status qr_load_replace_recall(void *context, const struct qr_model_type *type, int64_t rowid,
                                    quire_value *values);

/* The input has this row, or had it before; not for mode INSERT. */
quire_status qr_load_give_row(struct qr_load_writer *writer, const struct qr_model_type *type,
                              int64_t rowid);
bool qr_load_is_given(const struct qr_load_writer *writer, const struct qr_model_type *type,
                      int64_t rowid);

/* The rest is for mode REPLACE, and does nothing in others. */

/* Rows of the type are in the input, if only none. */
quire_status qr_load_replace_begin(struct qr_load_writer *writer, const struct qr_model_type *type);

/* Whether a row was there before the load and the input has not had it yet. */
quire_status qr_load_replace_is_old(struct qr_load_writer *writer, const struct qr_model_type *type,
                                    int64_t rowid, bool *old);
/* In REPLACE, when a row cannot be stored because of its unique values: takes them from those
 * rows that the input has not had and that will so be replaced or deleted. *made false: another
 * row keeps its own. `rowid` is the row's, 0 for a new one. */
quire_status qr_load_replace_make_way(struct qr_load_writer *writer, const struct qr_draft *draft,
                                      int64_t rowid, bool *made);

/* Deletes the rows of replaced types that the input does not have, and what their deletion
 * entails. */
quire_status qr_load_replace_finish(struct qr_load_writer *writer);

void qr_load_rows_free(struct qr_load_writer *writer);

#endif
