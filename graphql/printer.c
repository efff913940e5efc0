/*
 * Printing of syntax trees.
 *
 * A printer writes straight into a buffer and puts the current indentation
 * behind each line break, those inside block strings included. Whether a list,
 * an object or arguments fit on a line is decided by the width of their flat
 * form, measured no further than the line's width, so printing stays linear.
 */
#include "graphql/printer.h"

#include "graphql/lexer.h"

enum { LINE_WIDTH = 80, BLOCK_LINE_WIDTH = 70 };

struct printer {
    struct qr_gql_buffer buffer;
    unsigned indent;
};

static void put(struct printer *printer, const char *text)
{
    qr_gql_buffer_text(&printer->buffer, text);
}

static void put_str(struct printer *printer, struct qr_gql_str text)
{
    qr_gql_buffer_str(&printer->buffer, text);
}

static void put_line(struct printer *printer)
{
    qr_gql_buffer_char(&printer->buffer, '\n');
    for (unsigned i = 0; i < printer->indent; i++) {
        put(printer, "  ");
    }
}

/* ---- strings ---- */

/* The two-byte escape of a character, or NUL. */
static char short_escape(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

void qr_gql_print_string(struct qr_gql_buffer *buffer, struct qr_gql_str text)
{
    size_t piece = 0;
    qr_gql_buffer_char(buffer, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        char letter = short_escape(c);
        /* U+0080 to U+009F are C2 80 to C2 9F. */
        bool high = c == 0xC2 && i + 1 < text.size && (unsigned char)text.data[i + 1] < 0xA0;
        if (letter == '\0' && c >= 0x20 && c != 0x7F && !high) {
            continue;
        }
        qr_gql_buffer_bytes(buffer, text.data + piece, i - piece);
        if (letter != '\0') {
            qr_gql_buffer_char(buffer, '\\');
            qr_gql_buffer_char(buffer, letter);
        } else {
            i += high;
            qr_gql_buffer_format(buffer, "\\u%04X", (unsigned char)text.data[i]);
        }
        piece = i + 1;
    }
    qr_gql_buffer_bytes(buffer, text.data + piece, text.size - piece);
    qr_gql_buffer_char(buffer, '"');
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t';
}

/* UTF-16 units, which is what the 70 and 80 columns of the format count. */
static size_t text_width(struct qr_gql_str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        width += (c & 0xC0) == 0x80 ? 0 : c >= 0xF0 ? 2 : 1;
    }
    return width;
}

/* How a block string is laid out between its quotes. */
struct block_layout {
    bool line_before, line_after;
};

static struct block_layout lay_out_block(struct qr_gql_str text, bool minimal)
{
    bool single = true, all_indented = true;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n') {
            single = false;
            char next = i + 1 < text.size ? text.data[i + 1] : '\n';
            all_indented = all_indented && (next == '\n' || is_white(next));
        }
    }
    char last = text.size == 0 ? '\0' : text.data[text.size - 1];
    bool triple = text.size >= 3 && memcmp(text.data + text.size - 3, "\"\"\"", 3) == 0;
    bool force_before = !single && all_indented;
    bool force_after = (last == '"' && !triple) || last == '\\';
    bool several = !minimal && (!single || force_after || force_before || triple ||
                                text_width(text) > BLOCK_LINE_WIDTH);
    bool skip_before = single && text.size > 0 && is_white(text.data[0]);
    return (struct block_layout){(several && !skip_before) || force_before, several || force_after};
}

static void put_block_string(struct printer *printer, struct qr_gql_str text, bool minimal)
{
    struct block_layout layout = lay_out_block(text, minimal);
    put(printer, "\"\"\"");
    if (layout.line_before) {
        put_line(printer);
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n') {
            put_line(printer);
        } else if (text.size - i >= 3 && memcmp(text.data + i, "\"\"\"", 3) == 0) {
            put(printer, "\\\"\"\"");
            i += 2;
        } else {
            qr_gql_buffer_char(&printer->buffer, text.data[i]);
        }
    }
    if (layout.line_after) {
        put_line(printer);
    }
    put(printer, "\"\"\"");
}

/* ---- widths ---- */

/* Stops adding up once beyond the line's width. */
static size_t value_width(const struct qr_gql_ast_value *value)
{
    switch (value->kind) {
    case QR_GQL_AST_VARIABLE:
        return 1 + value->text.size;
    case QR_GQL_AST_BOOLEAN:
        return value->boolean ? 4 : 5;
    case QR_GQL_AST_NULL:
        return 4;
    case QR_GQL_AST_INT:
    case QR_GQL_AST_FLOAT:
    case QR_GQL_AST_ENUM:
        return value->text.size;
    case QR_GQL_AST_LIST: {
        size_t width = value->items == NULL ? 2 : 0;
        for (const struct qr_gql_ast_value *item = value->items;
             item != NULL && width <= LINE_WIDTH; item = item->next) {
            width += 2 + value_width(item);
        }
        return width;
    }
    case QR_GQL_AST_OBJECT: {
        size_t width = value->fields == NULL ? 4 : 2;
        for (const struct qr_gql_ast_argument *field = value->fields;
             field != NULL && width <= LINE_WIDTH; field = field->next) {
            width += 4 + field->name.text.size + value_width(field->value);
        }
        return width;
    }
    case QR_GQL_AST_STRING:
        break;
    }
    if (value->text.size > 3 * LINE_WIDTH) {
        return LINE_WIDTH + 1; /* a unit has three bytes at most */
    }
    size_t width = text_width(value->text);
    if (value->block) {
        struct block_layout layout = lay_out_block(value->text, false);
        return width + 6 + layout.line_before + layout.line_after;
    }
    for (size_t i = 0; i < value->text.size; i++) {
        unsigned char c = (unsigned char)value->text.data[i];
        bool control = c < 0x20 || c == 0x7F;
        width += short_escape(c) != '\0' ? 1 : control ? 5 : 0;
    }
    return width + 2;
}

/* Whether a value takes more than one line. */
static bool is_multiline(const struct qr_gql_ast_value *value)
{
    if (value->kind == QR_GQL_AST_STRING && value->block) {
        struct block_layout layout = lay_out_block(value->text, false);
        return layout.line_before || layout.line_after ||
               (value->text.size > 0 && memchr(value->text.data, '\n', value->text.size) != NULL);
    }
    bool nested = value->kind == QR_GQL_AST_LIST || value->kind == QR_GQL_AST_OBJECT;
    if (nested && value_width(value) > LINE_WIDTH) {
        return true;
    }
    for (const struct qr_gql_ast_value *item = value->items; item != NULL; item = item->next) {
        if (is_multiline(item)) {
            return true;
        }
    }
    for (const struct qr_gql_ast_argument *field = value->fields; field != NULL;
         field = field->next) {
        if (is_multiline(field->value)) {
            return true;
        }
    }
    return false;
}

/* ---- values ---- */

static void put_value(struct printer *printer, const struct qr_gql_ast_value *value);

/* Items apart by ", ", or a line each, indented. */
static void put_separator(struct printer *printer, bool broken, bool first)
{
    if (broken) {
        put_line(printer);
    } else if (!first) {
        put(printer, ", ");
    }
}

static void put_list(struct printer *printer, const struct qr_gql_ast_value *list)
{
    bool broken = list->items != NULL && value_width(list) > LINE_WIDTH;
    put(printer, "[");
    printer->indent += broken;
    for (const struct qr_gql_ast_value *item = list->items;
         item != NULL && !qr_gql_buffer_full(&printer->buffer); item = item->next) {
        put_separator(printer, broken, item == list->items);
        put_value(printer, item);
    }
    printer->indent -= broken;
    if (broken) {
        put_line(printer);
    }
    put(printer, "]");
}

static void put_arguments(struct printer *printer, const struct qr_gql_ast_argument *arguments,
                          bool broken)
{
    printer->indent += broken;
    for (const struct qr_gql_ast_argument *argument = arguments;
         argument != NULL && !qr_gql_buffer_full(&printer->buffer); argument = argument->next) {
        put_separator(printer, broken, argument == arguments);
        put_str(printer, argument->name.text);
        put(printer, ": ");
        put_value(printer, argument->value);
    }
    printer->indent -= broken;
    if (broken) {
        put_line(printer);
    }
}

static void put_value(struct printer *printer, const struct qr_gql_ast_value *value)
{
    switch (value->kind) {
    case QR_GQL_AST_VARIABLE:
        put(printer, "$");
        put_str(printer, value->text);
        break;
    case QR_GQL_AST_INT:
    case QR_GQL_AST_FLOAT:
    case QR_GQL_AST_ENUM:
        put_str(printer, value->text);
        break;
    case QR_GQL_AST_STRING:
        if (value->block) {
            put_block_string(printer, value->text, false);
        } else {
            qr_gql_print_string(&printer->buffer, value->text);
        }
        break;
    case QR_GQL_AST_BOOLEAN:
        put(printer, value->boolean ? "true" : "false");
        break;
    case QR_GQL_AST_NULL:
        put(printer, "null");
        break;
    case QR_GQL_AST_LIST:
        put_list(printer, value);
        break;
    case QR_GQL_AST_OBJECT: {
        bool broken = value->fields != NULL && value_width(value) > LINE_WIDTH;
        put(printer, broken ? "{" : "{ ");
        put_arguments(printer, value->fields, broken);
        put(printer, broken ? "}" : " }");
        break;
    }
    }
}

static void put_type(struct printer *printer, const struct qr_gql_ast_type *type)
{
    qr_gql_print_type(&printer->buffer, type);
}

static void put_directives(struct printer *printer, const struct qr_gql_ast_directive *directives)
{
    for (const struct qr_gql_ast_directive *directive = directives; directive != NULL;
         directive = directive->next) {
        put(printer, " @");
        put_str(printer, directive->name.text);
        if (directive->arguments != NULL) {
            put(printer, "(");
            put_arguments(printer, directive->arguments, false);
            put(printer, ")");
        }
    }
}

/* ---- selections ---- */

static void put_selections(struct printer *printer, const struct qr_gql_ast_selections *selections);

static void put_field(struct printer *printer, const struct qr_gql_ast_selection *field)
{
    size_t width = field->name.text.size;
    if (field->alias.text.data != NULL) {
        put_str(printer, field->alias.text);
        put(printer, ": ");
        width += field->alias.text.size + 2;
    }
    put_str(printer, field->name.text);
    if (field->arguments == NULL) {
        return;
    }
    for (const struct qr_gql_ast_argument *argument = field->arguments;
         argument != NULL && width <= LINE_WIDTH; argument = argument->next) {
        width += 4 + argument->name.text.size + value_width(argument->value);
    }
    put(printer, "(");
    put_arguments(printer, field->arguments, width > LINE_WIDTH);
    put(printer, ")");
}

static void put_selection(struct printer *printer, const struct qr_gql_ast_selection *selection)
{
    switch (selection->kind) {
    case QR_GQL_AST_FIELD:
        put_field(printer, selection);
        break;
    case QR_GQL_AST_SPREAD:
        put(printer, "...");
        put_str(printer, selection->name.text);
        break;
    case QR_GQL_AST_INLINE:
        put(printer, "...");
        if (selection->condition.text.data != NULL) {
            put(printer, " on ");
            put_str(printer, selection->condition.text);
        }
        break;
    }
    put_directives(printer, selection->directives);
    if (selection->selections.first != NULL) {
        put(printer, " ");
        put_selections(printer, &selection->selections);
    }
}

static void put_selections(struct printer *printer, const struct qr_gql_ast_selections *selections)
{
    put(printer, "{");
    printer->indent++;
    for (const struct qr_gql_ast_selection *selection = selections->first; selection != NULL;
         selection = selection->next) {
        put_line(printer);
        put_selection(printer, selection);
    }
    printer->indent--;
    put_line(printer);
    put(printer, "}");
}

/* ---- definitions ---- */

static void put_description(struct printer *printer, struct qr_gql_str description, bool block)
{
    if (description.data == NULL) {
        return;
    }
    if (block) {
        put_block_string(printer, description, false);
    } else {
        qr_gql_print_string(&printer->buffer, description);
    }
    put_line(printer);
}

/* `name: Type = value @directive`, the common tail of variables, arguments and input fields. */
static void put_input(struct printer *printer, const struct qr_gql_ast_member *input,
                      const char *sigil)
{
    put_description(printer, input->description, input->description_block);
    put(printer, sigil);
    put_str(printer, input->name.text);
    put(printer, ": ");
    put_type(printer, input->type);
    if (input->default_value != NULL) {
        put(printer, " = ");
        put_value(printer, input->default_value);
    }
    put_directives(printer, input->directives);
}

static bool directives_multiline(const struct qr_gql_ast_directive *directives)
{
    for (; directives != NULL; directives = directives->next) {
        for (const struct qr_gql_ast_argument *argument = directives->arguments; argument != NULL;
             argument = argument->next) {
            if (is_multiline(argument->value)) {
                return true;
            }
        }
    }
    return false;
}

/* `(a: A, b: B)`, or a line each when one of them takes several lines. */
static void put_inputs(struct printer *printer, const struct qr_gql_ast_member *inputs,
                       const char *sigil, bool indented)
{
    bool broken = false;
    for (const struct qr_gql_ast_member *input = inputs; input != NULL && !broken;
         input = input->next) {
        broken = input->description.data != NULL ||
                 (input->default_value != NULL && is_multiline(input->default_value)) ||
                 directives_multiline(input->directives);
    }
    if (inputs == NULL) {
        return;
    }
    put(printer, "(");
    printer->indent += broken && indented;
    for (const struct qr_gql_ast_member *input = inputs; input != NULL; input = input->next) {
        put_separator(printer, broken, input == inputs);
        put_input(printer, input, sigil);
    }
    printer->indent -= broken && indented;
    if (broken) {
        put_line(printer);
    }
    put(printer, ")");
}

static void put_names(struct printer *printer, const char *before,
                      const struct qr_gql_ast_named *names, const char *between)
{
    for (const struct qr_gql_ast_named *named = names; named != NULL; named = named->next) {
        put(printer, named == names ? before : between);
        put_str(printer, named->name.text);
    }
}

static void put_operation(struct printer *printer, const struct qr_gql_ast_definition *definition)
{
    bool bare = definition->operation == QR_GQL_QUERY && definition->name.text.data == NULL &&
                definition->members == NULL && definition->directives == NULL &&
                definition->description.data == NULL;
    if (!bare) {
        put(printer, qr_gql_operation_word(definition->operation));
        if (definition->name.text.data != NULL || definition->members != NULL) {
            put(printer, " ");
        }
        put_str(printer, definition->name.text);
        put_inputs(printer, definition->members, "$", false);
        put_directives(printer, definition->directives);
        put(printer, " ");
    }
    put_selections(printer, &definition->selections);
}

static void put_fragment(struct printer *printer, const struct qr_gql_ast_definition *definition)
{
    put(printer, "fragment ");
    put_str(printer, definition->name.text);
    put(printer, " on ");
    put_str(printer, definition->condition.text);
    put_directives(printer, definition->directives);
    put(printer, " ");
    put_selections(printer, &definition->selections);
}

static void put_directive_definition(struct printer *printer,
                                     const struct qr_gql_ast_definition *definition)
{
    put(printer, "directive @");
    put_str(printer, definition->name.text);
    put_inputs(printer, definition->members, "", true);
    put(printer, definition->repeatable ? " repeatable on " : " on ");
    put_names(printer, "", definition->names, " | ");
}

static void put_member(struct printer *printer, enum qr_gql_ast_definition_kind kind,
                       const struct qr_gql_ast_member *member)
{
    if (kind == QR_GQL_AST_INPUT_TYPE) {
        put_input(printer, member, "");
        return;
    }
    put_description(printer, member->description, member->description_block);
    put_str(printer, member->name.text);
    put_inputs(printer, member->arguments, "", true);
    if (member->type != NULL) {
        put(printer, ": ");
        put_type(printer, member->type);
    }
    put_directives(printer, member->directives);
}

static void put_schema(struct printer *printer, const struct qr_gql_ast_definition *definition)
{
    put(printer, "schema");
    put_directives(printer, definition->directives);
    if (definition->roots == NULL) {
        return;
    }
    put(printer, " {");
    printer->indent++;
    for (const struct qr_gql_ast_root *root = definition->roots; root != NULL; root = root->next) {
        put_line(printer);
        put(printer, qr_gql_operation_word(root->operation));
        put(printer, ": ");
        put_str(printer, root->type.text);
    }
    printer->indent--;
    put_line(printer);
    put(printer, "}");
}

static const char *type_keyword(enum qr_gql_ast_definition_kind kind)
{
    static const char *const words[] = {"scalar ", "type ", "interface ",
                                        "union ",  "enum ", "input "};
    return words[kind - QR_GQL_AST_SCALAR_TYPE];
}

static void put_type_definition(struct printer *printer,
                                const struct qr_gql_ast_definition *definition)
{
    put(printer, type_keyword(definition->kind));
    put_str(printer, definition->name.text);
    put_names(printer, " implements ", definition->interfaces, " & ");
    put_directives(printer, definition->directives);
    put_names(printer, " = ", definition->names, " | ");
    if (definition->members == NULL) {
        return;
    }
    put(printer, " {");
    printer->indent++;
    for (const struct qr_gql_ast_member *member = definition->members; member != NULL;
         member = member->next) {
        put_line(printer);
        put_member(printer, definition->kind, member);
    }
    printer->indent--;
    put_line(printer);
    put(printer, "}");
}

static void put_definition(struct printer *printer, const struct qr_gql_ast_definition *definition)
{
    put_description(printer, definition->description, definition->description_block);
    put(printer, definition->extends ? "extend " : "");
    switch (definition->kind) {
    case QR_GQL_AST_OPERATION:
        put_operation(printer, definition);
        break;
    case QR_GQL_AST_FRAGMENT:
        put_fragment(printer, definition);
        break;
    case QR_GQL_AST_SCHEMA:
        put_schema(printer, definition);
        break;
    case QR_GQL_AST_DIRECTIVE_DEFINITION:
        put_directive_definition(printer, definition);
        break;
    case QR_GQL_AST_SCALAR_TYPE:
    case QR_GQL_AST_OBJECT_TYPE:
    case QR_GQL_AST_INTERFACE_TYPE:
    case QR_GQL_AST_UNION_TYPE:
    case QR_GQL_AST_ENUM_TYPE:
    case QR_GQL_AST_INPUT_TYPE:
        put_type_definition(printer, definition);
        break;
    }
}

quire_status qr_gql_print_document(struct qr_arena *arena, const struct qr_gql_document *document,
                                   struct qr_gql_str *out, quire_error *err)
{
    struct printer printer = {.indent = 0};
    qr_gql_buffer_init(&printer.buffer, arena, err);
    for (const struct qr_gql_ast_definition *definition = document->first; definition != NULL;
         definition = definition->next) {
        if (definition != document->first) {
            put(&printer, "\n\n");
        }
        put_definition(&printer, definition);
    }
    return qr_gql_buffer_finish(&printer.buffer, out);
}

/* ---- pieces, into a caller's buffer ---- */

void qr_gql_print_value(struct qr_gql_buffer *buffer, const struct qr_gql_ast_value *value)
{
    struct printer printer = {*buffer, 0};
    put_value(&printer, value);
    *buffer = printer.buffer;
}

void qr_gql_print_type(struct qr_gql_buffer *buffer, const struct qr_gql_ast_type *type)
{
    switch (type->kind) {
    case QR_GQL_AST_NAMED:
        qr_gql_buffer_str(buffer, type->name.text);
        break;
    case QR_GQL_AST_LIST_OF:
        qr_gql_buffer_char(buffer, '[');
        qr_gql_print_type(buffer, type->inner);
        qr_gql_buffer_char(buffer, ']');
        break;
    case QR_GQL_AST_NON_NULL:
        qr_gql_print_type(buffer, type->inner);
        qr_gql_buffer_char(buffer, '!');
        break;
    }
}

void qr_gql_print_directives(struct qr_gql_buffer *buffer,
                             const struct qr_gql_ast_directive *directives)
{
    struct printer printer = {*buffer, 0};
    put_directives(&printer, directives);
    *buffer = printer.buffer;
}

void qr_gql_print_block_string(struct qr_gql_buffer *buffer, struct qr_gql_str text, bool minimal)
{
    struct printer printer = {*buffer, 0};
    put_block_string(&printer, text, minimal);
    *buffer = printer.buffer;
}

/* ---- stripping ---- */

quire_status qr_gql_strip(struct qr_arena *arena, const char *text, size_t size,
                          struct qr_gql_report *report, struct qr_gql_str *out, quire_error *err)
{
    struct qr_gql_lexer lexer;
    struct qr_gql_token token;
    struct qr_gql_buffer buffer;
    bool after_word = false;
    *out = (struct qr_gql_str){NULL, 0};
    qr_gql_buffer_init(&buffer, arena, err);
    QR_TRY(qr_gql_lexer_init(&lexer, arena, text, size, report, err));
    for (;;) {
        QR_TRY(qr_gql_lexer_next(&lexer, &token));
        if (token.kind == QR_GQL_TOKEN_EOF) {
            return qr_gql_buffer_finish(&buffer, out);
        }
        bool word = token.kind >= QR_GQL_TOKEN_NAME;
        if (after_word && (word || token.kind == QR_GQL_TOKEN_SPREAD)) {
            qr_gql_buffer_char(&buffer, ' ');
        }
        if (token.kind == QR_GQL_TOKEN_BLOCK_STRING) {
            qr_gql_print_block_string(&buffer, token.value, true);
        } else {
            qr_gql_buffer_bytes(&buffer, text + token.pos.offset, token.end - token.pos.offset);
        }
        after_word = word;
    }
}
