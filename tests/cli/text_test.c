/*
 * The command's two looks at text.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"

static void expect_pretty(const char *json, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cr_assert_not_null(out);
    command_write_pretty(out, json, strlen(json));
    cr_assert_eq(fclose(out), 0);
    cr_assert_str_eq(text, expected);
    free(text);
}

Test(pretty, text__is_indented_by_two_spaces_a_level)
{
    expect_pretty("{\"a\":[1,{\"b\":null}]}",
                  "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ]\n}\n");
}

Test(pretty, empty_containers__stay_on_one_line)
{
    expect_pretty("{\"a\":[ ],\"b\":{\n}}", "{\n  \"a\": [],\n  \"b\": {}\n}\n");
}

Test(pretty, strings__keep_their_brackets_and_escapes)
{
    expect_pretty("[\"{,:\\\"]\"]", "[\n  \"{,:\\\"]\"\n]\n");
}

Test(pretty, cut_text__ends)
{
    expect_pretty("{\"a", "{\n  \"a\n");
    expect_pretty("]]", "\n]\n]\n");
    expect_pretty("\"\\", "\"\\\n");
    expect_pretty("", "\n");
}

static bool has_mutation(const char *document)
{
    return command_has_mutation(document, strlen(document));
}

Test(mutation, definitions__are_seen)
{
    cr_assert(has_mutation("mutation { a }"));
    cr_assert(has_mutation("query A { a } mutation B($x: Int = 1) @d { b }"));
    cr_assert(has_mutation("# a comment\rmutation{a}"));
    cr_assert(has_mutation("\"\"\"about \\\"\"\" it\"\"\" mutation { a }"));
}

Test(mutation, other_uses_of_the_word__are_not)
{
    cr_assert_not(has_mutation("{ mutation }"));
    cr_assert_not(has_mutation("query ($mutation: Int) { a(mutation: \"mutation\") }"));
    cr_assert_not(has_mutation("# mutation\n{ a }"));
    cr_assert_not(has_mutation("\"mutation \\\" mutation\" { a }"));
    cr_assert_not(has_mutation("\"\"\" mutation \"\"\" query { a }"));
    cr_assert_not(has_mutation("query mutations { a }"));
}

Test(mutation, cut_text__ends)
{
    cr_assert_not(has_mutation(""));
    cr_assert_not(has_mutation("\"\"\"mutation"));
    cr_assert_not(has_mutation("\"mutation\\"));
    cr_assert_not(has_mutation("# mutation"));
    cr_assert_not(has_mutation("{{{ mutation"));
}
