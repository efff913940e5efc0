/*
 * The ingest buffer (ingest.h): one block of memory, references from its
 * beginning, entries from its end.
 *
 *   | ref ref ref ->   as many again, to sort with   <- entry entry entry |
 *
 * A reference leads with the first bytes of its key, so that sorting looks at
 * few entries. Sorting is stable: of equal keys the latest is put last.
 *
 * When entries wait. A transaction that has read QR_INGEST_READS_MIN pages from
 * files watches its trees: of a tree of whose last WINDOW blind puts one in eight
 * had to read a page, the next ones wait. They do no longer after they were put
 * if fewer than five went to four leaves, or fewer than one leaf in eight had to
 * be read. So transactions that are small and trees that are in memory have no
 * buffer.
 *
 * After settling, the entries stay in the block, marked as settled, while a
 * savepoint is open that is younger than the oldest of them: going back to it
 * makes them wait again. As long as they stay, others go to their trees at once.
 */
#include "btree/btree_internal.h"

#define WINDOW 256U

/* Trees that are watched at most; entries of others do not wait. */
#define FEEDS_MAX 64U

/* Entries handed to the tree at a time. */
#define ENTRIES_AT_ONCE 64U

/* A tree that gets entries. */
struct feed {
    uint32_t root, id;
    enum qr_tree_kind kind;
    bool collecting;
    uint32_t puts, reads; /* of the window: those so far, those that had to read */
    size_t waiting;       /* entries; not those that are settled */
};

/* An entry in the block; key and payload follow. Row trees have their rowid in the reference. */
struct waiting {
    uint32_t moment; /* of the transaction, when it was put */
    uint32_t key_size, payload_size;
};

struct ref {
    uint64_t prefix; /* orders as the key does, as far as it goes */
    uint32_t place;  /* of the entry, in words of 8 bytes */
    uint16_t feed;
    uint16_t mode;
};

struct qr_ingest {
    const quire_allocator *allocator;
    struct feed *feeds;
    size_t feed_count, feed_capacity;
    uint8_t *block; /* NULL until needed */
    size_t size;    /* of it */
    size_t low;     /* entries are at and above it */
    size_t count;   /* references */
    uint32_t first; /* moment of the oldest entry */
    bool sorted;    /* the references have been */
    bool settling;
    bool settled;        /* the pages have all entries ... */
    uint32_t settled_at; /* ... since this moment */
    struct qr_ingest_counts counts;
};

static struct ref *refs_of(const struct qr_ingest *ingest)
{
    return (struct ref *)(void *)ingest->block;
}

static const struct waiting *entry_of(const struct qr_ingest *ingest, const struct ref *ref)
{
    return (const struct waiting *)(const void *)(ingest->block + (size_t)ref->place * 8);
}

static size_t entry_size(size_t key_size, size_t payload_size)
{
    return (sizeof(struct waiting) + key_size + payload_size + 7) / 8 * 8;
}

/* Nothing waits, and nothing is kept. */
static void empty(struct qr_ingest *ingest)
{
    ingest->low = ingest->size;
    ingest->count = 0;
    ingest->sorted = ingest->settled = false;
}

static void free_block(struct qr_ingest *ingest)
{
    qr_free(ingest->allocator, ingest->block, ingest->size);
    ingest->block = NULL;
    ingest->size = 0;
    empty(ingest);
}

/* ---- Sorting ---- */

static struct qr_tree_key key_of(const struct qr_ingest *ingest, const struct ref *ref)
{
    const struct waiting *entry = entry_of(ingest, ref);
    return (struct qr_tree_key){.rowid = (int64_t)(ref->prefix ^ UINT64_C(1) << 63),
                                .bytes = entry + 1,
                                .size = entry->key_size};
}

static bool is_before(const struct qr_ingest *ingest, const struct ref *a, const struct ref *b)
{
    if (a->feed != b->feed) {
        return a->feed < b->feed;
    }
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix;
    }
    if (ingest->feeds[a->feed].kind == QR_TREE_ROWS) {
        return false;
    }
    struct qr_tree_key one = key_of(ingest, a);
    struct qr_tree_key other = key_of(ingest, b);
    return qr_key_compare(one.bytes, one.size, other.bytes, other.size) < 0;
}

static void sort_few(const struct qr_ingest *ingest, struct ref *refs, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct ref ref = refs[i];
        size_t at = i;
        for (; at > 0 && is_before(ingest, &ref, &refs[at - 1]); at--) {
            refs[at] = refs[at - 1];
        }
        refs[at] = ref;
    }
}

/* Merges from[0, middle) with from[middle, end). */
static void merge(const struct qr_ingest *ingest, const struct ref *from, size_t middle, size_t end,
                  struct ref *to)
{
    size_t a = 0;
    size_t b = middle;
    for (size_t i = 0; i < end; i++) {
        bool right = a == middle || (b < end && is_before(ingest, &from[b], &from[a]));
        to[i] = right ? from[b++] : from[a++];
    }
}

static void sort(struct qr_ingest *ingest)
{
    const size_t few = 16;
    struct ref *refs = refs_of(ingest);
    struct ref *from = refs;
    struct ref *to = refs + ingest->count;
    size_t count = ingest->count;
    for (size_t at = 0; at < count; at += few) {
        sort_few(ingest, refs + at, count - at < few ? count - at : few);
    }
    for (size_t width = few; width < count; width *= 2) {
        for (size_t at = 0; at < count; at += 2 * width) {
            size_t end = count - at < 2 * width ? count - at : 2 * width;
            merge(ingest, from + at, end < width ? end : width, end, to + at);
        }
        struct ref *swap = from;
        from = to;
        to = swap;
    }
    if (from != refs) {
        memcpy(refs, from, count * sizeof *refs);
    }
    ingest->sorted = true;
}

/* ---- Settling ---- */

/* Puts the entries of references [from, end), which are of one tree. */
static quire_status put_entries(struct qr_view *view, size_t from, size_t end, uint64_t *leaves,
                                quire_error *err)
{
    const struct qr_ingest *ingest = view->ingest;
    const struct ref *refs = refs_of(ingest);
    const struct feed *feed = &ingest->feeds[refs[from].feed];
    struct qr_tree tree = {.view = view, .root = feed->root, .id = feed->id, .kind = feed->kind};
    while (from < end) {
        struct qr_tree_entry entries[ENTRIES_AT_ONCE];
        enum qr_put_mode mode = (enum qr_put_mode)refs[from].mode;
        size_t count = 0;
        for (; from < end && count < ENTRIES_AT_ONCE && refs[from].mode == (uint16_t)mode; from++) {
            const struct waiting *entry = entry_of(ingest, &refs[from]);
            const uint8_t *bytes = (const uint8_t *)(entry + 1);
            entries[count++] = (struct qr_tree_entry){.key = key_of(ingest, &refs[from]),
                                                      .payload = bytes + entry->key_size,
                                                      .size = entry->payload_size};
        }
        QR_TRY(qr_tree_put_run(&tree, entries, count, mode, leaves, err));
    }
    return QUIRE_OK;
}

/* Puts what waits, tree by tree, and finds out whether that was worth the waiting. */
static quire_status put_all(struct qr_view *view, quire_error *err)
{
    struct qr_ingest *ingest = view->ingest;
    const struct ref *refs = refs_of(ingest);
    size_t end = 0;
    for (size_t from = 0; from < ingest->count; from = end) {
        struct feed *feed = &ingest->feeds[refs[from].feed];
        uint64_t reads = view->counts.reads;
        uint64_t leaves = 0;
        end = from + feed->waiting;
        QR_TRY(put_entries(view, from, end, &leaves, err));
        reads = view->counts.reads - reads;
        feed->collecting = 4 * (uint64_t)feed->waiting >= 5 * leaves && 8 * reads >= leaves;
    }
    return QUIRE_OK;
}

/* Empties the block of entries that are settled, unless a savepoint may want them back. */
static void forget_settled(struct qr_view *view)
{
    struct qr_ingest *ingest = view->ingest;
    if (ingest->settled &&
        !qr_txn_opened_between(qr_view_txn(view), ingest->first, ingest->settled_at)) {
        empty(ingest);
    }
}

quire_status qr_ingest_settle(struct qr_view *view, quire_error *err)
{
    struct qr_ingest *ingest = view->ingest;
    if (ingest == NULL || ingest->count == 0 || ingest->settled || ingest->settling) {
        return QUIRE_OK;
    }
    QR_ASSERT(view->depth == 0);
    sort(ingest);
    ingest->settling = true;
    quire_status status = put_all(view, err);
    ingest->settling = false;
    QR_TRY(status);
    ingest->counts.runs++;
    ingest->settled = true;
    ingest->settled_at = qr_txn_moment(qr_view_txn(view));
    for (size_t i = 0; i < ingest->feed_count; i++) {
        ingest->feeds[i].waiting = 0;
    }
    forget_settled(view);
    return QUIRE_OK;
}

/* The feed of a tree, or NULL. */
static struct feed *find_feed(const struct qr_ingest *ingest, const struct qr_tree *tree)
{
    for (size_t i = 0; i < ingest->feed_count; i++) {
        struct feed *feed = &ingest->feeds[i];
        if (feed->root == tree->root && feed->id == tree->id && feed->kind == tree->kind) {
            return feed;
        }
    }
    return NULL;
}

quire_status qr_ingest_settle_tree(const struct qr_tree *tree, quire_error *err)
{
    const struct qr_ingest *ingest = tree->view->ingest;
    if (ingest->count == 0 || ingest->settled || ingest->settling) {
        return QUIRE_OK;
    }
    const struct feed *feed = find_feed(ingest, tree);
    return feed == NULL || feed->waiting == 0 ? QUIRE_OK : qr_ingest_settle(tree->view, err);
}

/* ---- Putting ---- */

/* The feed of a tree, from now on if there was none; NULL where there is no room for it. */
static struct feed *watch_tree(const struct qr_tree *tree)
{
    struct qr_view *view = tree->view;
    const quire_allocator *allocator = qr_tree_allocator(tree);
    if (view->ingest == NULL) {
        view->ingest = qr_alloc_zero(allocator, sizeof *view->ingest, NULL);
        if (view->ingest == NULL) {
            return NULL;
        }
        view->ingest->allocator = allocator;
    }
    struct qr_ingest *ingest = view->ingest;
    struct feed *feed = find_feed(ingest, tree);
    if (feed != NULL || ingest->feed_count == FEEDS_MAX ||
        qr_grow(allocator, &ingest->feeds, &ingest->feed_capacity, ingest->feed_count + 1,
                sizeof *ingest->feeds, NULL) != QUIRE_OK) {
        return feed;
    }
    feed = &ingest->feeds[ingest->feed_count++];
    *feed = (struct feed){.root = tree->root, .id = tree->id, .kind = tree->kind};
    return feed;
}

static void note_put(struct feed *feed, bool has_read)
{
    feed->puts++;
    feed->reads += has_read;
    if (feed->puts == WINDOW) {
        feed->collecting = 8 * feed->reads >= WINDOW;
        feed->puts = feed->reads = 0;
    }
}

/* Makes the block as large as the view's limit says; false: there is no memory, or it holds
 * entries and is of another size. */
static bool have_block(struct qr_view *view)
{
    struct qr_ingest *ingest = view->ingest;
    const uint64_t most = (uint64_t)UINT32_MAX * 8;
    size_t size = view->ingest_bytes / 16 * 16;
    if (size > most) {
        size = (size_t)(most / 16 * 16);
    }
    if (ingest->block != NULL && ingest->size != size && ingest->count == 0) {
        free_block(ingest);
    }
    if (ingest->block == NULL && size > 0) {
        ingest->block = qr_alloc(ingest->allocator, size, NULL);
        ingest->size = ingest->block == NULL ? 0 : size;
        empty(ingest);
    }
    return ingest->block != NULL && ingest->size == size;
}

static size_t room_of(const struct qr_ingest *ingest)
{
    return ingest->low - 2 * ingest->count * sizeof(struct ref);
}

/* Finds `need` bytes for an entry and what sorts it; false: it goes to its tree. */
static quire_status find_room(struct qr_view *view, size_t need, bool *found, quire_error *err)
{
    struct qr_ingest *ingest = view->ingest;
    *found = false;
    forget_settled(view);
    if (!have_block(view) || need > ingest->size / 8) {
        return QUIRE_OK;
    }
    if (!ingest->settled && room_of(ingest) < need) {
        QR_TRY(qr_ingest_settle(view, err));
    }
    *found = !ingest->settled;
    return QUIRE_OK;
}

static uint64_t prefix_of(const struct qr_tree *tree, const struct qr_tree_key *key)
{
    uint8_t bytes[8] = {0};
    if (tree->kind == QR_TREE_ROWS) {
        return (uint64_t)key->rowid ^ UINT64_C(1) << 63;
    }
    if (key->size > 0) {
        memcpy(bytes, key->bytes, key->size < sizeof bytes ? key->size : sizeof bytes);
    }
    return qr_load64_be(bytes);
}

/* Has the entry wait, in the room that was found for it. */
static void add(const struct qr_tree *tree, struct feed *feed, const struct qr_tree_entry *given,
                enum qr_put_mode mode)
{
    struct qr_view *view = tree->view;
    struct qr_ingest *ingest = view->ingest;
    size_t key_size = tree->kind == QR_TREE_KEYS ? given->key.size : 0;
    struct waiting entry = {.moment = qr_txn_moment(qr_view_txn(view)),
                            .key_size = (uint32_t)key_size,
                            .payload_size = (uint32_t)given->size};
    ingest->low -= entry_size(key_size, given->size);
    uint8_t *place = ingest->block + ingest->low;
    memcpy(place, &entry, sizeof entry);
    if (key_size > 0) {
        memcpy(place + sizeof entry, given->key.bytes, key_size);
    }
    if (given->size > 0) {
        memcpy(place + sizeof entry + key_size, given->payload, given->size);
    }
    if (ingest->count == 0) {
        ingest->first = entry.moment;
    }
    refs_of(ingest)[ingest->count++] = (struct ref){.prefix = prefix_of(tree, &given->key),
                                                    .place = (uint32_t)(ingest->low / 8),
                                                    .feed = (uint16_t)(feed - ingest->feeds),
                                                    .mode = (uint16_t)mode};
    ingest->counts.entries++;
    /* Cursors that stand in the tree have to look again; once it has entries that wait they do. */
    view->changes += feed->waiting++ == 0;
}

/* Has the entry wait if it can: *done. */
static quire_status collect(const struct qr_tree *tree, struct feed *feed,
                            const struct qr_tree_entry *entry, enum qr_put_mode mode, bool *done,
                            quire_error *err)
{
    size_t key_size = tree->kind == QR_TREE_KEYS ? entry->key.size : 0;
    *done = false;
    if (qr_txn_doomed(qr_view_txn(tree->view))) {
        return QUIRE_OK; /* to be refused like any put */
    }
    QR_TRY(qr_tree_check_size(tree, &entry->key, entry->size, err));
    size_t need = entry_size(key_size, entry->size) + 2 * sizeof(struct ref);
    QR_TRY(find_room(tree->view, need, done, err));
    if (*done) {
        add(tree, feed, entry, mode);
    }
    return QUIRE_OK;
}

quire_status qr_ingest_put(const struct qr_tree *tree, const struct qr_tree_key *key,
                           const void *payload, size_t size, enum qr_put_mode mode, bool *existed,
                           quire_error *err)
{
    struct qr_view *view = tree->view;
    struct feed *feed = view->ingest_bytes == 0 ? NULL : watch_tree(tree);
    *existed = false;
    if (feed == NULL) {
        return qr_tree_put(tree, key, payload, size, mode, existed, err);
    }
    if (feed->collecting) {
        struct qr_tree_entry entry = {.key = *key, .payload = payload, .size = size};
        bool done;
        QR_TRY(collect(tree, feed, &entry, mode, &done, err));
        if (done) {
            return QUIRE_OK;
        }
    }
    uint64_t reads = view->counts.reads;
    QR_TRY(qr_tree_put(tree, key, payload, size, mode, existed, err));
    note_put(feed, view->counts.reads != reads);
    return QUIRE_OK;
}

/* ---- The transaction ---- */

void qr_ingest_limit(struct qr_view *view, size_t bytes)
{
    view->ingest_bytes = bytes;
    if (view->ingest != NULL && view->ingest->count == 0) {
        free_block(view->ingest);
    }
}

quire_status qr_ingest_relieve(struct qr_view *view, quire_error *err)
{
    const struct qr_ingest *ingest = view->ingest;
    return room_of(ingest) >= ingest->size / 16 ? QUIRE_OK : qr_ingest_settle(view, err);
}

/* Drops the references to entries of the moment or later, wherever they are, and counts anew. */
static void filter(struct qr_ingest *ingest, uint32_t moment)
{
    struct ref *refs = refs_of(ingest);
    size_t kept = 0;
    for (size_t i = 0; i < ingest->feed_count; i++) {
        ingest->feeds[i].waiting = 0;
    }
    for (size_t i = 0; i < ingest->count; i++) {
        if (entry_of(ingest, &refs[i])->moment < moment) {
            ingest->feeds[refs[i].feed].waiting++;
            refs[kept++] = refs[i];
        }
    }
    ingest->count = kept;
}

/* The same while they are in the order of their coming. */
static void drop_latest(struct qr_ingest *ingest, uint32_t moment)
{
    while (ingest->count > 0) {
        const struct ref *ref = &refs_of(ingest)[ingest->count - 1];
        const struct waiting *entry = entry_of(ingest, ref);
        if (entry->moment < moment) {
            return;
        }
        ingest->feeds[ref->feed].waiting--;
        ingest->low += entry_size(entry->key_size, entry->payload_size);
        ingest->count--;
    }
}

void qr_ingest_rollback(struct qr_view *view, uint32_t savepoint)
{
    struct qr_ingest *ingest = view->ingest;
    if (ingest == NULL || ingest->count == 0 ||
        (ingest->settled && ingest->settled_at < savepoint)) {
        return;
    }
    ingest->settled = false;
    if (ingest->sorted) {
        filter(ingest, savepoint);
    } else {
        drop_latest(ingest, savepoint);
    }
    if (ingest->count == 0) {
        empty(ingest);
    }
}

void qr_ingest_free(struct qr_view *view)
{
    struct qr_ingest *ingest = view->ingest;
    if (ingest != NULL) {
        const quire_allocator *allocator = ingest->allocator;
        free_block(ingest);
        qr_free(allocator, ingest->feeds, ingest->feed_capacity * sizeof *ingest->feeds);
        qr_free(allocator, ingest, sizeof *ingest);
        view->ingest = NULL;
    }
}

struct qr_ingest_counts qr_ingest_counts(const struct qr_view *view)
{
    static const struct qr_ingest_counts none = {0, 0};
    return view->ingest == NULL ? none : view->ingest->counts;
}
