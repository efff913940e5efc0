/*
 * The vectors (vectors.h).
 */
#include "hostile/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define DEEP 300000U /* brackets: far beyond every limit */

const struct vector ordinary_vectors[] = {
    {"ordinary documents", DOCUMENT, 1500, "",
     "query Q$($v: Int = $, $w: [Int!] @d) { a { n s other: f(x: $v, l: $w) ...F$ } b { ... on "
     "Query @include(if: true) { n a { s } } i { n ... on A { q { n } } } } }\n"
     "fragment F$ on Query { s u { __typename ... on B { m } } f(o: {i: $, s: \"text\"}) }\n",
     "", "", ""},
    {"ordinary schemas", SDL, 1200, "type Query { a: T0 }\n",
     "\"What it is.\" type T$ implements I$ { id: ID! name(of: Int = 1, in: In$): "
     "String! next: T$ many: [T$!] }\n interface I$ { id: ID! }\n"
     "enum E$ { ONE TWO }\n input In$ { a: Int = 3 b: [String!] e: E$ = ONE }\n union U$ = T$\n",
     "", "", ""},
    {"ordinary tables", TABLES, 100, "",
     "type T$ { id: ID! name: String! @index born: Int tags: [String!] kind: E$ next: T$ "
     "before: [T$!]! @relation(inverse: \"next\") }\n enum E$ { ONE TWO }\n",
     "", "", ""},
    {"ordinary variables", VARIABLES, 4000, "{\"x\": [1, 2], \"l\": [",
     "{\"i\": $, \"s\": \"text $\", \"e\": \"RED\", \"o\": {\"r\": $, \"d\": [[[[$]]]]}},", "", "",
     "{\"i\": 1}]}"},
    {"ordinary requests", REQUEST, 600, "query {",
     " a$: authors(where: {name: {equals: \"$\"}}, first: 2) { items { id name books { items { "
     "title } } } }",
     "", "", "}"},
};

const struct vector hostile_vectors[] = {
    /* ---- tokens (S4, S23) ---- */
    {"commas", DOCUMENT, 2000000, "{n", ",", "", "", "}"},
    {"comment signs", DOCUMENT, 1000000, "{n", "#\n", "", "", "}"},
    {"one comment", DOCUMENT, 2000000, "{n #", "#", "", "", "\n}"},
    {"line ends", DOCUMENT, 1000000, "{n", "\r\n", "", "", "}"},
    {"byte order marks", DOCUMENT, 600000, "{n", "\xEF\xBB\xBF", "", "", "}"},
    {"names", DOCUMENT, 500000, "{", "n ", "", "", "}"},
    {"one name", DOCUMENT, 2000000, "{", "n", "", "", "}"},
    {"one unknown argument", DOCUMENT, 2000000, "{f(", "n", "", "", ": 1)}"},
    {"one enum value", DOCUMENT, 2000000, "{f(e: ", "R", "", "", ")}"},
    {"one type name", DOCUMENT, 2000000, "query ($v: ", "T", "", "", ") {n}"},
    {"one directive", DOCUMENT, 2000000, "{n @", "d", "", "", "}"},
    {"one number", DOCUMENT, 2000000, "{f(x: ", "9", "", "", ")}"},
    {"one fraction", DOCUMENT, 2000000, "{f(x: 0.", "9", "", "", ")}"},
    {"one exponent", DOCUMENT, 2000000, "{f(x: 1e", "9", "", "", ")}"},
    {"wrong numbers", DOCUMENT, 200000, "{f(l: [", "0.1 ", "", "", "])}"},
    {"one string", DOCUMENT, 2000000, "{f(x: \"", "s", "", "", "\")}"},
    {"escapes", DOCUMENT, 300000, "{f(s: \"", "\\u00e9", "", "", "\")}"},
    {"surrogate pairs", DOCUMENT, 160000, "{f(s: \"", "\\uD83D\\uDE00", "", "", "\")}"},
    {"braced escapes", DOCUMENT, 100000, "{f(s: \"\\u{", "0", "", "", "}\")}"},
    {"block string of blank lines", DOCUMENT, 600000, "{f(s: \"\"\"", "  \n", "", "", "\"\"\")}"},
    {"block string of indents", DOCUMENT, 200000, "{f(s: \"\"\"\n", "    \t  x\n", "", "",
     "\"\"\")}"},
    {"block string of quotes", DOCUMENT, 400000, "{f(s: \"\"\"", "\\\"\"\"", "", "", "\"\"\")}"},
    {"block strings", DOCUMENT, 100000, "{f(l: [", "\"\"\"\n a\n  b\"\"\"", "", "", "])}"},
    {"empty strings", DOCUMENT, 300000, "{f(l: [", "\"\" ", "", "", "])}"},
    {"dots", DOCUMENT, 500000, "{", "...", "", "", "}"},
    {"bytes that are not text", DOCUMENT, 500000, "{n #", "\xC0\x80", "", "", "}"},
    /* ---- depth (S5) ---- */
    {"braces", DOCUMENT, DEEP, "", "{", "", "", ""},
    {"selections", DOCUMENT, DEEP, "{", "a{", "n", "}", "}"},
    {"inline fragments", DOCUMENT, DEEP, "{", "...{", "n", "}", "}"},
    {"inline fragments with types", DOCUMENT, DEEP, "{", "...on Query{", "n", "}", "}"},
    {"parentheses", DOCUMENT, DEEP, "{f", "(", "", "", ""},
    {"lists", DOCUMENT, DEEP, "{f(d: ", "[", "1", "]", ")}"},
    {"objects", DOCUMENT, DEEP, "{f(o: ", "{o:", "1", "}", ")}"},
    {"default values", DOCUMENT, DEEP, "query ($v: In = ", "[{l:", "1", "}]", ") {n}"},
    {"variable types", DOCUMENT, DEEP, "query ($v: ", "[", "Int", "]", ") {n}"},
    {"bangs", DOCUMENT, DEEP, "query ($v: Int", "!", "", "", ") {n}"},
    {"selections within the limit", DOCUMENT, 199, "{", "a{", "n", "}", "}"},
    {"lists within the limit", DOCUMENT, 199, "{f(d: ", "[", "1", "]", ")}"},
    {"objects within the limit", DOCUMENT, 190, "{f(o: ", "{o:", "{}", "}", ")}"},
    {"values of a wrong kind, deep", DOCUMENT, 190, "{f(x: ", "{o:", "{}", "}", ")}"},
    {"nested types", SDL, DEEP, "type Query { f: ", "[", "Int", "]", "}"},
    {"nested defaults", SDL, DEEP, "input A { a: A = ", "{a:", "1", "}", "}"},
    {"nested types within the limit", SDL, 199, "type Query { f: ", "[", "Int", "]", "}"},
    {"nested brackets", VARIABLES, DEEP, "{\"x\":", "[", "1", "]", "}"},
    {"nested members", VARIABLES, DEEP, "{\"o\":", "{\"o\":", "1", "}", "}"},
    {"open brackets", VARIABLES, DEEP, "", "[", "", "", ""},
    {"nested members within the limit", VARIABLES, 198, "{\"o\":", "{\"o\":", "{}", "}", "}"},
    {"nested brackets within the limit", VARIABLES, 198, "{\"d\":", "[", "1", "]", "}"},
    /* ---- repetition (S7, S15) ---- */
    {"aliases", DOCUMENT, 100000, "{", "x$: n ", "", "", "}"},
    {"aliases with selections", DOCUMENT, 60000, "{", "x$: a{n} ", "", "", "}"},
    {"directives", DOCUMENT, 100000, "{n ", "@d(x: $) ", "", "", "}"},
    {"directives that may not repeat", DOCUMENT, 60000, "{n ", "@skip(if: true) ", "", "", "}"},
    {"variables", DOCUMENT, 60000, "query (", "$v$: Int ", "", "", ") {n}"},
    {"variables of one name", DOCUMENT, 100000, "query (", "$v: Int ", "", "", ") {n}"},
    {"variables that are used", DOCUMENT, 40000, "query (", "$v$: Int ", ") {", "x$: f(x: $v$) ",
     "}"},
    {"unknown variables", DOCUMENT, 100000, "{f(l: [", "$v$ ", "", "", "])}"},
    {"unknown fields", DOCUMENT, 100000, "{", "x$ ", "", "", "}"},
    {"unknown arguments", DOCUMENT, 100000, "{f(", "x$: $ ", "", "", ")}"},
    {"arguments of one name", DOCUMENT, 100000, "{f(", "x: $ ", "", "", ")}"},
    {"unknown fields of inputs", DOCUMENT, 100000, "{f(o: {", "x$: $ ", "", "", "})}"},
    {"fields of inputs of one name", DOCUMENT, 100000, "{f(o: {", "i: $ ", "", "", "})}"},
    {"unknown directives", DOCUMENT, 100000, "{n ", "@x$ ", "", "", "}"},
    {"unknown types", DOCUMENT, 60000, "{", "... on X$ {n} ", "", "", "}"},
    {"unknown fragments", DOCUMENT, 60000, "{", "...X$ ", "", "", "}"},
    {"unused fragments", DOCUMENT, 40000, "{n}", "fragment F$ on Query {n}\n", "", "", ""},
    {"fragments of one name", DOCUMENT, 40000, "{...F}", "fragment F on Query {n}\n", "", "", ""},
    {"operations", DOCUMENT, 60000, "", "query Q$ {n}\n", "", "", ""},
    {"operations of one name", DOCUMENT, 60000, "", "query Q {n}\n", "", "", ""},
    {"operations without a name", DOCUMENT, 100000, "", "{n}\n", "", "", ""},
    {"wrong items", DOCUMENT, 100000, "{f(l: [", "{} ", "", "", "])}"},
    {"selections of leaves", DOCUMENT, 60000, "{", "n{n} ", "", "", "}"},
    {"fields without selections", DOCUMENT, 100000, "{", "a ", "", "", "}"},
    {"definitions of types", DOCUMENT, 40000, "{n}", "type T$ {n: Int}\n", "", "", ""},
    {"root fields of a subscription", DOCUMENT, 60000, "subscription {", "x$: n ", "", "", "}"},
    {"impossible spreads", DOCUMENT, 60000, "{u{", "... on Query{n} ", "", "", "}}"},
    /* ---- fields that overlap (S8) ---- */
    {"a field repeated", DOCUMENT, 100000, "{", "a{n} ", "", "", "}"},
    {"a field repeated under one alias", DOCUMENT, 60000, "{", "x: f(x: 1) ", "", "", "}"},
    {"a field with other arguments each time", DOCUMENT, 60000, "{", "f(x: $) ", "", "", "}"},
    {"a field with other selections each time", DOCUMENT, 60000, "{", "a{x$: n} ", "", "", "}"},
    {"one alias for other fields", DOCUMENT, 60000, "{", "x: x$ ", "", "", "}"},
    {"inline fragments repeated", DOCUMENT, 40000, "{", "...{a{n} b{s}} ", "", "", "}"},
    {"inline fragments that differ", DOCUMENT, 30000, "{", "...{a{x$: n} b{s}} ", "", "", "}"},
    {"fields of objects that exclude each other", DOCUMENT, 30000, "{u{",
     "... on A {x: n} ... on B {x: m} ", "", "", "}}"},
    {"pairs at each level", DOCUMENT, 199, "{", "n a{", "n", "} a{n}", "}"},
    {"a long argument deep inside", DOCUMENT, 60000,
     "{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n "
     "a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n a{n f(l: [",
     "$ ", "", "",
     "])} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} "
     "a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} "
     "a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}} a{n}}"},
    {"spreads side by side", DOCUMENT, 20000, "{", "...F$ ", "}",
     "fragment F$ on Query {a{x$: n}}\n", ""},
    {"spreads side by side of equal fields", DOCUMENT, 20000, "{", "...F$ ", "}",
     "fragment F$ on Query {n s a{n b{n s}} b{n}}\n", ""},
    {"spreads side by side that conflict", DOCUMENT, 20000, "{", "...F$ ", "}",
     "fragment F$ on Query {x: f(x: $)}\n", ""},
    {"spreads side by side that conflict inside", DOCUMENT, 20000, "{", "...F$ ", "}",
     "fragment F$ on Query {a{x$: n b{y: f(x: $)}}}\n", ""},
    {"spreads side by side whose last conflicts", DOCUMENT, 20000, "{", "...F$ ",
     "} fragment G on Query {a{n: s}}\n", "fragment F$ on Query {a{x$: n n}}\n", "{...G ...F0}"},
    {"a field repeated whose last conflicts", DOCUMENT, 60000, "{", "x: a{n} ", "x: n", "", "}"},
    {"two ladders", DOCUMENT, 10000, "{...F0 ...G0}",
     "fragment F$ on Query {a{n ...F^}} fragment G$ on Query {a{n ...G^}}\n",
     "fragment F$ on Query {n} fragment G$ on Query {n}", "", ""},
    {"two ladders that conflict", DOCUMENT, 10000, "{...F0 ...G0}",
     "fragment F$ on Query {a{n ...F^}} fragment G$ on Query {a{n ...G^}}\n",
     "fragment F$ on Query {x: n} fragment G$ on Query {x: s}", "", ""},
    {"diamonds of fragments", DOCUMENT, 10000, "{...F0 ...G0}",
     "fragment F$ on Query {x$: n ...F^ ...G^} fragment G$ on Query {y$: n ...G^ ...F^}\n",
     "fragment F$ on Query {n} fragment G$ on Query {n}", "", ""},
    {"diamonds of fragments that nest", DOCUMENT, 10000, "{...F0 ...G0}",
     "fragment F$ on Query {a{x$: n ...F^ ...G^}} fragment G$ on Query {a{y$: n ...G^ ...F^}}\n",
     "fragment F$ on Query {n} fragment G$ on Query {n}", "", ""},
    {"a chain entered at each link", DOCUMENT, 10000, "{", "x$: a{...F$} ", "}",
     "fragment F$ on Query {y$: n ...F^}\n", "fragment F$ on Query {n}"},
    {"a chain behind a field each time", DOCUMENT, 10000, "{", "x$: a{z$: n ...F0} ", "}",
     "fragment F$ on Query {y$: n ...F^}\n", "fragment F$ on Query {n}"},
    {"operations that share a chain", DOCUMENT, 10000, "",
     "query Q$ {x$: n ...F0} fragment F$ on Query {y$: n ...F^}\n", "fragment F$ on Query {n}", "",
     ""},
    {"unused fragments that share a chain", DOCUMENT, 10000, "{...F0}",
     "fragment G$ on Query {x$: n ...F0} fragment F$ on Query {y$: n ...F^}\n",
     "fragment F$ on Query {n}", "", ""},
    {"arguments in another order", DOCUMENT, 60000, "{f(", "x$: $ ", ") f(", "x$: $ ", ")}"},
    {"members in another order", DOCUMENT, 60000, "{f(o: {", "x$: $ ", "}) f(o: {", "x$: $ ",
     "})}"},
    {"a long argument that is repeated", DOCUMENT, 60000, "{x: f(l: [", "$ ", "]) ", "x: f ",
     "x: f(l: [1])}"},
    {"a field of one interface and its objects", DOCUMENT, 20000, "{i{",
     "i{x$: n} ... on A{i{y$: n}} ... on B{i{z$: n}} ", "", "", "}}"},
    {"fields of one interface and its objects, deep", DOCUMENT, 60, "{i{",
     "n ... on A{i{a$: n}} ... on B{i{b$: n}} i{", "n", "}", "}}"},
    {"choices of objects at each level", DOCUMENT, 3000, "{i{...F0}}",
     "fragment F$ on I{i{...F^} ...on A{i{...G$}} ...on B{i{...H$}}} "
     "fragment G$ on I{i{x$: n ...G$}} fragment H$ on I{i{y$: n ...H$}}\n",
     "fragment F$ on I{n}", "", ""},
    {"differing arguments in objects that exclude each other", DOCUMENT, 30000, "{i{",
     "... on A{x: f(x: $)} ... on B{x: f(x: 1)} ", "", "", "}}"},
    /* ---- fragments (S6, S9) ---- */
    {"a chain of fragments", DOCUMENT, 20000, "{...F0}", "fragment F$ on Query {...F^}\n",
     "fragment F$ on Query {n}", "", ""},
    {"a chain of fragments that nest", DOCUMENT, 20000, "{...F0}",
     "fragment F$ on Query {n a{...F^}}\n", "fragment F$ on Query {n}", "", ""},
    {"a chain of a thousand fragments", DOCUMENT, 1000, "{...F0}", "fragment F$ on Query {...F^}\n",
     "fragment F$ on Query {n}", "", ""},
    {"fragments that fan out", DOCUMENT, 20000, "{...F0}",
     "fragment F$ on Query {a{...F^} b{...F^}}\n", "fragment F$ on Query {n}", "", ""},
    {"fragments that fan out to 2^30", DOCUMENT, 30, "{...F0}",
     "fragment F$ on Query {x:a{...F^} y:a{...F^}}\n", "fragment F$ on Query {n}", "", ""},
    {"fragments that fan out and differ", DOCUMENT, 10000, "{...F0}",
     "fragment F$ on Query {a{...F^ x$:n} a{...F^ n}}\n", "fragment F$ on Query {n}", "", ""},
    {"fragments that fan out in a subscription", DOCUMENT, 10000, "subscription{...F0}",
     "fragment F$ on Subscription {...F^ ...F^ n}\n", "fragment F$ on Subscription {n}", "", ""},
    {"fragments that fan out in introspection", DOCUMENT, 10000, "{__type(name: \"A\") {...F0}}",
     "fragment F$ on __Type {x:ofType{...F^} y:ofType{...F^} fields{name type{...F^}}}\n",
     "fragment F$ on __Type {name}", "", ""},
    {"fragments that contain themselves", DOCUMENT, 20000, "{...F0}",
     "fragment F$ on Query {...F$ n}\n", "", "", ""},
    {"pairs of fragments that contain each other", DOCUMENT, 20000, "{...F0}",
     "fragment F$ on Query {...G$} fragment G$ on Query {...F$ ...F^}\n",
     "fragment F$ on Query {n}", "", ""},
    {"fragments that all lead to the first", DOCUMENT, 20000, "{...F0}",
     "fragment F$ on Query {...F0 ...F^}\n", "fragment F$ on Query {n}", "", ""},
    {"many operations over one chain", DOCUMENT, 3000, "query ($v: Int) {...F0}",
     "query Q$($v: Int) {...F0} fragment F$ on Query {...F^ f(x: $v)}\n", "", "", ""},
    /* ---- schemas ---- */
    {"types", SDL, 60000, "type Query {a: Int}\n", "type T$ {a: Int}\n", "fragment F$ on Query {n}",
     "", ""},
    {"types of one name", SDL, 60000, "type Query {a: Int}\n", "type T {a: Int}\n", "", "", ""},
    {"fields", SDL, 100000, "type Query {", "f$: Int\n", "", "", "}"},
    {"fields of one name", SDL, 100000, "type Query {", "f: Int\n", "", "", "}"},
    {"fields of unknown types", SDL, 60000, "type Query {", "f$: T$\n", "", "", "}"},
    {"arguments", SDL, 60000, "type Query {f(", "x$: Int = $\n", "", "", "): Int}"},
    {"enum values", SDL, 100000, "enum E {", "V$ ", "", "", "} type Query {a: E}"},
    {"enum values of one name", SDL, 100000, "enum E {", "V ", "", "", "} type Query {a: E}"},
    {"members of a union", SDL, 30000, "type Query {a: U} union U = Query", "| T$ ", "",
     "type T$ {a: Int}\n", ""},
    {"members of a union, one repeated", SDL, 100000, "type Query {a: U} union U = Query",
     "| Query ", "", "", ""},
    {"fields of inputs", SDL, 60000, "type Query {f(x: In): Int} input In {", "x$: Int = $ ", "",
     "", "}"},
    {"inputs in a ring", SDL, 20000, "type Query {a: Int}\n", "input A$ {a: A^!}\n", "", "",
     "input A$ {a: A0!}"},
    {"inputs in a fan", SDL, 20000, "type Query {a: Int}\n", "input A$ {a: A^! b: A^!}\n", "", "",
     "input A$ {a: A0! b: A0!}"},
    {"inputs of oneself", SDL, 20000, "type Query {a: Int}\n", "input A$ {a: A$!}\n", "", "", ""},
    {"defaults in a chain", SDL, 20000, "type Query {a: Int}\n", "input A$ {a: A^ = {}}\n", "", "",
     "input A$ {a: A0 = {}}"},
    {"defaults in a fan", SDL, 10000, "type Query {a: Int}\n", "input A$ {a: A^ = {} b: A^ = {}}\n",
     "", "", "input A$ {a: Int}"},
    {"defaults in a fan within the limit", SDL, 200, "type Query {f(x: A0 = {}): Int}\n",
     "input A$ {a: A^ = {} b: A^ = {}}\n", "", "", "input A$ {a: Int}"},
    {"defaults of oneself", SDL, 20000, "type Query {a: Int}\n",
     "input A$ {a: A$ = {a: {a: {}}}}\n", "", "", ""},
    {"interfaces in a ring", SDL, 20000, "type Query {a: Int}\n",
     "interface I$ implements I^ {a: Int}\n", "", "", "interface I$ implements I0 {a: Int}"},
    {"interfaces of oneself", SDL, 20000, "type Query {a: Int}\n",
     "interface I$ implements I$ {a: Int}\n", "", "", ""},
    {"implementations", SDL, 20000, "type Query {a: I} interface I {a: Int b: Int c: Int}\n",
     "type T$ implements I {a: Int b: Int c: Int}\n", "", "", ""},
    {"interfaces of one type", SDL, 5000, "type Query {a: T}\n", "interface I$ {a: Int}\n",
     "type T implements ", "& I$ ", "{a: Int}"},
    {"interfaces of one type, one repeated", SDL, 60000,
     "interface I {a: Int} type Query implements ", "& I ", "", "", "{a: Int}"},
    {"directives in a ring", SDL, 20000, "type Query {a: Int}\n",
     "directive @d$(x: Int @d^) on ARGUMENT_DEFINITION\n", "", "",
     "directive @d$(x: Int @d0) on ARGUMENT_DEFINITION"},
    {"directives of oneself", SDL, 20000, "type Query {a: Int}\n",
     "directive @d$(x: Int @d$) on ARGUMENT_DEFINITION\n", "", "", ""},
    {"directives through inputs", SDL, 20000, "type Query {a: Int}\n",
     "directive @d$(x: A$) on INPUT_FIELD_DEFINITION input A$ {a: Int @d^}\n", "", "", ""},
    {"directives on one type", SDL, 60000, "directive @d repeatable on OBJECT type Query ", "@d ",
     "", "", "{a: Int}"},
    {"unknown directives of a schema", SDL, 60000, "type Query ", "@d$ ", "", "", "{a: Int}"},
    {"locations of a directive", SDL, 100000, "type Query {a: Int} directive @d on ", "| FIELD ",
     "", "", ""},
    {"extensions of one type", SDL, 40000, "type Query {a: Int}\n", "extend type Query {f$: Int}\n",
     "", "", ""},
    {"extensions with the same field", SDL, 40000, "type Query {a: Int}\n",
     "extend type Query {f: Int}\n", "", "", ""},
    {"extensions of unknown types", SDL, 40000, "type Query {a: Int}\n",
     "extend type T$ {f: Int}\n", "", "", ""},
    {"extensions of the schema", SDL, 40000, "type Query {a: Int}\n", "extend schema @d$\n", "", "",
     ""},
    {"schemas", SDL, 40000, "type Query {a: Int}\n", "schema {query: Query}\n", "", "", ""},
    {"a long default", SDL, 100000, "type Query {f(x: [Int] = [", "$ ", "", "", "]): Int}"},
    {"a default of unknown fields", SDL, 60000, "input In {a: Int} type Query {f(x: In = {",
     "x$: $ ", "", "", "}): Int}"},
    {"a long description", SDL, 200000, "\"\"\"", "  line \n", "", "",
     "\"\"\" type Query {a: Int}"},
    {"reserved names", SDL, 40000, "type Query {a: Int}\n", "type __T$ {a: Int}\n", "", "", ""},
    /* ---- schemas that become tables ---- */
    {"relations of one table", TABLES, 400, "type A {id: ID!", " r$: B", "",
     " r$: A @relation(inverse: \"r$\")", "} type B {id: ID!}"},
    {"columns of one table", TABLES, 1500, "type A {id: ID!", " c$: Int", "", "", "}"},
    {"enums of one table", TABLES, 1000, "type A {id: ID!", " e$: E$", "} enum E$ {A}",
     " enum E$ {A B}", ""},
    {"lists of enums", TABLES, 400, "", "type A$ {id: ID! e: [E$]} enum E$ {A B}\n", "", "", ""},
    {"references to one table", TABLES, 200, "type A {id: ID!}", "type B$ {id: ID! a: A!}\n", "",
     "", ""},
    {"lists of one table", TABLES, 200, "type A {id: ID! ", "b$: [B$!]! ", "}",
     "type B$ {id: ID! a: A}\n", ""},
    {"computed columns", TABLES, 600, "type A {id: ID! a: Int ",
     "c$: Int @computed(expr: \"a + $\") ", "", "", "}"},
    {"computed columns of each other", TABLES, 600, "type A {id: ID! c0: Int ",
     "c^: Int @computed(expr: \"c$ + 1\") ", "", "", "}"},
    {"a deep formula", TABLES, 20000, "type A {id: ID! a: Int c: Int @computed(expr: \"", "(", "a",
     ")", "\")}"},
    {"a long formula", TABLES, 20000, "type A {id: ID! a: Int c: Int @computed(expr: \"a", "+a", "",
     "", "\")}"},
    {"a long pattern", TABLES, 20000, "type A {id: ID! a: String @constraint(pattern: \"", "(a|b)*",
     "", "", "\")}"},
    {"views of one table", TABLES, 100, "type A {id: ID! n: Int}\n",
     "type V$ @view(table: \"A\", where: {n: {gt: $}}) {id: ID! n: Int}\n", "", "", ""},
    {"a condition of a view", TABLES, 3000,
     "type A {id: ID! n: Int} type V @view(table: \"A\", where: "
     "{OR: [",
     "{n: {equals: $}} ", "", "", "]}) {id: ID! n: Int}"},
    {"a deep condition of a view", TABLES, 60,
     "type A {id: ID! n: Int} type V @view(table: \"A\", where: ", "{NOT: ", "{n: {equals: 1}}",
     "}", ") {id: ID! n: Int}"},
    {"rules of one table", TABLES, 300, "type A @auth(rules: [",
     "{allow: SIGNED_IN, where: {n: {equals: $}}} ", "", "", "]) {id: ID! n: Int}"},
    {"triggers of one table", TABLES, 300, "type A ",
     "@trigger(on: [CREATE], mutation: \"mutation { updateAs(allRows: true, input: {n: $}) { "
     "affectedRows } }\") ",
     "", "", "{id: ID! n: Int}"},
    {"tables in a ring", TABLES, 200, "", "type A$ {id: ID! a: A^}\n", "", "",
     "type A$ {id: ID! a: A0}"},
    {"relations that cannot be told apart", TABLES, 300, "type A {id: ID!", " r$: [B!]!", "", "",
     "} type B {id: ID! a: A}"},
    {"indexes of one table", TABLES, 60, "type A ", "@index(fields: [\"a\", \"b\"], name: \"i$\") ",
     "", "", "{id: ID! a: Int b: Int}"},
    {"unknown tables", TABLES, 3000, "type A {id: ID!", " r$: X$", "", "", "}"},
    /* ---- variables (S13, S23, S27) ---- */
    {"items", VARIABLES, 300000, "{\"x\":[", "$,", "", "", "1]}"},
    {"wrong items of a list", VARIABLES, 200000, "{\"x\":[", "\"a\",", "", "", "1]}"},
    {"objects of a list", VARIABLES, 100000, "{\"l\":[", "{},", "", "", "{}]}"},
    {"nulls of a list", VARIABLES, 200000, "{\"l\":[", "null,", "", "", "{}]}"},
    {"unknown members", VARIABLES, 60000, "{\"o\":{", "\"x$\":$,", "", "", "\"i\":1}}"},
    {"members of one name", VARIABLES, 100000, "{\"o\":{", "\"i\":$,", "", "", "\"i\":1}}"},
    {"unknown variables", VARIABLES, 60000, "{", "\"v$\":$,", "", "", "\"s\":\"\"}"},
    {"one long text", VARIABLES, 2000000, "{\"s\":\"", "s", "", "", "\"}"},
    {"one long text for an enum", VARIABLES, 2000000, "{\"e\":\"", "R", "", "", "\"}"},
    {"one long text for a number", VARIABLES, 2000000, "{\"x\":[\"", "R", "", "", "\"]}"},
    {"one long member", VARIABLES, 2000000, "{\"o\":{\"", "i", "", "", "\":1}}"},
    {"one long number", VARIABLES, 2000000, "{\"x\":[", "9", "", "", "]}"},
    {"escapes of a text", VARIABLES, 300000, "{\"s\":\"", "\\u0000", "", "", "\"}"},
    {"pairs of escapes", VARIABLES, 160000, "{\"s\":\"", "\\ud83d\\ude00", "", "", "\"}"},
    {"white space", VARIABLES, 2000000, "{\"s\":", " ", "", "", "\"\"}"},
    {"all fields of a OneOf", VARIABLES, 100000, "{\"one\":{", "\"x$\":1,", "", "",
     "\"i\":1,\"s\":\"\"}}"},
    {"wrong members in deep objects", VARIABLES, 190, "{\"o\":", "{\"x$\":1,\"o\":", "{}", "}",
     "}"},
    /* ---- requests of a database (S10) ---- */
    {"conditions side by side", REQUEST, 2000, "{authors(where: {OR: [", "{name: {equals: \"$\"}} ",
     "", "", "]}) {totalCount}}"},
    {"conditions inside each other", REQUEST, 90, "{authors(where: ", "{NOT: {AND: [",
     "{name: {equals: \"a\"}}", "]}}", ") {totalCount}}"},
    {"conditions across relations", REQUEST, 45, "{authors(where: ",
     "{books: {some: {author: {is: ", "{name: {equals: \"a\"}}", "}}}}", ") {totalCount}}"},
    {"values of one condition", REQUEST, 60000, "{authors(where: {id: {in: [", "\"$\" ", "", "",
     "]}}) {totalCount}}"},
    {"orders", REQUEST, 20000, "{authors(orderBy: [", "{name: ASC} ", "", "", "]) {items {id}}}"},
    {"connections under aliases", REQUEST, 2000, "{", "x$: authors {totalCount} ", "", "", "}"},
    {"relations inside each other", REQUEST, 60, "{authors {",
     "items {books {items {author {id books {", "totalCount", "}}}}}", "}}"},
    {"rows created together", REQUEST, 3000, "mutation {createAuthors(inputs: [",
     "{id: \"$\", name: \"n\"} ", "", "", "]) {affectedRows}}"},
    {"rows created one by one", REQUEST, 1000, "mutation {",
     "x$: createAuthor(input: {name: \"n\"}) {id} ", "", "", "}"},
    {"rows created inside each other", REQUEST, 60, "mutation {createAuthor(input: ",
     "{name: \"n\", books: {create: [{title: \"t\", author: {create: ", "{name: \"n\"}", "}}]}}",
     ") {id}}"},
    {"aliases of items", REQUEST, 3000, "{authors {",
     "x$: items(where: {name: {equals: \"$\"}}) {id} ", "", "", "}}"},
    {"aggregates under aliases", REQUEST, 3000, "{authors {", "x$: aggregate {count} ", "", "",
     "}}"},
    {"inputs of a bulk write with links", REQUEST, 2000, "mutation {createAuthors(inputs: [",
     "{name: \"n\", books: {create: [{title: \"t\"}]}} ", "", "", "]) {affectedRows}}"},
    {"links to one row", REQUEST, 5000,
     "mutation {createBook(input: {title: \"t\", genres: {create: [", "{name: \"$\"} ", "", "",
     "]}}) {id}}"},
    {"the same link", REQUEST, 5000,
     "mutation {createGenre(input: {name: \"g\"}) {name} createBook(input: {title: \"t\", genres: "
     "{connect: [",
     "{name: \"g\"} ", "", "", "]}}) {id}}"},
    {"distinct fields", REQUEST, 5000, "{authors(distinct: [", "name ", "", "", "]) {totalCount}}"},
    {"elements of a list column", REQUEST, 20000,
     "mutation {createAuthor(input: {name: \"n\", tags: [", "\"$\" ", "", "", "]}) {id}}"},
    {"conditions on lists", REQUEST, 20000, "{authors(where: {tags: {hasEvery: [", "\"$\" ", "", "",
     "]}}) {totalCount}}"},
    {"keys of groups", REQUEST, 5000, "{authors {groupBy(by: [", "{name: VALUE} ", "", "",
     "]) {count}}}"},
    {"a filter of long patterns", REQUEST, 100000, "{authors(where: {name: {like: \"", "%a", "", "",
     "\"}}) {totalCount}}"},
    {"fragments that fan out over tables", REQUEST, 40, "{authors{items{...F0}}}",
     "fragment F$ on Author {x: books{items{author{...F^}}} y: books{items{author{...F^}}}}\n",
     "fragment F$ on Author {id}", "", ""},
};

const size_t hostile_vector_count = sizeof hostile_vectors / sizeof hostile_vectors[0];

/* Whether a character stands for a number: $ before a letter begins a variable. */
static bool is_number(const char *c)
{
    return *c == '^' || (*c == '$' && (c[1] < 'a' || c[1] > 'z'));
}

/* Puts a piece at `out`, with its number put in, and gives its size; NULL: only the size. */
static size_t put_piece(char *out, const char *piece, unsigned number)
{
    size_t size = 0;
    for (const char *c = piece; *c != '\0'; c++) {
        char digits[12];
        int count = 1;
        if (is_number(c)) {
            count = snprintf(digits, sizeof digits, "%u", number + (*c == '^'));
        }
        if (out != NULL) {
            memcpy(out + size, is_number(c) ? digits : c, (size_t)count);
        }
        size += (size_t)count;
    }
    return size;
}

static size_t put_vector(char *out, const struct vector *vector, unsigned count)
{
    size_t size = strlen(vector->head);
    if (out != NULL) {
        memcpy(out, vector->head, size);
    }
    for (unsigned i = 0; i < count; i++) {
        size += put_piece(out == NULL ? NULL : out + size, vector->piece, i);
    }
    size += put_piece(out == NULL ? NULL : out + size, vector->middle, count);
    for (unsigned i = count; i > 0; i--) {
        size += put_piece(out == NULL ? NULL : out + size, vector->close, i - 1);
    }
    return size + put_piece(out == NULL ? NULL : out + size, vector->tail, count);
}

char *vector_text(const struct vector *vector, unsigned count)
{
    size_t size = put_vector(NULL, vector, count);
    char *text = malloc(size + 1);
    cr_assert_not_null(text);
    (void)put_vector(text, vector, count);
    text[size] = '\0';
    return text;
}
