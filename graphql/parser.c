/*
 * The parser of executable documents, values and types; type_system_parser.c
 * has the definitions of the type system. Both share parser_internal.h.
 *
 * A parse function consumes what it names and returns a status; on failure the
 * error is reported already. Nesting is counted in `depth`, so the C stack is
 * bounded whatever the text.
 */
#include "graphql/parser_internal.h"

/* ---- tokens ---- */

quire_status qr_gql_parser_advance(struct qr_gql_parser *p)
{
    return qr_gql_lexer_next(&p->lexer, &p->token);
}

quire_status qr_gql_parser_error(struct qr_gql_parser *p, struct qr_gql_pos pos, const char *before,
                                 struct qr_gql_str a, struct qr_gql_str b)
{
    struct qr_gql_buffer buffer;
    struct qr_gql_str message;
    qr_gql_buffer_init(&buffer, p->lexer.arena, p->lexer.err);
    qr_gql_buffer_text(&buffer, before);
    qr_gql_buffer_str(&buffer, a);
    qr_gql_buffer_text(&buffer, b.data == NULL ? "" : ", found ");
    qr_gql_buffer_str(&buffer, b);
    qr_gql_buffer_char(&buffer, '.');
    QR_TRY(qr_gql_buffer_finish(&buffer, &message));
    return qr_gql_syntax_error(&p->lexer, pos, message);
}

quire_status qr_gql_parser_error_text(struct qr_gql_parser *p, struct qr_gql_pos pos,
                                      const char *message)
{
    struct qr_gql_str none = {NULL, 0};
    return message == NULL ? qr_gql_memory_status(p->lexer.err)
                           : qr_gql_parser_error(p, pos, message, none, none);
}

quire_status qr_gql_parser_unexpected(struct qr_gql_parser *p, const struct qr_gql_token *token)
{
    struct qr_gql_str none = {NULL, 0};
    return qr_gql_parser_error(p, token->pos, "Unexpected ",
                               qr_gql_token_describe(p->lexer.arena, token), none);
}

quire_status qr_gql_parser_expect(struct qr_gql_parser *p, enum qr_gql_token_kind kind)
{
    if (p->token.kind == kind) {
        return qr_gql_parser_advance(p);
    }
    struct qr_gql_token wanted = {.kind = kind};
    return qr_gql_parser_error(p, p->token.pos, "Expected ",
                               qr_gql_token_describe(p->lexer.arena, &wanted),
                               qr_gql_token_describe(p->lexer.arena, &p->token));
}

bool qr_gql_parser_at_word(const struct qr_gql_parser *p, const char *word)
{
    return p->token.kind == QR_GQL_TOKEN_NAME && qr_gql_str_is(p->token.value, word);
}

quire_status qr_gql_parser_expect_word(struct qr_gql_parser *p, const char *word)
{
    if (qr_gql_parser_at_word(p, word)) {
        return qr_gql_parser_advance(p);
    }
    const char *wanted = qr_gql_format(p->lexer.arena, p->lexer.err, "\"%s\"", word);
    return wanted == NULL ? qr_gql_memory_status(p->lexer.err)
                          : qr_gql_parser_error(p, p->token.pos, "Expected ", qr_gql_str_of(wanted),
                                                qr_gql_token_describe(p->lexer.arena, &p->token));
}

quire_status qr_gql_parser_skip(struct qr_gql_parser *p, enum qr_gql_token_kind kind, bool *skipped)
{
    *skipped = p->token.kind == kind;
    return *skipped ? qr_gql_parser_advance(p) : QUIRE_OK;
}

quire_status qr_gql_parser_name(struct qr_gql_parser *p, struct qr_gql_name *out)
{
    *out = (struct qr_gql_name){p->token.value, p->token.pos};
    return qr_gql_parser_expect(p, QR_GQL_TOKEN_NAME);
}

void *qr_gql_parser_node(struct qr_gql_parser *p, size_t size)
{
    return qr_arena_alloc_zero(p->lexer.arena, size, p->lexer.err);
}

static quire_status enter(struct qr_gql_parser *p)
{
    if (p->depth == p->depth_max) {
        return qr_gql_parser_error_text(p, p->token.pos,
                                        qr_gql_format(p->lexer.arena, p->lexer.err,
                                                      "Document is nested deeper than %u",
                                                      p->depth_max));
    }
    p->depth++;
    return QUIRE_OK;
}

static void leave(struct qr_gql_parser *p)
{
    p->depth--;
}

/* ---- values ---- */

static quire_status parse_list(struct qr_gql_parser *p, bool constant,
                               struct qr_gql_ast_value *list)
{
    struct qr_gql_ast_value **tail = &list->items;
    list->kind = QR_GQL_AST_LIST;
    QR_TRY(qr_gql_parser_advance(p));
    QR_TRY(enter(p));
    while (p->token.kind != QR_GQL_TOKEN_BRACKET_R) {
        QR_TRY(qr_gql_parser_value(p, constant, tail));
        tail = &(*tail)->next;
        list->count++;
    }
    leave(p);
    return qr_gql_parser_advance(p);
}

/* `name: value`, of an argument or an object. */
static quire_status parse_argument(struct qr_gql_parser *p, bool constant,
                                   struct qr_gql_ast_argument **out)
{
    struct qr_gql_ast_argument *argument = qr_gql_parser_node(p, sizeof(*argument));
    if (argument == NULL) {
        return qr_gql_memory_status(p->lexer.err);
    }
    *out = argument;
    QR_TRY(qr_gql_parser_name(p, &argument->name));
    QR_TRY(qr_gql_parser_expect(p, QR_GQL_TOKEN_COLON));
    return qr_gql_parser_value(p, constant, &argument->value);
}

static quire_status parse_object(struct qr_gql_parser *p, bool constant,
                                 struct qr_gql_ast_value *object)
{
    struct qr_gql_ast_argument **tail = &object->fields;
    object->kind = QR_GQL_AST_OBJECT;
    QR_TRY(qr_gql_parser_advance(p));
    QR_TRY(enter(p));
    while (p->token.kind != QR_GQL_TOKEN_BRACE_R) {
        QR_TRY(parse_argument(p, constant, tail));
        tail = &(*tail)->next;
        object->count++;
    }
    leave(p);
    return qr_gql_parser_advance(p);
}

static quire_status parse_variable(struct qr_gql_parser *p, bool constant,
                                   struct qr_gql_ast_value *value)
{
    struct qr_gql_token dollar = p->token;
    QR_TRY(qr_gql_parser_advance(p));
    if (constant && p->token.kind == QR_GQL_TOKEN_NAME) {
        return qr_gql_parser_error_text(
            p, dollar.pos,
            qr_gql_format(p->lexer.arena, p->lexer.err,
                          "Unexpected variable \"$%.*s\" in constant value",
                          QR_GQL_FMT(p->token.value)));
    }
    if (constant) {
        return qr_gql_parser_unexpected(p, &dollar);
    }
    struct qr_gql_name name;
    QR_TRY(qr_gql_parser_name(p, &name));
    value->kind = QR_GQL_AST_VARIABLE;
    value->text = name.text;
    return QUIRE_OK;
}

static void set_word_value(struct qr_gql_ast_value *value, struct qr_gql_str word)
{
    value->boolean = qr_gql_str_is(word, "true");
    if (value->boolean || qr_gql_str_is(word, "false")) {
        value->kind = QR_GQL_AST_BOOLEAN;
    } else {
        value->kind = qr_gql_str_is(word, "null") ? QR_GQL_AST_NULL : QR_GQL_AST_ENUM;
    }
}

quire_status qr_gql_parser_value(struct qr_gql_parser *p, bool constant,
                                 struct qr_gql_ast_value **out)
{
    struct qr_gql_ast_value *value = qr_gql_parser_node(p, sizeof(*value));
    if (value == NULL) {
        return qr_gql_memory_status(p->lexer.err);
    }
    *out = value;
    value->pos = p->token.pos;
    value->text = p->token.value;
    switch (p->token.kind) {
    case QR_GQL_TOKEN_BRACKET_L:
        return parse_list(p, constant, value);
    case QR_GQL_TOKEN_BRACE_L:
        return parse_object(p, constant, value);
    case QR_GQL_TOKEN_DOLLAR:
        return parse_variable(p, constant, value);
    case QR_GQL_TOKEN_INT:
        value->kind = QR_GQL_AST_INT;
        break;
    case QR_GQL_TOKEN_FLOAT:
        value->kind = QR_GQL_AST_FLOAT;
        break;
    case QR_GQL_TOKEN_STRING:
    case QR_GQL_TOKEN_BLOCK_STRING:
        value->kind = QR_GQL_AST_STRING;
        value->block = p->token.kind == QR_GQL_TOKEN_BLOCK_STRING;
        break;
    case QR_GQL_TOKEN_NAME:
        set_word_value(value, p->token.value);
        break;
    case QR_GQL_TOKEN_EOF:
    case QR_GQL_TOKEN_BANG:
    case QR_GQL_TOKEN_AMP:
    case QR_GQL_TOKEN_PAREN_L:
    case QR_GQL_TOKEN_PAREN_R:
    case QR_GQL_TOKEN_DOT:
    case QR_GQL_TOKEN_SPREAD:
    case QR_GQL_TOKEN_COLON:
    case QR_GQL_TOKEN_EQUALS:
    case QR_GQL_TOKEN_AT:
    case QR_GQL_TOKEN_BRACKET_R:
    case QR_GQL_TOKEN_PIPE:
    case QR_GQL_TOKEN_BRACE_R:
        return qr_gql_parser_unexpected(p, &p->token);
    }
    return qr_gql_parser_advance(p);
}

quire_status qr_gql_parser_arguments(struct qr_gql_parser *p, bool constant,
                                     struct qr_gql_ast_argument **out)
{
    bool open;
    QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_PAREN_L, &open));
    while (open) {
        QR_TRY(parse_argument(p, constant, out));
        out = &(*out)->next;
        bool closed;
        QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_PAREN_R, &closed));
        open = !closed;
    }
    return QUIRE_OK;
}

quire_status qr_gql_parser_directives(struct qr_gql_parser *p, bool constant,
                                      struct qr_gql_ast_directive **out)
{
    while (p->token.kind == QR_GQL_TOKEN_AT) {
        struct qr_gql_ast_directive *directive = qr_gql_parser_node(p, sizeof(*directive));
        if (directive == NULL) {
            return qr_gql_memory_status(p->lexer.err);
        }
        *out = directive;
        out = &directive->next;
        directive->pos = p->token.pos;
        QR_TRY(qr_gql_parser_advance(p));
        QR_TRY(qr_gql_parser_name(p, &directive->name));
        QR_TRY(qr_gql_parser_arguments(p, constant, &directive->arguments));
    }
    return QUIRE_OK;
}

/* ---- types ---- */

quire_status qr_gql_parser_type(struct qr_gql_parser *p, struct qr_gql_ast_type **out)
{
    struct qr_gql_ast_type *type = qr_gql_parser_node(p, sizeof(*type));
    if (type == NULL) {
        return qr_gql_memory_status(p->lexer.err);
    }
    type->pos = p->token.pos;
    bool list;
    QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_BRACKET_L, &list));
    if (list) {
        type->kind = QR_GQL_AST_LIST_OF;
        QR_TRY(enter(p));
        QR_TRY(qr_gql_parser_type(p, &type->inner));
        leave(p);
        QR_TRY(qr_gql_parser_expect(p, QR_GQL_TOKEN_BRACKET_R));
    } else {
        type->kind = QR_GQL_AST_NAMED;
        QR_TRY(qr_gql_parser_name(p, &type->name));
    }
    bool non_null;
    QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_BANG, &non_null));
    if (non_null) {
        struct qr_gql_ast_type *outer = qr_gql_parser_node(p, sizeof(*outer));
        if (outer == NULL) {
            return qr_gql_memory_status(p->lexer.err);
        }
        *outer =
            (struct qr_gql_ast_type){.kind = QR_GQL_AST_NON_NULL, .pos = type->pos, .inner = type};
        type = outer;
    }
    *out = type;
    return QUIRE_OK;
}

/* ---- selections ---- */

static quire_status parse_selections(struct qr_gql_parser *p, struct qr_gql_ast_selections *out);

static quire_status parse_field(struct qr_gql_parser *p, struct qr_gql_ast_selection *field)
{
    field->kind = QR_GQL_AST_FIELD;
    QR_TRY(qr_gql_parser_name(p, &field->name));
    bool colon;
    QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_COLON, &colon));
    if (colon) {
        field->alias = field->name;
        QR_TRY(qr_gql_parser_name(p, &field->name));
    }
    QR_TRY(qr_gql_parser_arguments(p, false, &field->arguments));
    QR_TRY(qr_gql_parser_directives(p, false, &field->directives));
    return p->token.kind == QR_GQL_TOKEN_BRACE_L ? parse_selections(p, &field->selections)
                                                 : QUIRE_OK;
}

/* What follows "...". */
static quire_status parse_fragment(struct qr_gql_parser *p, struct qr_gql_ast_selection *fragment)
{
    QR_TRY(qr_gql_parser_advance(p));
    bool typed = qr_gql_parser_at_word(p, "on");
    if (!typed && p->token.kind == QR_GQL_TOKEN_NAME) {
        fragment->kind = QR_GQL_AST_SPREAD;
        QR_TRY(qr_gql_parser_name(p, &fragment->name));
        return qr_gql_parser_directives(p, false, &fragment->directives);
    }
    fragment->kind = QR_GQL_AST_INLINE;
    if (typed) {
        QR_TRY(qr_gql_parser_advance(p));
        QR_TRY(qr_gql_parser_name(p, &fragment->condition));
    }
    QR_TRY(qr_gql_parser_directives(p, false, &fragment->directives));
    return parse_selections(p, &fragment->selections);
}

static quire_status parse_selections(struct qr_gql_parser *p, struct qr_gql_ast_selections *out)
{
    struct qr_gql_ast_selection **tail = &out->first;
    out->pos = p->token.pos;
    QR_TRY(qr_gql_parser_expect(p, QR_GQL_TOKEN_BRACE_L));
    QR_TRY(enter(p));
    do {
        struct qr_gql_ast_selection *selection = qr_gql_parser_node(p, sizeof(*selection));
        if (selection == NULL) {
            return qr_gql_memory_status(p->lexer.err);
        }
        *tail = selection;
        tail = &selection->next;
        selection->pos = p->token.pos;
        QR_TRY(p->token.kind == QR_GQL_TOKEN_SPREAD ? parse_fragment(p, selection)
                                                    : parse_field(p, selection));
    } while (p->token.kind != QR_GQL_TOKEN_BRACE_R);
    leave(p);
    return qr_gql_parser_advance(p);
}

/* ---- executable definitions ---- */

static quire_status parse_variable_definition(struct qr_gql_parser *p,
                                              struct qr_gql_ast_member **out)
{
    struct qr_gql_ast_member *variable = qr_gql_parser_node(p, sizeof(*variable));
    if (variable == NULL) {
        return qr_gql_memory_status(p->lexer.err);
    }
    *out = variable;
    variable->pos = p->token.pos;
    QR_TRY(qr_gql_parser_description(p, &variable->description, &variable->description_block));
    QR_TRY(qr_gql_parser_expect(p, QR_GQL_TOKEN_DOLLAR));
    QR_TRY(qr_gql_parser_name(p, &variable->name));
    QR_TRY(qr_gql_parser_expect(p, QR_GQL_TOKEN_COLON));
    QR_TRY(qr_gql_parser_type(p, &variable->type));
    bool equals;
    QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_EQUALS, &equals));
    if (equals) {
        QR_TRY(qr_gql_parser_value(p, true, &variable->default_value));
    }
    return qr_gql_parser_directives(p, true, &variable->directives);
}

static quire_status parse_operation(struct qr_gql_parser *p,
                                    struct qr_gql_ast_definition *definition)
{
    definition->kind = QR_GQL_AST_OPERATION;
    QR_TRY(qr_gql_parser_advance(p));
    if (p->token.kind == QR_GQL_TOKEN_NAME) {
        QR_TRY(qr_gql_parser_name(p, &definition->name));
    }
    struct qr_gql_ast_member **tail = &definition->members;
    bool open;
    QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_PAREN_L, &open));
    while (open) {
        QR_TRY(parse_variable_definition(p, tail));
        tail = &(*tail)->next;
        bool closed;
        QR_TRY(qr_gql_parser_skip(p, QR_GQL_TOKEN_PAREN_R, &closed));
        open = !closed;
    }
    QR_TRY(qr_gql_parser_directives(p, false, &definition->directives));
    return parse_selections(p, &definition->selections);
}

static quire_status parse_fragment_definition(struct qr_gql_parser *p,
                                              struct qr_gql_ast_definition *definition)
{
    definition->kind = QR_GQL_AST_FRAGMENT;
    QR_TRY(qr_gql_parser_advance(p));
    if (qr_gql_parser_at_word(p, "on")) {
        return qr_gql_parser_unexpected(p, &p->token);
    }
    QR_TRY(qr_gql_parser_name(p, &definition->name));
    QR_TRY(qr_gql_parser_expect_word(p, "on"));
    QR_TRY(qr_gql_parser_name(p, &definition->condition));
    QR_TRY(qr_gql_parser_directives(p, false, &definition->directives));
    return parse_selections(p, &definition->selections);
}

quire_status qr_gql_parser_description(struct qr_gql_parser *p, struct qr_gql_str *out, bool *block)
{
    if (p->token.kind != QR_GQL_TOKEN_STRING && p->token.kind != QR_GQL_TOKEN_BLOCK_STRING) {
        return QUIRE_OK;
    }
    *block = p->token.kind == QR_GQL_TOKEN_BLOCK_STRING;
    *out = p->token.value;
    return qr_gql_parser_advance(p);
}

bool qr_gql_parser_operation_word(const struct qr_gql_parser *p, enum qr_gql_operation *out)
{
    static const enum qr_gql_operation all[] = {QR_GQL_QUERY, QR_GQL_MUTATION, QR_GQL_SUBSCRIPTION};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (qr_gql_parser_at_word(p, qr_gql_operation_word(all[i]))) {
            *out = all[i];
            return true;
        }
    }
    return false;
}

static quire_status parse_definition(struct qr_gql_parser *p, struct qr_gql_ast_definition **out)
{
    struct qr_gql_ast_definition *definition = qr_gql_parser_node(p, sizeof(*definition));
    if (definition == NULL) {
        return qr_gql_memory_status(p->lexer.err);
    }
    *out = definition;
    definition->pos = p->token.pos;
    QR_TRY(qr_gql_parser_description(p, &definition->description, &definition->description_block));
    definition->keyword = p->token.pos;
    bool described = definition->description.data != NULL;
    if (p->token.kind == QR_GQL_TOKEN_BRACE_L) {
        if (described) {
            return qr_gql_parser_error_text(
                p, definition->pos,
                "Unexpected description, descriptions are not supported on shorthand queries");
        }
        definition->kind = QR_GQL_AST_OPERATION;
        definition->shorthand = true;
        return parse_selections(p, &definition->selections);
    }
    if (qr_gql_parser_operation_word(p, &definition->operation)) {
        return parse_operation(p, definition);
    }
    if (qr_gql_parser_at_word(p, "fragment")) {
        return parse_fragment_definition(p, definition);
    }
    bool found;
    QR_TRY(qr_gql_parser_type_system(p, definition, &found));
    if (found) {
        return QUIRE_OK;
    }
    if (described && p->token.kind == QR_GQL_TOKEN_NAME) {
        return qr_gql_parser_error_text(
            p, definition->pos,
            "Unexpected description, only GraphQL definitions support descriptions");
    }
    return qr_gql_parser_unexpected(p, &p->token);
}

/* ---- entry points ---- */

static quire_status parser_init(struct qr_gql_parser *p, struct qr_arena *arena, const char *text,
                                size_t size, const struct qr_gql_parse_options *options,
                                struct qr_gql_report *report, quire_error *err)
{
    *p = (struct qr_gql_parser){.depth_max = QR_GQL_DEPTH_MAX_DEFAULT};
    QR_TRY(qr_gql_lexer_init(&p->lexer, arena, text, size, report, err));
    if (options != NULL) {
        p->lexer.tokens_max = options->tokens_max;
        p->depth_max = options->depth_max == 0 ? QR_GQL_DEPTH_MAX_DEFAULT : options->depth_max;
        p->depth_max =
            p->depth_max > QR_GQL_DEPTH_MAX_CEILING ? QR_GQL_DEPTH_MAX_CEILING : p->depth_max;
    }
    return QUIRE_OK;
}

quire_status qr_gql_parse(struct qr_arena *arena, const char *text, size_t size,
                          const struct qr_gql_parse_options *options, struct qr_gql_report *report,
                          struct qr_gql_document **out, quire_error *err)
{
    struct qr_gql_parser p;
    *out = NULL;
    QR_TRY(parser_init(&p, arena, text, size, options, report, err));
    QR_TRY(qr_gql_parser_advance(&p));
    struct qr_gql_document *document = qr_gql_parser_node(&p, sizeof(*document));
    if (document == NULL) {
        return qr_gql_memory_status(err);
    }
    document->source = (struct qr_gql_str){text, size};
    struct qr_gql_ast_definition **tail = &document->first;
    do {
        QR_TRY(parse_definition(&p, tail));
        tail = &(*tail)->next;
        document->definition_count++;
    } while (p.token.kind != QR_GQL_TOKEN_EOF);
    document->token_count = p.lexer.token_count;
    *out = document;
    return QUIRE_OK;
}

quire_status qr_gql_parse_value(struct qr_arena *arena, const char *text, size_t size,
                                bool constant, struct qr_gql_report *report,
                                struct qr_gql_ast_value **out, quire_error *err)
{
    struct qr_gql_parser p;
    *out = NULL;
    QR_TRY(parser_init(&p, arena, text, size, NULL, report, err));
    QR_TRY(qr_gql_parser_advance(&p));
    struct qr_gql_ast_value *value;
    QR_TRY(qr_gql_parser_value(&p, constant, &value));
    QR_TRY(qr_gql_parser_expect(&p, QR_GQL_TOKEN_EOF));
    *out = value;
    return QUIRE_OK;
}

quire_status qr_gql_parse_type(struct qr_arena *arena, const char *text, size_t size,
                               struct qr_gql_report *report, struct qr_gql_ast_type **out,
                               quire_error *err)
{
    struct qr_gql_parser p;
    *out = NULL;
    QR_TRY(parser_init(&p, arena, text, size, NULL, report, err));
    QR_TRY(qr_gql_parser_advance(&p));
    struct qr_gql_ast_type *type;
    QR_TRY(qr_gql_parser_type(&p, &type));
    QR_TRY(qr_gql_parser_expect(&p, QR_GQL_TOKEN_EOF));
    *out = type;
    return QUIRE_OK;
}

quire_status qr_gql_parse_coordinate(struct qr_arena *arena, const char *text, size_t size,
                                     struct qr_gql_report *report, struct qr_gql_coordinate *out,
                                     quire_error *err)
{
    struct qr_gql_parser p;
    *out = (struct qr_gql_coordinate){0};
    QR_TRY(parser_init(&p, arena, text, size, NULL, report, err));
    p.lexer.coordinate = true;
    QR_TRY(qr_gql_parser_advance(&p));
    QR_TRY(qr_gql_parser_skip(&p, QR_GQL_TOKEN_AT, &out->directive));
    QR_TRY(qr_gql_parser_name(&p, &out->name));
    bool dot = false, open = false;
    if (!out->directive) {
        QR_TRY(qr_gql_parser_skip(&p, QR_GQL_TOKEN_DOT, &dot));
    }
    if (dot) {
        QR_TRY(qr_gql_parser_name(&p, &out->member));
    }
    if (dot || out->directive) {
        QR_TRY(qr_gql_parser_skip(&p, QR_GQL_TOKEN_PAREN_L, &open));
    }
    if (open) {
        QR_TRY(qr_gql_parser_name(&p, &out->argument));
        QR_TRY(qr_gql_parser_expect(&p, QR_GQL_TOKEN_COLON));
        QR_TRY(qr_gql_parser_expect(&p, QR_GQL_TOKEN_PAREN_R));
    }
    return qr_gql_parser_expect(&p, QR_GQL_TOKEN_EOF);
}

const char *qr_gql_operation_word(enum qr_gql_operation operation)
{
    static const char *const words[] = {"query", "mutation", "subscription"};
    return words[operation];
}
