/*
 * Buckets of callers: what fits, what does not, and for how long.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tools/server/rate.h"

static uint64_t take(struct rate *rate, const char *caller, uint64_t cost, uint64_t now_ms)
{
    const struct rate_caller who = {'s', caller, strlen(caller)};
    return rate_take(rate, &who, cost, 0, now_ms);
}

Test(rate, bucket__fills_at_its_rate_up_to_its_burst)
{
    struct rate *rate = rate_create(10, 100);
    cr_expect_eq(take(rate, "a", 60, 1000), 0);
    cr_expect_eq(take(rate, "a", 40, 1000), 0);
    cr_expect_eq(take(rate, "a", 1, 1000), 100); /* a tenth of a second each */
    cr_expect_eq(take(rate, "a", 1, 1099), 1);
    cr_expect_eq(take(rate, "a", 1, 1100), 0);
    cr_expect_eq(take(rate, "a", 20, 1100), 2000);
    cr_expect_eq(take(rate, "a", 20, 3100), 0); /* what was refused has taken nothing */
    cr_expect_eq(take(rate, "a", 100, 1000000), 0);
    cr_expect_neq(take(rate, "a", 1, 1000000), 0); /* no more than a burst has gathered */
    cr_expect_eq(take(rate, "b", 100, 1000000), 0);
    rate_free(rate);
}

Test(rate, cost_beyond_the_burst__is_owed_by_a_full_bucket)
{
    struct rate *rate = rate_create(10, 100);
    cr_expect_eq(take(rate, "a", 1, 1000), 0);
    cr_expect_eq(take(rate, "a", 500, 1000), 100); /* not full */
    cr_expect_eq(take(rate, "a", 500, 1100), 0);
    cr_expect_eq(take(rate, "a", 1, 1100), 40100);
    cr_expect_eq(take(rate, "a", 1, 41200), 0);
    rate_free(rate);
}

Test(rate, what_the_request_itself_has_paid__does_not_keep_it_out)
{
    struct rate *rate = rate_create(1, 100);
    const struct rate_caller who = {'s', "a", 1};
    uint64_t now_ms = 1000;
    cr_expect_eq(take(rate, "a", 1, now_ms), 0);
    cr_expect_eq(rate_take(rate, &who, 499, 1, now_ms), 0);
    /* Who comes back when it was told to, and pays its first unit again, finds enough. */
    const uint64_t costs[] = {2, 60, 100, 101, 500};
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        now_ms += take(rate, "a", 1, now_ms);
        cr_expect_eq(take(rate, "a", 1, now_ms), 0);
        uint64_t late_ms = rate_take(rate, &who, costs[i] - 1, 1, now_ms);
        cr_expect_gt(late_ms, 0);
        now_ms += late_ms;
        cr_expect_eq(take(rate, "a", 1, now_ms), 0, "%zu", i);
        cr_expect_eq(rate_take(rate, &who, costs[i] - 1, 1, now_ms), 0, "%zu", i);
    }
    rate_free(rate);
}

Test(rate, costs_and_rates_without_bounds__do_not_wrap)
{
    struct rate *rate = rate_create(1, 1);
    cr_expect_eq(take(rate, "a", UINT64_MAX, 1), 0);
    uint64_t late_ms = take(rate, "a", UINT64_MAX, 1);
    cr_expect(late_ms > 0 && late_ms <= UINT64_C(1000000000), "%llu", (unsigned long long)late_ms);
    cr_expect_eq(take(rate, "a", 1, 1 + late_ms), 0);
    rate_free(rate);
    rate = rate_create(1000000000, 1000000000);
    for (int i = 0; i < 1000; i++) {
        cr_expect_eq(take(rate, "a", 1000000, 1), 0);
    }
    cr_expect_neq(take(rate, "a", 1000000, 1), 0);
    rate_free(rate);
}

Test(rate, callers_without_number__share_a_table_of_fixed_size)
{
    struct rate *rate = rate_create(1, 100);
    char name[32];
    unsigned refused = 0;
    cr_expect_eq(take(rate, "loud", 100, 1000), 0);
    /* Others come, fewer than would take its place: it has used its bucket of late. */
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "%u", i);
        cr_expect_eq(take(rate, name, 100, 1000), 0);
        refused += take(rate, "loud", 1, 1000 + i / 100) != 0;
    }
    cr_expect_eq(refused, 500U);
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "%u", i + 10000);
        cr_expect_eq(take(rate, name, 1, 1100), 0);
    }
    /* Kinds of callers are apart. */
    const struct rate_caller other = {'a', "loud", 4};
    cr_expect_eq(rate_take(rate, &other, 100, 0, 1100), 0);
    rate_free(rate);
}
