/*
 * CSV and JSON lines as inputs of the loader.
 */
#include "load_fixture.h"

#include <string.h>

static const char sdl[] =
    "enum Color { RED BLUE }\n"
    "scalar Any\n"
    "type Thing { id: ID! text: String @default(value: \"none\") number: Int\n"
    "  big: BigInt real: Float yes: Boolean color: Color any: Any\n"
    "  words: [String] next: Thing tags: [Tag!]! }\n"
    "type Tag { name: String! @id rank: Int @unique }\n";

static void load_as(const quire_load_options *options, const struct input *inputs,
                    const char *query, const char *expected)
{
    static const size_t pieces[] = {0, 1, 2, 7};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        uint64_t rows;
        quire_db *db = open_db(":memory:", NULL);
        apply_schema(db, sdl);
        OK(load_with(db, options, inputs, pieces[i], &rows, &err));
        expect_answer(db, query, expected);
        close_db(db);
    }
}

Test(load_csv, cells__become_what_their_fields_store)
{
    load_as(
        NULL,
        INPUTS({"dir/Thing.csv", "id,number,big,real,yes,color,any,words,next,tags\r\n"
                                 "a,-7,9223372036854775807,1.5e3,true,RED,"
                                 "\"{\"\"x\"\":[1,null]}\",\"[\"\"p,q\"\",null]\",b,"
                                 "\"[\"\"t\"\",\"\"u\"\"]\"\r\n"
                                 "b,0,-9223372036854775808,2,false,BLUE,\"\"\"s\"\"\",[],a,[]\n"},
               {"Tag.csv", "name\nt\nu"}),
        "{ things { items { id number big real yes color any words next { id } "
        "tags { items { name } } } } }",
        "{\"things\":{\"items\":[{\"id\":\"a\",\"number\":-7,\"big\":\"9223372036854775807\","
        "\"real\":1500,\"yes\":true,\"color\":\"RED\",\"any\":{\"x\":[1,null]},"
        "\"words\":[\"p,q\",null],\"next\":{\"id\":\"b\"},"
        "\"tags\":{\"items\":[{\"name\":\"t\"},{\"name\":\"u\"}]}},"
        "{\"id\":\"b\",\"number\":0,\"big\":\"-9223372036854775808\",\"real\":2,\"yes\":false,"
        "\"color\":\"BLUE\",\"any\":\"s\",\"words\":[],\"next\":{\"id\":\"a\"},"
        "\"tags\":{\"items\":[]}}]}}");
}

Test(load_csv, empty_cell__is_null_and_quotes_are_the_empty_text)
{
    load_as(NULL,
            INPUTS({"Thing.csv",
                    "\xEF\xBB\xBFid,text\r\n\r\na,\r\nb,\"\"\r\nc,\"say \"\"x\"\",\r\ny\""}),
            "{ things { items { id text } } }",
            "{\"things\":{\"items\":[{\"id\":\"a\",\"text\":null},{\"id\":\"b\",\"text\":\"\"},"
            "{\"id\":\"c\",\"text\":\"say \\\"x\\\",\\r\\ny\"}]}}");
}

/* No byte of text was read before it: not in the record either. */
Test(load_csv, record_of_empty_cells__may_be_the_first)
{
    load_as(NULL, INPUTS({"Tag.csv", "name,rank\n\"\",\nb,2"}), "{ tags { items { name rank } } }",
            "{\"tags\":{\"items\":[{\"name\":\"\",\"rank\":null},{\"name\":\"b\",\"rank\":2}]}}");
}

Test(load_csv, absent_column__has_its_default)
{
    load_as(NULL, INPUTS({"Thing.csv", "id\na\n"}), "{ things { items { text } } }",
            "{\"things\":{\"items\":[{\"text\":\"none\"}]}}");
}

Test(load_csv, type_option__takes_any_name_and_format)
{
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    options.type = "Tag";
    options.format = QUIRE_LOAD_CSV;
    load_as(&options, INPUTS({"data.txt", "name,rank\nt,1\n"}, {"more", "name\nu\n"}),
            "{ tags { items { name rank } } }",
            "{\"tags\":{\"items\":[{\"name\":\"t\",\"rank\":1},{\"name\":\"u\",\"rank\":null}]}}");
    options.format = QUIRE_LOAD_JSON;
    load_as(&options, INPUTS({"a", "[{\"name\": \"t\"}]"}, {"b", "{\"name\": \"u\"}"}),
            "{ tags { items { name } } }",
            "{\"tags\":{\"items\":[{\"name\":\"t\"},{\"name\":\"u\"}]}}");
}

Test(load_csv, mapping__reads_records_as_elements)
{
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    options.mapping = "{\"rules\": [{\"type\": \"Thing\", \"fields\": {\"id\": \"{Kind}-{No}\","
                      " \"number\": \"{No|before(!)}\", \"color\": {\"from\": \"Kind\","
                      " \"values\": {\"r\": \"RED\", \"b\": \"BLUE\"}}}}]}";
    load_as(&options, INPUTS({"x.csv", "Kind,No\nr,1!\nb,2!\n"}),
            "{ things { items { id number color } } }",
            "{\"things\":{\"items\":[{\"id\":\"r-1!\",\"number\":1,\"color\":\"RED\"},"
            "{\"id\":\"b-2!\",\"number\":2,\"color\":\"BLUE\"}]}}");
}

Test(load_csv, text_that_does_not_fit__is_refused_with_its_place)
{
#define REFUSE(text, status, line, column, says)                                                   \
    REFUSED(sdl, NULL, INPUTS({"Thing.csv", text}), status, "Thing.csv", line, column, says)
    REFUSE("id,number\na,x1\n", QUIRE_DATA, 2, 3, "Thing.number: \"x1\" is not a number.");
    REFUSE("id,number\na,01\n", QUIRE_DATA, 2, 3, "is not a number");
    REFUSE("id,number\na,1.\n", QUIRE_DATA, 2, 3, "is not a number");
    REFUSE("id,number\na,1e\n", QUIRE_DATA, 2, 3, "is not a number");
    REFUSE("id,number\na,1.5\n", QUIRE_DATA, 2, 3, "Thing.number");
    REFUSE("id,yes\na,TRUE\n", QUIRE_DATA, 2, 3, "is not true or false");
    REFUSE("id,color\na,GREEN\n", QUIRE_DATA, 2, 3, "Thing.color");
    REFUSE("id,any\na,{\n", QUIRE_SYNTAX, 2, 3, "Thing.any holds JSON");
    REFUSE("id,words\na,p\n", QUIRE_SYNTAX, 2, 3, "Thing.words holds JSON");
    REFUSE("id,next\na,zz\n", QUIRE_FOREIGN_KEY, 2, 3, "refers to \"zz\"");
    REFUSE("id,tags\na,\"[\"\"zz\"\"]\"\n", QUIRE_FOREIGN_KEY, 2, 3, "refers to \"zz\"");
    REFUSE("id\n\na\n\"b\"\na\n", QUIRE_UNIQUE, 5, 1, "exists already");
    REFUSE("text,id\nx,\n", QUIRE_NOT_NULL, 2, 3, "Thing.id is required");
    REFUSE("id,txt\na,b\n", QUIRE_DATA, 2, 3, "no field \"txt\"");
    REFUSE("id,text\na,b,c\n", QUIRE_DATA, 2, 1, "2 columns, but this record has 3 cells");
    REFUSE("id,text\n\"a\n\nb\",\"c\"\nd\n", QUIRE_DATA, 5, 1, "this record has 1 cells");
    REFUSE("id,text,id\n", QUIRE_DATA, 1, 9, "twice");
    REFUSE("id,,text\n", QUIRE_DATA, 1, 4, "no name");
    REFUSE("", QUIRE_DATA, 1, 1, "no header");
    char wide[4200] = "id"; /* and 4,096 commas: a cell too many */
    memset(wide + 2, ',', 4096);
    wide[4098] = '\n';
    REFUSE(wide, QUIRE_LIMIT, 1, 4099, "more than 4,096 cells");
    REFUSE("id\na\"b\n", QUIRE_SYNTAX, 2, 2, "quotes");
    REFUSE("id\n\"a\"b\n", QUIRE_SYNTAX, 2, 4, "closing quotes");
    REFUSE("id,text\na,\"b\n", QUIRE_SYNTAX, 2, 3, "not closed");
    REFUSE("id\ra\n", QUIRE_SYNTAX, 1, 4, "carriage return");
    REFUSE("id,text\n\xC3\xA4,\xC3\xA4,\xC3\n", QUIRE_SYNTAX, 2, 5, "UTF-8");
    REFUSED(sdl, NULL, INPUTS({"data.csv", "id\na\n"}), QUIRE_DATA, "data.csv", 0, 0,
            "name the file after it");
}

Test(load_lines, lines_name_types_or_the_file_does)
{
    load_as(NULL,
            INPUTS({"all.jsonl", "{\"Tag\": {\"name\": \"t\"}}\n{\"Thing\": {\"id\": \"a\","
                                 " \"tags\": [\"t\", \"u\"]}}\n{\"Tag\": [{\"name\": \"u\"},"
                                 " {\"name\": \"v\"}]}"},
                   {"Tag.ndjson", "{\"name\": \"w\"}\n\n{\"name\": \"x\"}\n"}, {"Tag.jsonl", ""}),
            "{ tags { items { name } } things { items { tags { items { name } } } } }",
            "{\"tags\":{\"items\":[{\"name\":\"t\"},{\"name\":\"u\"},{\"name\":\"v\"},"
            "{\"name\":\"w\"},{\"name\":\"x\"}]},\"things\":{\"items\":[{\"tags\":{\"items\":["
            "{\"name\":\"t\"},{\"name\":\"u\"}]}}]}}");
}

Test(load_lines, mapping__reads_each_value)
{
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    options.mapping = "{\"rules\": [{\"list\": \"data.tags\", \"type\": \"Tag\","
                      " \"fields\": {\"name\": \"n\"}}]}";
    load_as(&options,
            INPUTS({"x.jsonl", "{\"data\": {\"tags\": [{\"n\": \"a\"}]}}\n{\"other\": 1}\n"
                               "{\"data\": {\"tags\": {\"n\": \"b\"}}}\n[]\n"}),
            "{ tags { items { name } } }",
            "{\"tags\":{\"items\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}");
}

Test(load_lines, line_that_does_not_fit__is_refused_with_its_place)
{
    REFUSED(sdl, NULL, INPUTS({"Tag.jsonl", "{\"name\": \"a\"}\n{\"name\": 7}\n"}), QUIRE_DATA,
            "Tag.jsonl", 2, 10, "Tag.name");
    REFUSED(sdl, NULL, INPUTS({"x.jsonl", "{\"Tag\": {\"name\": \"a\"}}\n{\"Tug\": {}}\n"}),
            QUIRE_DATA, "x.jsonl", 2, 2, "no type \"Tug\"");
    REFUSED(sdl, NULL, INPUTS({"Tag.jsonl", "{\"name\": \"a\"}\n{\"name\""}), QUIRE_SYNTAX,
            "Tag.jsonl", 2, 8, "not JSON");
}
