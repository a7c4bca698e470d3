#include "harness/value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char value_duration_pattern[] = "^(0|-?[0-9]+(\\.[0-9]{1,9})? ?(ns|us|ms|s|m|h))$";
const char value_bytes_pattern[] = "^[0-9]+ ?(B|KiB|MiB|GiB)?$";
const char value_bandwidth_pattern[] = "^(0|[0-9]+ ?(B|KiB|MiB|GiB)/s)$";
const char value_parts_pattern[] = "^(0|[-+]?[0-9]+(\\.[0-9]{1,9})? ?(%|ppm))$";
const char value_rate_pattern[] = "^[0-9]+(\\.[0-9]{1,9})?/(ms|s|m|h)$";

struct unit {
    const char *name;
    int64_t worth;
};

static const struct unit time_units[] = {{"ns", 1},
                                         {"us", 1000},
                                         {"ms", 1000000},
                                         {"s", 1000000000},
                                         {"m", INT64_C(60000000000)},
                                         {"h", INT64_C(3600000000000)},
                                         {NULL, 0}};
static const struct unit size_units[] = {
    {"B", 1}, {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};
static const struct unit bandwidth_units[] = {
    {"B/s", 1}, {"KiB/s", 1024}, {"MiB/s", 1 << 20}, {"GiB/s", 1 << 30}, {NULL, 0}};
static const struct unit part_units[] = {{"%", 10000}, {"ppm", 1}, {NULL, 0}};

__attribute__((format(printf, 4, 5))) static bool fail(struct value_error *error, size_t at, const char *hint,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    snprintf(error->hint, sizeof error->hint, "%s", hint);
    error->at = at;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A decimal number as mantissa / 10^decimals. */
struct decimal {
    bool negative;
    int64_t mantissa;
    int64_t scale; /* 10^decimals */
    size_t end;    /* where it stops in the text */
};

static bool read_decimal(const char *text, bool negative_allowed, const char *noun, const char *hint,
                         struct decimal *number, struct value_error *error)
{
    size_t at = 0;
    *number = (struct decimal){.scale = 1};
    if (text[at] == '-' || text[at] == '+') {
        number->negative = text[at] == '-';
        at++;
    }
    if (!is_digit(text[at]))
        return fail(error, 0, hint, "'%.40s' is not %s", text, noun);
    if (number->negative && !negative_allowed)
        return fail(error, 0, hint, "%s cannot be negative", noun);
    bool point = false;
    for (; is_digit(text[at]) || (text[at] == '.' && !point && is_digit(text[at + 1])); at++) {
        if (text[at] == '.') {
            point = true;
            continue;
        }
        if (number->mantissa > (INT64_MAX - 9) / 10 || number->scale > INT64_C(100000000))
            return fail(error, 0, "at most 18 digits, 9 of them decimals", "'%.40s' has too many digits",
                        text);
        number->mantissa = number->mantissa * 10 + (text[at] - '0');
        number->scale *= point ? 10 : 1;
    }
    number->end = at;
    return true;
}

static const struct unit *find_unit(const struct unit *units, const char *text)
{
    for (; units->name != NULL; units++) {
        if (strcmp(units->name, text) == 0)
            return units;
    }
    return NULL;
}

/* mantissa / scale * worth, exactly; false on overflow or where a fraction of one is left. */
static bool scale_decimal(const struct decimal *number, int64_t worth, int64_t *value)
{
    int64_t scale = number->scale, mantissa = number->mantissa;
    while (scale > 1 && mantissa % 10 == 0) {
        scale /= 10;
        mantissa /= 10;
    }
    while (scale > 1 && worth % 10 == 0) {
        scale /= 10;
        worth /= 10;
    }
    while (scale > 1 && worth % 2 == 0 && mantissa % 5 == 0) { /* 0.5m */
        scale /= 10;
        worth /= 2;
        mantissa /= 5;
    }
    if (scale > 1 || (worth > 0 && mantissa > INT64_MAX / worth))
        return false;
    *value = number->negative ? -(mantissa * worth) : mantissa * worth;
    return true;
}

static const char *skip_space(const char *text)
{
    return *text == ' ' ? text + 1 : text;
}

bool value_duration(const char *text, bool negative, int64_t *value, struct value_error *error)
{
    static const char hint[] = "write a number and a unit of ns us ms s m h, such as 250ms or 1.5s";
    struct decimal number;
    if (!read_decimal(text, negative, "a duration", hint, &number, error))
        return false;
    const char *rest = skip_space(text + number.end);
    if (*rest == '\0') {
        if (number.mantissa == 0) {
            *value = 0;
            return true;
        }
        return fail(error, 0, hint, "'%.40s' is not a duration: the unit is missing", text);
    }
    const struct unit *unit = find_unit(time_units, rest);
    if (unit == NULL)
        return fail(error, (size_t)(rest - text), hint, "'%.40s' is not a unit of time", rest);
    if (!scale_decimal(&number, unit->worth, value))
        return fail(error, 0, "the finest is 1ns, the longest about 292 years", "'%.40s' is out of range",
                    text);
    return true;
}

bool value_bytes(const char *text, int64_t *value, struct value_error *error)
{
    static const char hint[] = "write bytes (4096) or a number with B, KiB, MiB or GiB, such as 4KiB";
    struct decimal number;
    if (!read_decimal(text, false, "a size", hint, &number, error))
        return false;
    const char *rest = skip_space(text + number.end);
    const struct unit *unit = *rest == '\0' ? size_units : find_unit(size_units, rest);
    if (unit == NULL)
        return fail(error, (size_t)(rest - text), hint, "'%.40s' is not a unit of size", rest);
    if (!scale_decimal(&number, unit->worth, value))
        return fail(error, 0, "a size is a whole number of bytes", "'%.40s' is out of range", text);
    return true;
}

bool value_bandwidth(const char *text, int64_t *value, struct value_error *error)
{
    static const char hint[] = "write it as 512KiB/s, 1MiB/s or 0 (without bound)";
    struct decimal number;
    if (!read_decimal(text, false, "a bandwidth", hint, &number, error))
        return false;
    const char *rest = skip_space(text + number.end);
    *value = 0;
    if (*rest == '\0' && number.mantissa == 0)
        return true;
    const struct unit *unit = find_unit(bandwidth_units, rest);
    if (unit == NULL)
        return fail(error, (size_t)(rest - text), hint, "'%.40s' is not a bandwidth", text);
    if (!scale_decimal(&number, unit->worth, value))
        return fail(error, 0, "a bandwidth is a whole number of bytes a second", "'%.40s' is out of range",
                    text);
    return true;
}

bool value_parts(const char *text, bool negative, int64_t *value, struct value_error *error)
{
    const char *hint = negative ? "write it as 50ppm or -0.1%" : "write it as 0.1% or 1000ppm";
    const char *noun = negative ? "a drift" : "a probability";
    struct decimal number;
    if (!read_decimal(text, negative, noun, hint, &number, error))
        return false;
    const char *rest = skip_space(text + number.end);
    if (*rest == '\0') {
        if (number.mantissa == 0) {
            *value = 0;
            return true;
        }
        return fail(error, 0, hint, "'%.40s' is not %s: the unit is missing", text, noun);
    }
    const struct unit *unit = find_unit(part_units, rest);
    if (unit == NULL)
        return fail(error, (size_t)(rest - text), hint, "'%.40s' is neither %% nor ppm", rest);
    if (!scale_decimal(&number, unit->worth, value))
        return fail(error, 0, "the finest is 1ppm, that is 0.0001%", "'%.40s' is out of range", text);
    if (!negative && *value > 1000000)
        return fail(error, 0, hint, "a probability cannot be above 100%%");
    return true;
}

bool value_rate_interval(const char *text, int64_t *value, struct value_error *error)
{
    static const char hint[] = "write records per time, such as 100/s, 2/ms or 30/m";
    struct decimal number;
    if (!read_decimal(text, false, "a rate", hint, &number, error))
        return false;
    if (text[number.end] != '/')
        return fail(error, 0, hint, "'%.40s' is not a rate", text);
    const struct unit *unit = find_unit(time_units, text + number.end + 1);
    if (unit == NULL || unit->worth < 1000000)
        return fail(error, number.end + 1, hint, "'%.40s' is not a unit that a rate can have",
                    text + number.end + 1);
    if (number.mantissa == 0)
        return fail(error, 0, "leave `rate` out for a client that only does what steps say",
                    "a rate cannot be 0");
    /* interval = unit * scale / mantissa, rounded to the nearest nanosecond */
    if (unit->worth > INT64_MAX / 2 / number.scale)
        return fail(error, 0, hint, "'%.40s' has too many digits", text);
    *value = (unit->worth * number.scale + number.mantissa / 2) / number.mantissa;
    if (*value < 1000)
        return fail(error, 0, "the fastest is 1000/ms", "'%.40s' is too fast", text);
    return true;
}

bool value_whole(const char *text, int64_t *value, struct value_error *error)
{
    static const char hint[] = "write it in digits alone, such as 3";
    struct decimal number;
    if (!read_decimal(text, true, "a whole number", hint, &number, error))
        return false;
    if (text[number.end] != '\0' || number.scale != 1 || text[0] == '+')
        return fail(error, 0, hint, "'%.40s' is not a whole number", text);
    *value = number.negative ? -number.mantissa : number.mantissa;
    return true;
}

bool value_seed(const char *text, uint64_t *value, struct value_error *error)
{
    static const char hint[] = "a seed is a number of up to 64 bits, decimal or 0x...";
    bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    uint64_t base = hexadecimal ? 16 : 10, sum = 0;
    const char *at = hexadecimal ? text + 2 : text;
    if (*at == '\0')
        return fail(error, 0, hint, "'%.40s' is not a seed", text);
    for (; *at != '\0'; at++) {
        char c = *at >= 'A' && *at <= 'F' ? (char)(*at - 'A' + 'a') : *at;
        uint64_t digit = is_digit(c)            ? (uint64_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a') + 10
                                                : 99;
        if (digit >= base || sum > (UINT64_MAX - digit) / base)
            return fail(error, 0, hint, "'%.40s' is not a seed", text);
        sum = sum * base + digit;
    }
    *value = sum;
    return true;
}

bool value_seed_range(const char *text, uint64_t *first, uint64_t *last, struct value_error *error)
{
    static const char hint[] = "write the first and the last seed, such as 1..100; 5..5 is seed 5 alone";
    char low[32];
    const char *dots = strstr(text, "..");
    if (dots == NULL || dots == text || dots[2] == '\0')
        return fail(error, 0, hint, "'%.40s' is no range of seeds", text);
    snprintf(low, sizeof low, "%.*s", (int)(dots - text < 31 ? dots - text : 31), text);
    if (!value_seed(low, first, error) || !value_seed(dots + 2, last, error))
        return false;
    if (*first > *last)
        return fail(error, 0, "write the smaller seed first, such as 1..100", "'%.60s' is an empty range",
                    text);
    return true;
}

bool value_count(const char *text, const char *noun, int64_t most, int64_t *value, struct value_error *error)
{
    char hint[64] = "write it in digits alone, such as 3";
    int64_t number;
    if (most < INT64_MAX)
        snprintf(hint, sizeof hint, "there may be 1 to %" PRId64, most);
    if (!value_whole(text, &number, error) || number < 1 || number > most)
        return fail(error, 0, hint, "'%.40s' is no %s", text, noun);
    *value = number;
    return true;
}

bool value_shard(const char *text, uint32_t *shard, uint32_t *shards, struct value_error *error)
{
    static const char hint[] = "write which one of how many, such as 1/4 to 4/4";
    enum { SHARDS_MAX = 1000000 };
    char which[16];
    int64_t number, count;
    const char *slash = strchr(text, '/');
    if (slash == NULL || slash - text >= (int)sizeof which)
        return fail(error, 0, hint, "'%.40s' is no shard", text);
    snprintf(which, sizeof which, "%.*s", (int)(slash - text), text);
    if (!value_count(which, "shard", SHARDS_MAX, &number, error) ||
        !value_count(slash + 1, "number of shards", SHARDS_MAX, &count, error))
        return fail(error, 0, hint, "'%.40s' is no shard", text);
    if (number > count)
        return fail(error, 0, hint, "there is no shard %" PRId64 " of %" PRId64, number, count);
    *shard = (uint32_t)number;
    *shards = (uint32_t)count;
    return true;
}

bool value_flag(const char *text, bool *value, struct value_error *error)
{
    static const char *const yes[] = {"true", "on", "yes", "1"}, *const no[] = {"false", "off", "no", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *value = strcmp(text, yes[i]) == 0;
            return true;
        }
    }
    return fail(error, 0, "on, true, yes and off, false, no are understood",
                "'%.40s' is neither true nor false", text);
}

/* In the largest unit of which it is a multiple, or of which it is a multiple of a tenth. */
static const char *print_in_units(int64_t value, const struct unit *units, char buffer[32])
{
    if (value == 0) {
        snprintf(buffer, 32, "0");
        return buffer;
    }
    const struct unit *chosen = units;
    bool tenths = false;
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        bool whole = value % unit->worth == 0;
        bool tenth = unit->worth % 10 == 0 && value % (unit->worth / 10) == 0 && value / unit->worth != 0;
        if (whole || (tenth && unit->worth <= 1000000000)) {
            chosen = unit;
            tenths = !whole;
        }
    }
    if (tenths) {
        int64_t count = value / (chosen->worth / 10);
        snprintf(buffer, 32, "%" PRId64 ".%d%s", count / 10,
                 (int)(count % 10 < 0 ? -(count % 10) : count % 10), chosen->name);
    } else {
        snprintf(buffer, 32, "%" PRId64 "%s", value / chosen->worth, chosen->name);
    }
    return buffer;
}

const char *value_print_duration(int64_t ns, char buffer[32])
{
    return print_in_units(ns, time_units, buffer);
}

const char *value_print_bytes(int64_t bytes, char buffer[32])
{
    return print_in_units(bytes, size_units, buffer);
}

const char *value_print_bandwidth(int64_t bytes, char buffer[32])
{
    return print_in_units(bytes, bandwidth_units, buffer);
}

const char *value_print_rate(int64_t interval_ns, char buffer[32])
{
    for (const struct unit *unit = time_units; unit->name != NULL && interval_ns >= 1000; unit++) {
        if (unit->worth < 1000000000 || unit->worth % interval_ns != 0)
            continue;
        snprintf(buffer, 32, "%" PRId64 "/%s", unit->worth / interval_ns, unit->name);
        return buffer;
    }
    return NULL;
}

const char *value_print_seconds(int64_t ns, char buffer[32])
{
    snprintf(buffer, 32, "%" PRId64 ".%03ds", ns / 1000000000, (int)(ns / 1000000 % 1000));
    return buffer;
}
