/*
 * The parser of type system definitions and extensions.
 */
#include "graphql/parser_internal.h"
#include "graphql/schema.h"

/* ---- members ---- */

/* What kind of member a definition has inside its braces or parentheses. */
enum member_form { FORM_FIELD, FORM_INPUT, FORM_ENUM_VALUE };

static quire_status parse_members(struct qr_gql_parser *p, enum member_form form,
                                  enum qr_gql_token_kind open, enum qr_gql_token_kind close,
                                  struct qr_gql_ast_member **out);

static quire_status parse_enum_value_name(struct qr_gql_parser *p, struct qr_gql_name *out)
{
    if (qr_gql_parser_at_word(p, "true") || qr_gql_parser_at_word(p, "false") ||
        qr_gql_parser_at_word(p, "null")) {
        return qr_gql_parser_error_text(
            p, p->token.pos,
            qr_gql_format(p->lexer.arena, p->lexer.err,
                          "Name \"%.*s\" is reserved and cannot be used for an enum value",
                          QR_GQL_FMT(p->token.value)));
    }
    return qr_gql_parser_name(p, out);
}

static quire_status parse_member(struct qr_gql_parser *p, enum member_form form,
                                 struct qr_gql_ast_member **out)
{
    struct qr_gql_ast_member *member = qr_gql_parser_node(p, sizeof(*member));
    if (member == NULL) {
        return qr_gql_memory_status(p->lexer.err);
    }
    *out = member;
    member->pos = p->token.pos;
    QR_TRY(qr_gql_parser_description(p, &member->description, &member->description_block));
    if (form == FORM_ENUM_VALUE) {
        QR_TRY(parse_enum_value_name(p, &member->name));
        return qr_gql_parser_directives(p, true, &member->directives);
    }
    QR_TRY(qr_gql_parser_name(p, &member->name));
    if (form == FORM_FIELD) {
        QR_TRY(parse_members(p, FORM_INPUT, QR_GQL_TOKEN_PAREN_L, QR_GQL_TOKEN_PAREN_R,
                             &member->arguments));
    }
    QR_TRY(qr_gql_parser_expect(p, QR_GQL_TOKEN_COLON));
    QR_TRY(qr_gql_parser_type(p, &member->type));
    bool equals = false;
    if (form == FORM_INPUT) {
        QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_EQUALS, &equals));
    }
    if (equals) {
        QR_TRY(qr_gql_parser_value(p, true, &member->default_value));
    }
    return qr_gql_parser_directives(p, true, &member->directives);
}

/* One or more members in brackets, or nothing at all. Calls itself once: arguments of fields. */
static quire_status parse_members(struct qr_gql_parser *p, enum member_form form,
                                  enum qr_gql_token_kind open, enum qr_gql_token_kind close,
                                  struct qr_gql_ast_member **out)
{
    bool more;
    QR_TRY(qr_gql_parser_skip(p, open, &more));
    while (more) {
        QR_TRY(parse_member(p, form, out));
        out = &(*out)->next;
        bool closed;
        QR_TRY(qr_gql_parser_skip(p, close, &closed));
        more = !closed;
    }
    return QUIRE_OK;
}

/* Names with `delimiter` between them, and maybe before the first. */
static quire_status parse_names(struct qr_gql_parser *p, enum qr_gql_token_kind delimiter,
                                bool locations, struct qr_gql_ast_named **out)
{
    bool more;
    QR_TRY(qr_gql_parser_skip(p, delimiter, &more));
    do {
        struct qr_gql_ast_named *named = qr_gql_parser_node(p, sizeof(*named));
        if (named == NULL) {
            return qr_gql_memory_status(p->lexer.err);
        }
        *out = named;
        out = &named->next;
        struct qr_gql_token token = p->token;
        QR_TRY(qr_gql_parser_name(p, &named->name));
        if (locations && qr_gql_directive_location_bit(named->name.text) == 0) {
            return qr_gql_parser_unexpected(p, &token);
        }
        QR_TRY(qr_gql_parser_skip(p, delimiter, &more));
    } while (more);
    return QUIRE_OK;
}

/* ---- definitions, from behind the keyword ---- */

static quire_status parse_root(struct qr_gql_parser *p, struct qr_gql_ast_root **out)
{
    struct qr_gql_ast_root *root = qr_gql_parser_node(p, sizeof(*root));
    if (root == NULL) {
        return qr_gql_memory_status(p->lexer.err);
    }
    *out = root;
    root->pos = p->token.pos;
    struct qr_gql_token word = p->token;
    bool known = qr_gql_parser_operation_word(p, &root->operation);
    QR_TRY(qr_gql_parser_expect(p, QR_GQL_TOKEN_NAME));
    if (!known) {
        return qr_gql_parser_unexpected(p, &word);
    }
    QR_TRY(qr_gql_parser_expect(p, QR_GQL_TOKEN_COLON));
    return qr_gql_parser_name(p, &root->type);
}

static quire_status parse_schema(struct qr_gql_parser *p, struct qr_gql_ast_definition *definition)
{
    QR_TRY(qr_gql_parser_directives(p, true, &definition->directives));
    if (definition->extends && p->token.kind != QR_GQL_TOKEN_BRACE_L) {
        return QUIRE_OK;
    }
    QR_TRY(qr_gql_parser_expect(p, QR_GQL_TOKEN_BRACE_L));
    struct qr_gql_ast_root **tail = &definition->roots;
    bool closed;
    do {
        QR_TRY(parse_root(p, tail));
        tail = &(*tail)->next;
        QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_BRACE_R, &closed));
    } while (!closed);
    return QUIRE_OK;
}

static quire_status parse_directive(struct qr_gql_parser *p,
                                    struct qr_gql_ast_definition *definition)
{
    QR_TRY(qr_gql_parser_expect(p, QR_GQL_TOKEN_AT));
    QR_TRY(qr_gql_parser_name(p, &definition->name));
    QR_TRY(parse_members(p, FORM_INPUT, QR_GQL_TOKEN_PAREN_L, QR_GQL_TOKEN_PAREN_R,
                         &definition->members));
    definition->repeatable = qr_gql_parser_at_word(p, "repeatable");
    if (definition->repeatable) {
        QR_TRY(qr_gql_parser_advance(p));
    }
    QR_TRY(qr_gql_parser_expect_word(p, "on"));
    return parse_names(p, QR_GQL_TOKEN_PIPE, true, &definition->names);
}

static quire_status parse_type_body(struct qr_gql_parser *p,
                                    struct qr_gql_ast_definition *definition)
{
    enum qr_gql_ast_definition_kind kind = definition->kind;
    bool fields = kind == QR_GQL_AST_OBJECT_TYPE || kind == QR_GQL_AST_INTERFACE_TYPE;
    QR_TRY(qr_gql_parser_name(p, &definition->name));
    if (fields && qr_gql_parser_at_word(p, "implements")) {
        QR_TRY(qr_gql_parser_advance(p));
        QR_TRY(parse_names(p, QR_GQL_TOKEN_AMP, false, &definition->interfaces));
    }
    QR_TRY(qr_gql_parser_directives(p, true, &definition->directives));
    if (kind == QR_GQL_AST_SCALAR_TYPE) {
        return QUIRE_OK;
    }
    if (kind == QR_GQL_AST_UNION_TYPE) {
        bool equals;
        QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_EQUALS, &equals));
        return equals ? parse_names(p, QR_GQL_TOKEN_PIPE, false, &definition->names) : QUIRE_OK;
    }
    enum member_form form = fields                         ? FORM_FIELD
                            : kind == QR_GQL_AST_ENUM_TYPE ? FORM_ENUM_VALUE
                                                           : FORM_INPUT;
    return parse_members(p, form, QR_GQL_TOKEN_BRACE_L, QR_GQL_TOKEN_BRACE_R, &definition->members);
}

/* ---- dispatch ---- */

static bool find_keyword(const struct qr_gql_parser *p, enum qr_gql_ast_definition_kind *out)
{
    static const struct {
        const char *word;
        enum qr_gql_ast_definition_kind kind;
    } keywords[] = {
        {"schema", QR_GQL_AST_SCHEMA},    {"scalar", QR_GQL_AST_SCALAR_TYPE},
        {"type", QR_GQL_AST_OBJECT_TYPE}, {"interface", QR_GQL_AST_INTERFACE_TYPE},
        {"union", QR_GQL_AST_UNION_TYPE}, {"enum", QR_GQL_AST_ENUM_TYPE},
        {"input", QR_GQL_AST_INPUT_TYPE}, {"directive", QR_GQL_AST_DIRECTIVE_DEFINITION},
    };
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (qr_gql_parser_at_word(p, keywords[i].word)) {
            *out = keywords[i].kind;
            return true;
        }
    }
    return false;
}

static quire_status parse_extended(struct qr_gql_parser *p,
                                   struct qr_gql_ast_definition *definition)
{
    definition->extends = true;
    QR_TRY(qr_gql_parser_advance(p));
    if (!find_keyword(p, &definition->kind) ||
        definition->kind == QR_GQL_AST_DIRECTIVE_DEFINITION) {
        return qr_gql_parser_unexpected(p, &p->token);
    }
    QR_TRY(qr_gql_parser_advance(p));
    QR_TRY(definition->kind == QR_GQL_AST_SCHEMA ? parse_schema(p, definition)
                                                 : parse_type_body(p, definition));
    if (definition->directives == NULL && definition->roots == NULL &&
        definition->interfaces == NULL && definition->members == NULL &&
        definition->names == NULL) {
        return qr_gql_parser_unexpected(p, &p->token);
    }
    return QUIRE_OK;
}

quire_status qr_gql_parser_type_system(struct qr_gql_parser *p,
                                       struct qr_gql_ast_definition *definition, bool *found)
{
    *found = true;
    if (definition->description.data == NULL && qr_gql_parser_at_word(p, "extend")) {
        return parse_extended(p, definition);
    }
    *found = find_keyword(p, &definition->kind);
    if (!*found) {
        return QUIRE_OK;
    }
    QR_TRY(qr_gql_parser_advance(p));
    switch (definition->kind) {
    case QR_GQL_AST_SCHEMA:
        return parse_schema(p, definition);
    case QR_GQL_AST_DIRECTIVE_DEFINITION:
        return parse_directive(p, definition);
    case QR_GQL_AST_SCALAR_TYPE:
    case QR_GQL_AST_OBJECT_TYPE:
    case QR_GQL_AST_INTERFACE_TYPE:
    case QR_GQL_AST_UNION_TYPE:
    case QR_GQL_AST_ENUM_TYPE:
    case QR_GQL_AST_INPUT_TYPE:
    case QR_GQL_AST_OPERATION:
    case QR_GQL_AST_FRAGMENT:
        break;
    }
    return parse_type_body(p, definition);
}
