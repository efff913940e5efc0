/*
 * The scalars of time: DateTime, Date and Time by RFC 3339, Duration by ISO
 * 8601 (docs/file-format.md, "Scalars").
 *
 *   DateTime   INT: microseconds since 1970-01-01T00:00:00Z
 *   Date       INT: days since 1970-01-01
 *   Time       INT: microseconds since midnight
 *   Duration   BLOB of 16 bytes: the whole in microseconds, with a month as 30 days, 8 bytes; its
 *              months, 4 bytes; its days, 4 bytes. All big-endian with the sign bit flipped.
 *
 * Days are those of the proleptic Gregorian calendar, years 0000 to 9999; the
 * conversion is Howard Hinnant's ("chrono-compatible low-level date
 * algorithms"). There are no leap seconds.
 */
#include <stdio.h>

#include "base/bytes.h"
#include "graphql/scalar.h"

#define SECOND INT64_C(1000000) /* in microseconds, as all that follows */
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define MONTH  (30 * DAY) /* in the order of durations */

/* ---- the calendar ---- */

struct date {
    int64_t year;
    int month, day;
};

static int64_t days_of(struct date date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static struct date date_of(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153; /* months since March */
    struct date date = {.year = year_of_era + era * 400,
                        .month = (int)(shifted < 10 ? shifted + 3 : shifted - 9),
                        .day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1)};
    date.year += date.month <= 2;
    return date;
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

static bool is_year(int64_t days)
{
    static const struct date first = {0, 1, 1}, last = {9999, 12, 31};
    return days >= days_of(first) && days <= days_of(last);
}

/* Divides, rounding down. */
static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- reading ---- */

struct scan {
    const char *at, *end;
};

static struct scan scan_of(struct qr_gql_str text)
{
    return (struct scan){text.data, text.data + text.size};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take(struct scan *scan, char c)
{
    bool there = scan->at < scan->end && *scan->at == c;
    scan->at += there;
    return there;
}

/* Exactly `count` digits whose number is one from `least` to `most`. */
static bool take_number(struct scan *scan, int count, int least, int most, int *number)
{
    *number = 0;
    for (int i = 0; i < count; i++) {
        if (scan->at == scan->end || !is_digit(*scan->at)) {
            return false;
        }
        *number = *number * 10 + (*scan->at++ - '0');
    }
    return *number >= least && *number <= most;
}

/* The fraction behind a point: digits beyond the microseconds must be zeros. */
static bool take_fraction(struct scan *scan, int64_t *microseconds)
{
    const char *start = scan->at;
    int64_t unit = SECOND;
    *microseconds = 0;
    for (; scan->at < scan->end && is_digit(*scan->at); scan->at++) {
        unit /= 10;
        if (unit == 0 && *scan->at != '0') {
            return false;
        }
        *microseconds += unit * (*scan->at - '0');
    }
    return scan->at > start;
}

static bool take_date(struct scan *scan, int64_t *days)
{
    int year, month, day;
    if (!take_number(scan, 4, 0, 9999, &year) || !take(scan, '-') ||
        !take_number(scan, 2, 1, 12, &month) || !take(scan, '-') ||
        !take_number(scan, 2, 1, days_in_month(year, month), &day)) {
        return false;
    }
    *days = days_of((struct date){year, month, day});
    return true;
}

static bool take_time(struct scan *scan, int64_t *microseconds)
{
    int hour, minute, second;
    int64_t fraction = 0;
    if (!take_number(scan, 2, 0, 23, &hour) || !take(scan, ':') ||
        !take_number(scan, 2, 0, 59, &minute) || !take(scan, ':') ||
        !take_number(scan, 2, 0, 59, &second) ||
        (take(scan, '.') && !take_fraction(scan, &fraction))) {
        return false;
    }
    *microseconds = hour * HOUR + minute * MINUTE + second * SECOND + fraction;
    return true;
}

/* "Z" or what local time is ahead of UTC. */
static bool take_offset(struct scan *scan, int64_t *microseconds)
{
    int hour, minute;
    *microseconds = 0;
    if (take(scan, 'Z') || take(scan, 'z')) {
        return true;
    }
    bool behind = take(scan, '-');
    if ((!behind && !take(scan, '+')) || !take_number(scan, 2, 0, 23, &hour) || !take(scan, ':') ||
        !take_number(scan, 2, 0, 59, &minute)) {
        return false;
    }
    *microseconds = (behind ? -1 : 1) * (hour * HOUR + minute * MINUTE);
    return true;
}

quire_status qr_datetime_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                              bool *fits, quire_error *err)
{
    struct scan scan = scan_of(text);
    int64_t days = 0, time = 0, offset = 0;
    (void)arena;
    (void)err;
    *fits = take_date(&scan, &days) && (take(&scan, 'T') || take(&scan, 't')) &&
            take_time(&scan, &time) && take_offset(&scan, &offset) && scan.at == scan.end;
    int64_t moment = days * DAY + time - offset;
    *fits = *fits && is_year(floor_divide(moment, DAY));
    *out = quire_int(moment);
    return QUIRE_OK;
}

quire_status qr_date_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                          bool *fits, quire_error *err)
{
    struct scan scan = scan_of(text);
    int64_t days = 0;
    (void)arena;
    (void)err;
    *fits = take_date(&scan, &days) && scan.at == scan.end;
    *out = quire_int(days);
    return QUIRE_OK;
}

quire_status qr_time_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                          bool *fits, quire_error *err)
{
    struct scan scan = scan_of(text);
    int64_t time = 0;
    (void)arena;
    (void)err;
    *fits = take_time(&scan, &time) && scan.at == scan.end;
    *out = quire_int(time);
    return QUIRE_OK;
}

/* ---- writing ---- */

/* Room for any text that is written here. */
enum { TEXT_SIZE = 96 };

/* Appends ".123" or ".123456", whichever holds the fraction; nothing for none. */
static int put_fraction(char *out, int64_t microseconds)
{
    int fraction = (int)(microseconds % SECOND);
    if (fraction == 0) {
        return 0;
    }
    return fraction % 1000 == 0 ? snprintf(out, TEXT_SIZE / 2, ".%03d", fraction / 1000)
                                : snprintf(out, TEXT_SIZE / 2, ".%06d", fraction);
}

static int put_date(char *out, int64_t days)
{
    struct date date = date_of(days);
    return snprintf(out, TEXT_SIZE / 2, "%04d-%02d-%02d", (int)date.year, date.month, date.day);
}

static int put_time(char *out, int64_t time)
{
    int size = snprintf(out, TEXT_SIZE / 2, "%02d:%02d:%02d", (int)(time / HOUR),
                        (int)(time / MINUTE % 60), (int)(time / SECOND % 60));
    return size + put_fraction(out + size, time);
}

bool qr_datetime_write(const quire_value *value, struct qr_json_writer *writer)
{
    char text[TEXT_SIZE];
    int64_t days = floor_divide(value->as.integer, DAY);
    if (!is_year(days)) {
        return false;
    }
    int size = put_date(text, days);
    text[size++] = 'T';
    size += put_time(text + size, value->as.integer - days * DAY);
    text[size++] = 'Z';
    qr_json_put_string(writer, text, (size_t)size);
    return true;
}

bool qr_date_write(const quire_value *value, struct qr_json_writer *writer)
{
    char text[TEXT_SIZE];
    if (!is_year(value->as.integer)) {
        return false;
    }
    qr_json_put_string(writer, text, (size_t)put_date(text, value->as.integer));
    return true;
}

bool qr_time_write(const quire_value *value, struct qr_json_writer *writer)
{
    char text[TEXT_SIZE];
    if (value->as.integer < 0 || value->as.integer >= DAY) {
        return false;
    }
    qr_json_put_string(writer, text, (size_t)put_time(text, value->as.integer));
    return true;
}

quire_value qr_moment_value(enum qr_model_scalar kind, int64_t microseconds)
{
    int64_t days = floor_divide(microseconds, DAY);
    if (kind == QR_MODEL_DATE) {
        return quire_int(days);
    }
    return quire_int(kind == QR_MODEL_TIME ? microseconds - days * DAY : microseconds);
}

static int64_t begin_of_days(int64_t days, enum qr_moment_period period)
{
    struct date date = date_of(days);
    if (period == QR_MOMENT_WEEK) {
        return days - (days + 3 - floor_divide(days + 3, 7) * 7); /* 1970 began on a Thursday */
    }
    if (period == QR_MOMENT_DAY) {
        return days;
    }
    date.day = 1;
    if (period == QR_MOMENT_QUARTER) {
        date.month -= (date.month - 1) % 3;
    } else if (period == QR_MOMENT_YEAR) {
        date.month = 1;
    }
    return days_of(date);
}

int64_t qr_moment_begin(enum qr_model_scalar kind, int64_t value, enum qr_moment_period period)
{
    static const struct date first = {0, 1, 1};
    bool of_day = kind == QR_MODEL_DATE;
    int64_t unit = period == QR_MOMENT_HOUR ? HOUR : MINUTE;
    int64_t days = of_day ? value : floor_divide(value, DAY);
    int64_t begin;

    if (period == QR_MOMENT_VALUE || !is_year(days)) {
        return value;
    }
    if (period == QR_MOMENT_HOUR || period == QR_MOMENT_MINUTE) {
        return of_day ? value : floor_divide(value, unit) * unit;
    }
    begin = begin_of_days(days, period);
    begin = begin < days_of(first) ? days_of(first) : begin; /* of a week before the first year */
    return of_day ? begin : begin * DAY;
}

/* ---- durations ---- */

/* Parts of a duration. They do not turn into one another, as none of them has always as many of
 * the next. All have the sign of the whole, or are 0. */
enum part { MONTHS, DAYS, TIME, PARTS };

static const int64_t part_max[PARTS] = {12 * INT64_C(10000), 366 * INT64_C(10000),
                                        366 * INT64_C(10000) * DAY};
/* How long one is in the order. */
static const int64_t part_size[PARTS] = {MONTH, DAY, 1};

enum { DURATION_SIZE = 16 };

struct unit {
    char name;
    enum part part;
    int64_t size;
};

static const struct unit date_units[] = {
    {'Y', MONTHS, 12}, {'M', MONTHS, 1}, {'W', DAYS, 7}, {'D', DAYS, 1}};
static const struct unit time_units[] = {
    {'H', TIME, HOUR}, {'M', TIME, MINUTE}, {'S', TIME, SECOND}};

/* "12M", if that comes next. Sums stay within 64 bits, if not within their part's range. */
static bool take_unit(struct scan *scan, const struct unit *unit, int64_t parts[PARTS])
{
    struct scan ahead = *scan;
    int64_t most = part_max[TIME] / unit->size;
    int64_t number = 0, fraction = 0;
    for (; ahead.at < ahead.end && is_digit(*ahead.at); ahead.at++) {
        number = number <= most ? number * 10 + (*ahead.at - '0') : number;
    }
    if (ahead.at == scan->at ||
        (unit->name == 'S' && take(&ahead, '.') && !take_fraction(&ahead, &fraction)) ||
        !take(&ahead, unit->name)) {
        return false;
    }
    *scan = ahead;
    number = number <= most ? number : most + 1;
    parts[unit->part] += number * unit->size + fraction;
    return true;
}

/* Any units of a list, in its order. */
static bool take_units(struct scan *scan, const struct unit *units, size_t count,
                       int64_t parts[PARTS])
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = take_unit(scan, &units[i], parts) || any;
    }
    return any;
}

static bool parse_duration(struct qr_gql_str text, int64_t parts[PARTS])
{
    struct scan scan = scan_of(text);
    bool negative = take(&scan, '-');
    if (!take(&scan, 'P')) {
        return false;
    }
    bool any = take_units(&scan, date_units, sizeof date_units / sizeof *date_units, parts);
    if (take(&scan, 'T')) {
        any = take_units(&scan, time_units, sizeof time_units / sizeof *time_units, parts);
    }
    for (int i = 0; i < PARTS; i++) {
        any = any && parts[i] <= part_max[i];
        parts[i] = negative ? -parts[i] : parts[i];
    }
    return any && scan.at == scan.end;
}

static int64_t whole_of(const int64_t parts[PARTS])
{
    int64_t whole = 0;
    for (int i = 0; i < PARTS; i++) {
        whole += parts[i] * part_size[i];
    }
    return whole;
}

#define FLIP64 (UINT64_C(1) << 63)
#define FLIP32 (UINT32_C(1) << 31)

quire_status qr_duration_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                              bool *fits, quire_error *err)
{
    int64_t parts[PARTS] = {0};
    *fits = parse_duration(text, parts);
    if (!*fits) {
        return QUIRE_OK;
    }
    uint8_t *bytes = qr_arena_alloc(arena, DURATION_SIZE, err);
    if (bytes == NULL) {
        return qr_gql_memory_status(err);
    }
    qr_store64_be(bytes, (uint64_t)whole_of(parts) ^ FLIP64);
    qr_store32_be(bytes + 8, (uint32_t)parts[MONTHS] ^ FLIP32);
    qr_store32_be(bytes + 12, (uint32_t)parts[DAYS] ^ FLIP32);
    *out = quire_blob(bytes, DURATION_SIZE);
    return QUIRE_OK;
}

/* The parts without their sign; false when the bytes are no duration. */
static bool decode_duration(const quire_value *value, int64_t parts[PARTS], bool *negative)
{
    const uint8_t *bytes = value->as.bytes;
    if (value->size != DURATION_SIZE) {
        return false;
    }
    int64_t whole = (int64_t)(qr_load64_be(bytes) ^ FLIP64);
    *negative = whole < 0;
    if (whole > INT64_MAX / 4 || whole < -INT64_MAX / 4) {
        return false;
    }
    int64_t sign = *negative ? -1 : 1;
    parts[MONTHS] = sign * (int32_t)(qr_load32_be(bytes + 8) ^ FLIP32);
    parts[DAYS] = sign * (int32_t)(qr_load32_be(bytes + 12) ^ FLIP32);
    parts[TIME] = 0;
    for (int i = 0; i < PARTS; i++) {
        if (parts[i] < 0 || parts[i] > part_max[i]) {
            return false;
        }
    }
    parts[TIME] = sign * whole - whole_of(parts);
    return parts[TIME] >= 0 && parts[TIME] <= part_max[TIME];
}

static int put_unit(char *out, int64_t number, char name)
{
    return number == 0 ? 0 : snprintf(out, TEXT_SIZE / 2, "%lld%c", (long long)number, name);
}

bool qr_duration_write(const quire_value *value, struct qr_json_writer *writer)
{
    int64_t parts[PARTS];
    char text[2 * TEXT_SIZE];
    bool negative;
    int size = 0;

    if (!decode_duration(value, parts, &negative)) {
        return false;
    }
    if (negative) {
        text[size++] = '-';
    }
    text[size++] = 'P';
    size += put_unit(text + size, parts[MONTHS] / 12, 'Y');
    size += put_unit(text + size, parts[MONTHS] % 12, 'M');
    size += put_unit(text + size, parts[DAYS], 'D');
    bool nothing = parts[MONTHS] == 0 && parts[DAYS] == 0 && parts[TIME] == 0;
    if (parts[TIME] != 0 || nothing) {
        text[size++] = 'T';
        size += put_unit(text + size, parts[TIME] / HOUR, 'H');
        size += put_unit(text + size, parts[TIME] / MINUTE % 60, 'M');
    }
    if (parts[TIME] % MINUTE != 0 || nothing) {
        size += snprintf(text + size, TEXT_SIZE / 2, "%d", (int)(parts[TIME] / SECOND % 60));
        size += put_fraction(text + size, parts[TIME]);
        text[size++] = 'S';
    }
    qr_json_put_string(writer, text, (size_t)size);
    return true;
}
