/* Values as people write them: durations, sizes, probabilities, rates, whole numbers. No floating point.
 *
 * Each reader takes a NUL-terminated text and fills *value; on an error it returns false and fills *error
 * with a message, a hint and the offset of the byte at fault. */
#ifndef HARNESS_VALUE_H
#define HARNESS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value_error {
    char message[160];
    char hint[160]; /* "": none */
    size_t at;
};

/* Nanoseconds: a number, decimals allowed, and a unit of ns us ms s m h ("1.5s"); a sign where negative is
 * true. 0 needs no unit. */
bool value_duration(const char *text, bool negative, int64_t *value, struct value_error *error);
/* Bytes: a whole number, alone or with B, KiB, MiB or GiB. */
bool value_bytes(const char *text, int64_t *value, struct value_error *error);
/* Bytes a second: "1MiB/s"; 0 needs no unit. */
bool value_bandwidth(const char *text, int64_t *value, struct value_error *error);
/* Parts per million: "0.1%" or "1000ppm"; 0 needs no unit. negative: a sign is allowed (a drift). */
bool value_parts(const char *text, bool negative, int64_t *value, struct value_error *error);
/* Nanoseconds between two of what comes at a rate: "100/s", "0.5/s", "30/m", "2/ms". */
bool value_rate_interval(const char *text, int64_t *value, struct value_error *error);
/* A whole number, decimal. */
bool value_whole(const char *text, int64_t *value, struct value_error *error);
/* A seed: 64 bits, decimal or 0x. */
bool value_seed(const char *text, uint64_t *value, struct value_error *error);
/* "A..B", both included, A <= B. A number alone is refused: it could be a seed, or how many. */
bool value_seed_range(const char *text, uint64_t *first, uint64_t *last, struct value_error *error);
/* A number of things of which there is at least one and there may be most; noun: "number of events". */
bool value_count(const char *text, const char *noun, int64_t most, int64_t *value, struct value_error *error);
/* "K/N", K of 1 to N. */
bool value_shard(const char *text, uint32_t *shard, uint32_t *shards, struct value_error *error);
/* on, true, yes / off, false, no. */
bool value_flag(const char *text, bool *value, struct value_error *error);

/* The shortest text that reads back as the same duration or size, into buffer: "1.5s", "64KiB". */
const char *value_print_duration(int64_t ns, char buffer[32]);
const char *value_print_bytes(int64_t bytes, char buffer[32]);
/* "1MiB/s"; "0" for none. */
const char *value_print_bandwidth(int64_t bytes, char buffer[32]);
/* "100/s": what reads back as the same time between two; NULL where nothing does. */
const char *value_print_rate(int64_t interval_ns, char buffer[32]);
/* Virtual time as timelines show it, in seconds cut at the millisecond: "2.115s". */
const char *value_print_seconds(int64_t ns, char buffer[32]);
/* As a regular expression (ECMA 262), for the schema. */
extern const char value_duration_pattern[], value_bytes_pattern[], value_bandwidth_pattern[],
    value_parts_pattern[], value_rate_pattern[];

#endif
