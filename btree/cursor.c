/*
 * Cursors. A cursor keeps the path from the root and has its leaf pinned, so a
 * move within the leaf touches nothing else; the next leaf comes from the
 * parent, as leaves have no sibling links. In a write transaction the cursor
 * also keeps its key: once qr_view_changes moves, the path is stale and the key
 * is sought again.
 *
 * Moving to a neighbouring leaf checks that keys go on in order, which also
 * bounds every walk over a damaged tree.
 */
#include "btree/cursor.h"

/* Leaf moves in one direction after which the cursor counts as a scan. */
#define SCAN_LEAVES 8U

quire_status qr_tree_cursor_start(struct qr_tree_cursor *cursor, const struct qr_tree *tree,
                                  uint8_t *room, quire_error *err)
{
    if (cursor->pin == NULL) {
        QR_TRY(qr_pin_create(tree->view, &cursor->pin, err));
    }
    cursor->tree = *tree;
    cursor->ops = qr_node_ops(tree->kind);
    cursor->page_size = qr_tree_page_size(tree);
    cursor->state = QR_CURSOR_BEFORE;
    cursor->leaf_moves = 0;
    cursor->keeps_key = qr_view_txn(tree->view) != NULL;
    cursor->has_key = cursor->has_prefix = false;
    cursor->key_buffer = tree->kind == QR_TREE_KEYS ? room : NULL;
    return QUIRE_OK;
}

void qr_tree_cursor_rest(struct qr_tree_cursor *cursor)
{
    cursor->state = QR_CURSOR_BEFORE;
    cursor->has_key = cursor->has_prefix = false;
    if (cursor->pin != NULL) {
        qr_pin_set(cursor->pin, NULL);
    }
}

void qr_tree_cursor_leave(struct qr_tree_cursor *cursor)
{
    if (cursor->pin == NULL) {
        return;
    }
    qr_pin_destroy(cursor->pin);
    qr_free(qr_tree_allocator(&cursor->tree), cursor->buffer, cursor->buffer_size);
    cursor->pin = NULL;
    cursor->buffer = NULL;
    cursor->buffer_size = 0;
}

quire_status qr_tree_cursor_open(const struct qr_tree *tree, struct qr_tree_cursor **out,
                                 quire_error *err)
{
    const quire_allocator *allocator = qr_tree_allocator(tree);
    size_t size = sizeof **out + qr_tree_cursor_room(tree->kind, qr_tree_page_size(tree));
    struct qr_tree_cursor *cursor = qr_alloc_zero(allocator, size, err);
    if (cursor == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = qr_tree_cursor_start(cursor, tree, (uint8_t *)(cursor + 1), err);
    if (status != QUIRE_OK) {
        qr_free(allocator, cursor, size);
        return status;
    }
    *out = cursor;
    return QUIRE_OK;
}

void qr_tree_cursor_close(struct qr_tree_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    const quire_allocator *allocator = qr_tree_allocator(&cursor->tree);
    size_t size = sizeof *cursor + qr_tree_cursor_room(cursor->tree.kind, cursor->page_size);
    qr_tree_cursor_leave(cursor);
    qr_free(allocator, cursor, size);
}

/* ---- The current entry ---- */

/* Reads the current entry of a key leaf with its key. */
static bool read_key_entry(struct qr_tree_cursor *cursor, struct qr_item *item,
                           struct qr_flaw *flaw)
{
    if (!cursor->has_prefix) {
        cursor->layout = qr_key_layout(cursor->leaf, cursor->page_size);
        memcpy(cursor->key_buffer, cursor->leaf + QR_NODE_BODY, cursor->layout.prefix);
        cursor->has_prefix = true;
    }
    item->rowid = 0;
    return qr_key_leaf_entry(cursor->leaf, &cursor->layout, cursor->step->index, cursor->key_buffer,
                             item, flaw);
}

/* Gets the current entry, and makes cursor->key its key if it is not. */
static quire_status load_entry(struct qr_tree_cursor *cursor, struct qr_item *item,
                               quire_error *err)
{
    struct qr_flaw flaw;
    const struct qr_path_step *step = cursor->step;
    bool with_key = !cursor->has_key && cursor->key_buffer != NULL;
    if (with_key
            ? !read_key_entry(cursor, item, &flaw)
            : !cursor->ops->get(cursor->leaf, cursor->page_size, step->index, NULL, item, &flaw)) {
        (void)qr_tree_damaged(&cursor->tree, step->page, &flaw, err);
        return QUIRE_CORRUPT;
    }
    if (!cursor->has_key) {
        cursor->key.rowid = item->rowid;
        cursor->key.bytes = cursor->key_buffer;
        cursor->key.size = with_key ? item->key_size : 0;
        cursor->has_key = true;
    }
    return QUIRE_OK;
}

static quire_status load_key(struct qr_tree_cursor *cursor, quire_error *err)
{
    struct qr_item item;
    return cursor->has_key ? QUIRE_OK : load_entry(cursor, &item, err);
}

uint32_t qr_tree_cursor_page(const struct qr_tree_cursor *cursor)
{
    return cursor->state == QR_CURSOR_ON ? cursor->path.step[cursor->path.depth - 1].page : 0;
}

/* The cursor stands at the path's index: notes the key while it can be read. */
static quire_status arrive(struct qr_tree_cursor *cursor, bool *valid, quire_error *err)
{
    cursor->has_key = false;
    if (cursor->keeps_key) {
        QR_TRY(load_key(cursor, err));
    }
    cursor->state = QR_CURSOR_ON;
    *valid = true;
    return QUIRE_OK;
}

static void pass_end(struct qr_tree_cursor *cursor, bool forward, bool *valid)
{
    cursor->state = forward ? QR_CURSOR_AFTER : QR_CURSOR_BEFORE;
    cursor->leaf = NULL;
    cursor->has_prefix = cursor->has_key = false;
    qr_pin_set(cursor->pin, NULL);
    *valid = false;
}

static void hold_leaf(struct qr_tree_cursor *cursor, const uint8_t *leaf)
{
    cursor->leaf = leaf;
    cursor->stays++;
    cursor->has_prefix = false;
    cursor->step = &cursor->path.step[cursor->path.depth - 1];
    cursor->changes = qr_view_changes(cursor->tree.view);
    cursor->ahead = leaf;
    cursor->ahead_step = 0;
    qr_pin_set(cursor->pin, leaf);
}

/* Notes the leaf that will probably be next, if it is in the cache. */
static void look_ahead(struct qr_tree_cursor *cursor, const uint8_t *ahead)
{
    if (ahead != NULL) {
        qr_touch(ahead + QR_PAGE_LSN); /* fills the translation buffer for what follows */
        cursor->ahead = ahead;
        cursor->ahead_step = cursor->page_size / cursor->step->count;
    }
}

/* ---- Moving between leaves ---- */

/* Whether the entry at the path's index lies beyond cursor->key in the direction of the move. */
static quire_status check_progress(struct qr_tree_cursor *cursor, bool forward, quire_error *err)
{
    struct qr_item item;
    struct qr_flaw flaw;
    const struct qr_path_step *step = cursor->step;
    uint8_t *buffer = cursor->key_buffer == NULL
                          ? NULL
                          : cursor->key_buffer + QR_KEY_MAX((size_t)cursor->page_size);
    if (!cursor->ops->get(cursor->leaf, cursor->page_size, step->index, buffer, &item, &flaw)) {
        return qr_tree_damaged(&cursor->tree, step->page, &flaw, err);
    }
    int order;
    if (cursor->tree.kind == QR_TREE_ROWS) {
        order = (item.rowid > cursor->key.rowid) - (item.rowid < cursor->key.rowid);
    } else {
        order = qr_key_compare(item.key, item.key_size, cursor->key.bytes, cursor->key.size);
    }
    if (forward ? order <= 0 : order >= 0) {
        qr_flaw_set(&flaw, "TREE_KEY_ORDER", QR_NODE_BODY,
                    "keys do not continue those of the neighbouring leaf");
        return qr_tree_damaged(&cursor->tree, step->page, &flaw, err);
    }
    return QUIRE_OK;
}

/* Has the leaves from child i on, in the direction of the walk, read together if they are not in
 * the cache and follow each other in the file. */
static void read_children(struct qr_tree_cursor *cursor, const uint8_t *parent, unsigned i,
                          bool forward)
{
    struct qr_view *view = cursor->tree.view;
    unsigned count = qr_node_count(parent);
    uint32_t child = cursor->ops->child(parent, i);
    uint32_t run = 1;
    if (!qr_view_absent(view, child)) {
        return;
    }
    while (run < QR_READ_AHEAD_MAX && (forward ? i + run <= count : run <= i) &&
           cursor->ops->child(parent, forward ? i + run : i - run) ==
               (forward ? child + run : child - run)) {
        run++;
    }
    qr_view_read_ahead(view, forward ? child : child - (run - 1), run);
}

/* Moves the path to the first or last entry of the neighbouring leaf; *found false when there is
 * none. Inside an operation. */
static quire_status neighbour_leaf(struct qr_tree_cursor *cursor, bool forward, bool *found,
                                   quire_error *err)
{
    const struct qr_tree *tree = &cursor->tree;
    struct qr_path *path = &cursor->path;
    unsigned depth = path->depth;
    unsigned level = depth - 1;
    *found = false;
    do {
        if (level == 0) {
            return QUIRE_OK;
        }
        level--;
    } while (path->step[level].index == (forward ? path->step[level].count : 0));
    struct qr_path_step *step = &path->step[level];
    const uint8_t *page;
    QR_TRY(qr_tree_node(tree, step->page, &page, err));
    step->index = (uint16_t)(forward ? step->index + 1 : step->index - 1);
    if (tree->view->scanning && level + 2 == depth) {
        read_children(cursor, page, step->index, forward);
    }
    const uint8_t *ahead = NULL;
    unsigned after = forward ? step->index + 1U : step->index - 1U;
    if (level + 2 == depth && after <= step->count) {
        ahead = qr_view_peek(tree->view, cursor->ops->child(page, after));
    }
    const uint8_t *leaf;
    path->depth = level + 1;
    QR_TRY(qr_tree_descend_edge(tree, cursor->ops->child(page, step->index), !forward, path, &leaf,
                                err));
    if (path->depth != depth || cursor->step->count == 0) {
        struct qr_flaw flaw;
        uint32_t number = path->step[path->depth - 1].page;
        qr_flaw_set(&flaw, "TREE_DEPTH", QR_PAGE_COUNT, "leaf empty or at another depth");
        path->depth = depth;
        return qr_tree_damaged(tree, number, &flaw, err);
    }
    hold_leaf(cursor, leaf);
    look_ahead(cursor, ahead);
    *found = true;
    return QUIRE_OK;
}

/* Goes on to the neighbouring leaf from an entry at the edge of this one. */
static quire_status cross_leaf(struct qr_tree_cursor *cursor, bool forward, bool *valid,
                               quire_error *err)
{
    struct qr_view *view = cursor->tree.view;
    bool scan = ++cursor->leaf_moves > SCAN_LEAVES;
    bool found;
    QR_TRY(load_key(cursor, err));
    qr_view_enter(view);
    if (scan) {
        qr_view_scanning(view, true);
    }
    quire_status status = neighbour_leaf(cursor, forward, &found, err);
    if (scan) {
        qr_view_scanning(view, false);
    }
    if (status == QUIRE_OK && found) {
        status = check_progress(cursor, forward, err);
    }
    qr_view_leave(view);
    if (status != QUIRE_OK) {
        bool ignored;
        pass_end(cursor, forward, &ignored);
        return status;
    }
    if (!found) {
        pass_end(cursor, forward, valid);
        return QUIRE_OK;
    }
    return arrive(cursor, valid, err);
}

/* ---- Positioning ---- */

/* Places the path at the first entry >= key, which may be one past the leaf's last. */
static quire_status place(struct qr_tree_cursor *cursor, const struct qr_tree_key *key,
                          quire_error *err)
{
    const uint8_t *leaf;
    QR_TRY(qr_tree_settle(&cursor->tree, err));
    qr_view_enter(cursor->tree.view);
    quire_status status = qr_tree_descend(&cursor->tree, key, &cursor->path, &leaf, err);
    if (status == QUIRE_OK) {
        hold_leaf(cursor, leaf);
    }
    qr_view_leave(cursor->tree.view);
    return status;
}

/*
 * Settles a path placed between entries on the one after or before the place.
 * An index one past the end needs the neighbouring leaf, which is reached from
 * an entry of this one.
 */
static quire_status settle(struct qr_tree_cursor *cursor, bool forward, bool *valid,
                           quire_error *err)
{
    struct qr_path_step *step = cursor->step;
    cursor->has_key = false;
    if (step->count == 0) {
        pass_end(cursor, forward, valid);
        return QUIRE_OK;
    }
    if (forward) {
        if (step->index < step->count) {
            return arrive(cursor, valid, err);
        }
        step->index = (uint16_t)(step->count - 1);
    } else {
        if (step->index > 0) {
            step->index--;
            return arrive(cursor, valid, err);
        }
    }
    return cross_leaf(cursor, forward, valid, err);
}

static quire_status to_edge(struct qr_tree_cursor *cursor, bool last, bool *valid, quire_error *err)
{
    const uint8_t *leaf;
    *valid = false;
    QR_TRY(qr_tree_settle(&cursor->tree, err));
    cursor->leaf_moves = 0;
    cursor->path.depth = 0;
    qr_view_enter(cursor->tree.view);
    quire_status status =
        qr_tree_descend_edge(&cursor->tree, cursor->tree.root, last, &cursor->path, &leaf, err);
    if (status == QUIRE_OK) {
        hold_leaf(cursor, leaf);
    }
    qr_view_leave(cursor->tree.view);
    if (status != QUIRE_OK || cursor->step->count == 0) {
        pass_end(cursor, last, valid);
        return status;
    }
    return arrive(cursor, valid, err);
}

quire_status qr_tree_cursor_first(struct qr_tree_cursor *cursor, bool *valid, quire_error *err)
{
    return to_edge(cursor, false, valid, err);
}

quire_status qr_tree_cursor_last(struct qr_tree_cursor *cursor, bool *valid, quire_error *err)
{
    return to_edge(cursor, true, valid, err);
}

quire_status qr_tree_cursor_seek(struct qr_tree_cursor *cursor, const struct qr_tree_key *key,
                                 bool *valid, quire_error *err)
{
    bool ignored;
    *valid = false;
    cursor->leaf_moves = 0;
    quire_status status = place(cursor, key, err);
    if (status != QUIRE_OK) {
        pass_end(cursor, false, &ignored);
        return status;
    }
    return settle(cursor, true, valid, err);
}

quire_status qr_tree_cursor_seek_last(struct qr_tree_cursor *cursor, const struct qr_tree_key *key,
                                      bool *valid, quire_error *err)
{
    bool ignored;
    *valid = false;
    cursor->leaf_moves = 0;
    quire_status status = place(cursor, key, err);
    if (status != QUIRE_OK) {
        pass_end(cursor, false, &ignored);
        return status;
    }
    return cursor->path.exact ? arrive(cursor, valid, err) : settle(cursor, false, valid, err);
}

/* After changes: finds the cursor's key again. */
static quire_status find_again(struct qr_tree_cursor *cursor, quire_error *err)
{
    bool ignored;
    if (!cursor->keeps_key || cursor->changes == qr_view_changes(cursor->tree.view) ||
        cursor->state == QR_CURSOR_BEFORE || cursor->state == QR_CURSOR_AFTER) {
        return QUIRE_OK;
    }
    quire_status status = place(cursor, &cursor->key, err);
    if (status != QUIRE_OK) {
        pass_end(cursor, false, &ignored);
        return status;
    }
    cursor->state = cursor->path.exact ? QR_CURSOR_ON : QR_CURSOR_GAP;
    return QUIRE_OK;
}

quire_status qr_tree_cursor_holds(struct qr_tree_cursor *cursor, bool *holds, quire_error *err)
{
    QR_TRY(find_again(cursor, err));
    *holds = cursor->state == QR_CURSOR_ON;
    return QUIRE_OK;
}

quire_status qr_tree_cursor_next(struct qr_tree_cursor *cursor, bool *valid, quire_error *err)
{
    *valid = qr_tree_cursor_step(cursor);
    if (*valid) {
        return QUIRE_OK;
    }
    QR_TRY(find_again(cursor, err));
    if (cursor->state == QR_CURSOR_ON) {
        struct qr_path_step *step = cursor->step;
        if (step->index + 1U < step->count) {
            step->index++;
            return arrive(cursor, valid, err);
        }
        return cross_leaf(cursor, true, valid, err);
    }
    if (cursor->state == QR_CURSOR_GAP) {
        return settle(cursor, true, valid, err);
    }
    return cursor->state == QR_CURSOR_BEFORE ? to_edge(cursor, false, valid, err) : QUIRE_OK;
}

quire_status qr_tree_cursor_previous(struct qr_tree_cursor *cursor, bool *valid, quire_error *err)
{
    *valid = !cursor->keeps_key && qr_tree_cursor_move(cursor, false);
    if (*valid) {
        return QUIRE_OK;
    }
    QR_TRY(find_again(cursor, err));
    if (cursor->state == QR_CURSOR_ON || cursor->state == QR_CURSOR_GAP) {
        struct qr_path_step *step = cursor->step;
        if (cursor->state == QR_CURSOR_ON && step->index == 0) {
            return cross_leaf(cursor, false, valid, err);
        }
        return settle(cursor, false, valid, err);
    }
    return cursor->state == QR_CURSOR_AFTER ? to_edge(cursor, true, valid, err) : QUIRE_OK;
}

/* ---- Reading ---- */

static quire_status require_entry(struct qr_tree_cursor *cursor, quire_error *err)
{
    QR_TRY(find_again(cursor, err));
    if (cursor->state != QR_CURSOR_ON) {
        return qr_fail(err, QUIRE_MISUSE, "the cursor stands on no entry; move it to one first");
    }
    return QUIRE_OK;
}

quire_status qr_tree_cursor_key(struct qr_tree_cursor *cursor, struct qr_tree_key *key,
                                quire_error *err)
{
    QR_TRY(require_entry(cursor, err));
    QR_TRY(load_key(cursor, err));
    *key = cursor->key;
    return QUIRE_OK;
}

static quire_status payload_of(struct qr_tree_cursor *cursor, const struct qr_item *item,
                               struct qr_slice *payload, quire_error *err)
{
    if (!item->overflow) {
        payload->data = item->body;
        payload->size = item->body_size;
        return QUIRE_OK;
    }
    struct qr_overflow overflow = qr_overflow_load(item->body);
    QR_TRY(qr_overflow_read(&cursor->tree, cursor->step->page, &overflow, &cursor->buffer,
                            &cursor->buffer_size, err));
    payload->data = cursor->buffer;
    payload->size = (size_t)overflow.size;
    return QUIRE_OK;
}

quire_status qr_tree_cursor_payload(struct qr_tree_cursor *cursor, struct qr_slice *payload,
                                    quire_error *err)
{
    struct qr_item item;
    struct qr_flaw flaw;
    QR_TRY(require_entry(cursor, err));
    const struct qr_path_step *step = cursor->step;
    if (!cursor->ops->get(cursor->leaf, cursor->page_size, step->index, NULL, &item, &flaw)) {
        return qr_tree_damaged(&cursor->tree, step->page, &flaw, err);
    }
    return payload_of(cursor, &item, payload, err);
}

quire_status qr_tree_cursor_entry(struct qr_tree_cursor *cursor, struct qr_tree_key *key,
                                  struct qr_slice *payload, quire_error *err)
{
    struct qr_item item;
    if (qr_tree_cursor_row(cursor, &key->rowid, payload) ||
        qr_tree_cursor_key_entry(cursor, key, payload)) {
        return QUIRE_OK;
    }
    QR_TRY(require_entry(cursor, err));
    QR_TRY(load_entry(cursor, &item, err));
    *key = cursor->key;
    return payload_of(cursor, &item, payload, err);
}
