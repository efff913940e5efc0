#include "graphql/language_fixture.h"

#include <stdlib.h>

void language_begin(struct language *l)
{
    *l = (struct language){.err = QUIRE_ERROR_INIT};
    qr_arena_init(&l->arena, qr_allocator_default(), 0);
    language_forget(l);
}

void language_end(struct language *l)
{
    qr_arena_free(&l->arena);
}

void language_forget(struct language *l)
{
    qr_gql_report_init(&l->report, &l->arena, 0, &l->err);
}

struct qr_gql_document *language_parse(struct language *l, const char *text)
{
    struct qr_gql_document *document;
    quire_status status =
        qr_gql_parse(&l->arena, text, strlen(text), NULL, &l->report, &document, &l->err);
    return status == QUIRE_OK ? document : NULL;
}

struct qr_gql_ast_value *language_value(struct language *l, const char *text)
{
    struct qr_gql_ast_value *value;
    quire_status status =
        qr_gql_parse_value(&l->arena, text, strlen(text), false, &l->report, &value, &l->err);
    return status == QUIRE_OK ? value : NULL;
}

struct qr_gql_schema *language_schema(struct language *l, const char *sdl)
{
    struct qr_gql_schema *schema;
    struct qr_gql_str text = qr_gql_str_of(sdl);
    (void)qr_gql_schema_build(qr_allocator_default(), &text, 1, NULL, &l->report, &schema, &l->err);
    return schema;
}

const char *language_message(const struct language *l)
{
    return l->report.first == NULL ? "" : l->report.first->message.data;
}

const char *language_places(struct language *l)
{
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    qr_gql_buffer_init(&buffer, &l->arena, NULL);
    for (size_t i = 0; l->report.first != NULL && i < l->report.first->location_count; i++) {
        const struct qr_gql_pos *pos = &l->report.first->locations[i];
        qr_gql_buffer_format(&buffer, "%s%u:%u", i == 0 ? "" : " ", pos->line, pos->column);
    }
    (void)qr_gql_buffer_finish(&buffer, &text);
    return text.data;
}

char *language_repeat(const char *piece, size_t count)
{
    size_t size = strlen(piece);
    char *text = malloc(size * count + 1);
    for (size_t i = 0; text != NULL && i < count; i++) {
        memcpy(text + i * size, piece, size);
    }
    if (text != NULL) {
        text[size * count] = '\0';
    }
    return text;
}
