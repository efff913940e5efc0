/*
 * New names for what lives on in a new schema: see schema_match.h. Rows and
 * entries stay where they are; only the catalog changes.
 */
#include "graphql/schema_match.h"

static quire_status rename_columns(const struct qr_schema_change *c,
                                   const struct qr_model_type *new)
{
    for (uint32_t i = 0; i < new->column_count; i++) {
        const struct qr_model_field *field = new->columns[i];
        const struct qr_model_field *before = qr_match_field(c, field);
        if (before != NULL && strcmp(before->column_name, field->column_name) != 0) {
            QR_TRY(quire_table_rename_column(c->txn, new->stored, before->column_name,
                                             field->column_name, c->err));
        }
    }
    return QUIRE_OK;
}

/* ---- link tables ---- */

static quire_status rename_link_table(const struct qr_schema_change *c, const char *old,
                                      const char *new)
{
    static const char *const indexes[] = {"owner", "target", "pair"};
    if (strcmp(old, new) == 0) {
        return QUIRE_OK;
    }
    QR_TRY(quire_table_rename(c->txn, old, new, c->err));
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
        const char *from = qr_gql_format(c->arena, c->err, "%s.%s", old, indexes[i]);
        const char *to = qr_gql_format(c->arena, c->err, "%s.%s", new, indexes[i]);
        if (from == NULL || to == NULL) {
            return QUIRE_NO_MEMORY;
        }
        QR_TRY(quire_index_rename(c->txn, from, to, c->err));
    }
    return QUIRE_OK;
}

/* The side that a link table was named after owns it in the new schema too, whichever of the two
 * is declared first there. */
static quire_status keep_owner(const struct qr_schema_change *c, const struct qr_model_field *old,
                               struct qr_model_field *field)
{
    const char *name = qr_model_link_name(c->model->arena, field, c->err);
    if (name == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (field->inverse != NULL) {
        field->inverse->link_owner = false;
        field->inverse->link_table = name;
    }
    field->link_owner = true;
    field->link_table = name;
    return rename_link_table(c, old->link_table, name);
}

static quire_status rename_links(const struct qr_schema_change *c, const struct qr_model_type *old,
                                 const struct qr_model_type *new)
{
    for (uint32_t i = 0; i < old->field_count; i++) {
        const struct qr_model_field *before = &old->fields[i];
        if (before->role != QR_MODEL_LINKS || !before->link_owner) {
            continue;
        }
        const struct qr_model_field *field = qr_match_new_field(c, before);
        if (field != NULL) {
            QR_TRY(keep_owner(c, before, &new->fields[field->index]));
        }
    }
    return QUIRE_OK;
}

/* ---- all of it ---- */

static quire_status rename_indexes(const struct qr_schema_change *c,
                                   const struct qr_model_type *old)
{
    for (uint32_t i = 0; i < old->index_count; i++) {
        const struct qr_model_index *index = qr_match_index(c, old, &old->indexes[i]);
        if (index != NULL && strcmp(index->name, old->indexes[i].name) != 0) {
            QR_TRY(quire_index_rename(c->txn, old->indexes[i].name, index->name, c->err));
        }
    }
    return QUIRE_OK;
}

quire_status qr_schema_rename(const struct qr_schema_change *c)
{
    for (uint32_t i = 0; i < c->model->type_count; i++) {
        const struct qr_model_type *new = &c->model->types[i];
        const struct qr_model_type *old = qr_match_type(c, new);
        if (old == NULL) {
            continue;
        }
        if (strcmp(old->stored, new->stored) != 0) {
            QR_TRY(quire_table_rename(c->txn, old->stored, new->stored, c->err));
        }
        if (!c->matches[i].rebuilt) {
            QR_TRY(rename_columns(c, new));
        }
        QR_TRY(rename_links(c, old, new));
        QR_TRY(rename_indexes(c, old));
    }
    return QUIRE_OK;
}
