/*
 * Tables of rates and of counts; see graphql_report.h.
 */
#include "graphql_report.h"

#include <stdio.h>

#include "graphql_data.h"

static void print_rate(double rate, bool markdown)
{
    if (rate <= 0) {
        printf(markdown ? " |" : " %12s", "-");
    } else {
        printf(markdown ? " %.0f |" : " %12.0f", rate);
    }
}

static void print_rates(const struct graphql_result *results, bool m)
{
    static const char *const names[GRAPHQL_SIDES] = {"quire", "prepared", "graphql-jit",
                                                     "graphql-js"};
    printf(m ? "| |" : "%-6s", "");
    for (size_t s = 0; s < GRAPHQL_SIDES; s++) {
        printf(m ? " %s |" : " %12s", names[s]);
    }
    printf(m ? " of graphql-jit | p99, us: quire | graphql-jit | graphql-js |\n"
               "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
             : " of graphql-jit   p99, us: quire, graphql-jit, graphql-js\n");
    for (size_t q = 0; q < graphql_query_count; q++) {
        const struct graphql_result *r = &results[q];
        if (!r->measured) {
            continue;
        }
        printf(m ? "| %s |" : "%-6s", graphql_queries[q].name);
        for (size_t s = 0; s < GRAPHQL_SIDES; s++) {
            print_rate(r->sides[s].median.rate, m);
        }
        double jit = r->sides[2].median.rate;
        if (jit > 0) {
            printf(m ? " %.2fx |" : " %9.2fx", r->sides[0].median.rate / jit);
        } else {
            printf(m ? " |" : " %10s", "-");
        }
        printf(m ? " %.1f |" : " %9.1f", r->sides[0].median.p99_us);
        for (size_t s = 2; s < GRAPHQL_SIDES && jit > 0; s++) {
            printf(m ? " %.1f |" : " %9.1f", r->sides[s].median.p99_us);
        }
        printf("\n");
        if (r->durable.rate > 0) {
            printf(m ? "| %s, durable |" : "%-6s", graphql_queries[q].name);
            print_rate(r->durable.rate, m);
            printf(m ? "\n" : " durable, p99 %.1f us\n", r->durable.p99_us);
        }
    }
}

static void print_counts(const struct graphql_result *results, bool m)
{
    printf(m ? "\n| | rows | response, bytes | allocations | of them a row | memory, bytes |\n"
               "|---|---:|---:|---:|---:|---:|\n"
             : "\n%-6s %6s %16s %12s %8s %14s\n",
           "", "rows", "response, bytes", "allocations", "a row", "memory, bytes");
    for (size_t q = 0; q < graphql_query_count; q++) {
        const struct graphql_counted *c = &results[q].counted;
        uint32_t rows = graphql_queries[q].rows;
        if (!results[q].measured) {
            continue;
        }
        printf(m ? "| %s | %u | %llu | %.1f |" : "%-6s %6u %16llu %12.1f", graphql_queries[q].name,
               rows, (unsigned long long)c->response, c->allocations);
        printf(m ? " %.2f | %llu |\n" : " %8.2f %14llu\n",
               rows > 0 ? c->allocations / rows : c->allocations, (unsigned long long)c->peak);
    }
}

void graphql_report(const struct graphql_result results[GRAPHQL_QUERIES_MAX], bool markdown)
{
    print_rates(results, markdown);
    print_counts(results, markdown);
}
