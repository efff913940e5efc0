/*
 * Recording the changes of rows in a write transaction: see feed.h.
 *
 * Entries are as this machine stores them, each of a multiple of eight bytes:
 * nothing of it leaves the process. An entry of a change names its table by the
 * offset of the table's own entry; those are linked, the newest first, and a
 * transaction changes few tables, so they are searched one by one.
 *
 * One thread: the transaction's. Nothing here fails: see feed.h.
 */
#include <string.h>

#include "base/memory.h"
#include "catalog/catalog.h"
#include "engine/feed.h"

#define CAPACITY_MIN 512U
#define NO_RECORD    UINT32_MAX /* size of a record that does not exist */

/* Every entry begins with its size; `table` is 0 in those of names. */
struct entry {
    uint32_t size;  /* of the entry, behind which the next one begins */
    uint32_t table; /* offset of the name's entry */
};

struct name_entry {
    struct entry entry;
    uint32_t previous; /* offset of the entry of another name, or 0 */
    uint32_t id;
    char name[]; /* NUL-terminated */
};

/* The record before stands first, then the one after. */
struct change_entry {
    struct entry entry;
    int64_t rowid;
    uint32_t before_size, after_size; /* NO_RECORD: none */
    uint8_t bytes[];
};

static size_t round_up(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static void *at(const struct qr_commit_record *record, size_t offset)
{
    return (uint8_t *)(uintptr_t)record + offset;
}

static bool is_whole(const struct qr_changes *changes)
{
    size_t kept = changes->record == NULL ? sizeof *changes->record : changes->record->size;
    return !changes->breaks && changes->size == kept;
}

/* Makes room for `more` bytes; false when there is none. */
static bool make_room(struct qr_changes *changes, const quire_allocator *allocator, size_t more)
{
    struct qr_commit_record *record = changes->record;
    uint64_t needed = changes->size + more;
    if (record != NULL && needed <= record->capacity) {
        return true;
    }
    if (needed > changes->size_max) {
        return false;
    }
    uint64_t wanted = needed + needed / 2 < CAPACITY_MIN ? CAPACITY_MIN : needed + needed / 2;
    wanted = wanted > changes->size_max && needed < wanted ? changes->size_max : wanted;
    wanted = wanted < needed ? needed : wanted;
    size_t capacity = record == NULL ? 0 : record->capacity;
    struct qr_commit_record *grown = qr_realloc(allocator, record, capacity, (size_t)wanted, NULL);
    if (grown == NULL) {
        return false;
    }
    if (record == NULL) {
        *grown = (struct qr_commit_record){.size = sizeof *grown};
    }
    grown->capacity = (size_t)wanted;
    changes->record = grown;
    return true;
}

/* Appends an entry of that size; NULL when it is only counted. */
static void *append(struct qr_changes *changes, const quire_allocator *allocator, size_t size)
{
    void *entry = NULL;
    if (is_whole(changes) && make_room(changes, allocator, size)) {
        entry = at(changes->record, changes->record->size);
        changes->record->size += size;
    }
    changes->size += size;
    return entry;
}

/* The offset of the table's name; 0 when it cannot be recorded. */
static uint32_t find_table(struct qr_changes *changes, const quire_allocator *allocator,
                           const struct qr_object *table)
{
    if (!is_whole(changes)) {
        return 0;
    }
    if (changes->recent != 0 && changes->recent_id == table->id) {
        return changes->recent;
    }
    uint32_t offset = changes->table;
    while (offset != 0) {
        const struct name_entry *name = at(changes->record, offset);
        if (name->id == table->id && strcmp(name->name, table->name) == 0) {
            break;
        }
        offset = name->previous;
    }
    if (offset == 0) {
        size_t length = strlen(table->name) + 1;
        size_t size = round_up(sizeof(struct name_entry) + length);
        uint32_t place = (uint32_t)changes->size;
        struct name_entry *name = append(changes, allocator, size);
        if (name == NULL) {
            return 0;
        }
        *name = (struct name_entry){{(uint32_t)size, 0}, changes->table, table->id};
        memcpy(name->name, table->name, length);
        changes->table = offset = place;
    }
    changes->recent = offset;
    changes->recent_id = table->id;
    return offset;
}

static void put_image(uint8_t **to, const void *image, size_t size)
{
    if (image != NULL && size > 0) {
        memcpy(*to, image, size);
        *to += size;
    }
}

void qr_changes_note(struct qr_changes *changes, const quire_allocator *allocator,
                     const struct qr_object *table, int64_t rowid,
                     const struct qr_row_images *images)
{
    uint32_t name = find_table(changes, allocator, table);
    size_t before = images->before == NULL ? 0 : images->before_size;
    size_t after = images->after == NULL ? 0 : images->after_size;
    size_t size = round_up(sizeof(struct change_entry) + before + after);
    struct change_entry *entry = append(changes, allocator, size);
    changes->count++;
    if (entry == NULL) {
        return;
    }
    *entry = (struct change_entry){
        .entry = {(uint32_t)size, name},
        .rowid = rowid,
        .before_size = images->before == NULL ? NO_RECORD : (uint32_t)before,
        .after_size = images->after == NULL ? NO_RECORD : (uint32_t)after,
    };
    uint8_t *to = entry->bytes;
    put_image(&to, images->before, before);
    put_image(&to, images->after, after);
}

void qr_changes_back(struct qr_changes *changes, const struct qr_changes_mark *mark)
{
    changes->size = mark->size;
    changes->count = mark->count;
    changes->table = mark->table;
    changes->schema_changed = mark->schema_changed;
    changes->breaks = mark->breaks;
    changes->recent = 0;
    if (changes->record != NULL && changes->record->size > mark->size) {
        changes->record->size = (size_t)mark->size;
    }
}

void qr_changes_finish(struct qr_changes *changes, const quire_allocator *allocator)
{
    changes->whole = is_whole(changes);
    if (changes->whole && changes->record == NULL) { /* the schema alone has changed */
        changes->whole = make_room(changes, allocator, 0);
    }
    if (changes->whole) {
        changes->record->change_count = changes->count;
        changes->record->schema_changed = changes->schema_changed;
    }
}

void qr_changes_free(struct qr_changes *changes, const quire_allocator *allocator)
{
    if (changes->record != NULL) {
        qr_free(allocator, changes->record, changes->record->capacity);
    }
    *changes = (struct qr_changes){0};
}

/* ---- Reading ---- */

static const uint8_t *take_image(const uint8_t **from, uint32_t size, size_t *image_size)
{
    const uint8_t *image = *from;
    *image_size = 0;
    if (size == NO_RECORD) {
        return NULL;
    }
    *from += size;
    *image_size = size;
    return image;
}

bool qr_commit_record_next(const struct qr_commit_record *record, size_t *offset,
                           quire_row_change *change)
{
    size_t place = *offset == 0 ? sizeof *record : *offset;
    const struct change_entry *entry = NULL;
    while (entry == NULL && place < record->size) {
        const struct entry *head = at(record, place);
        entry = head->table != 0 ? at(record, place) : NULL;
        place += head->size;
    }
    *offset = place;
    if (entry == NULL) {
        *change = (quire_row_change){0};
        return false;
    }
    const struct name_entry *name = at(record, entry->entry.table);
    const uint8_t *from = entry->bytes;
    *change = (quire_row_change){.table = name->name, .rowid = entry->rowid};
    change->before = take_image(&from, entry->before_size, &change->before_size);
    change->after = take_image(&from, entry->after_size, &change->after_size);
    change->operation = change->before == NULL  ? QUIRE_ROW_INSERT
                        : change->after == NULL ? QUIRE_ROW_DELETE
                                                : QUIRE_ROW_UPDATE;
    return true;
}
