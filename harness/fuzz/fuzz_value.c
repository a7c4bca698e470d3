/* Any text is read as each kind of value: a value, or an error with a message that says so; and what is
 * printed of a value is read back as that value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_told(bool good, const struct value_error *error, size_t size)
{
    return good ||
           (error->message[0] != '\0' && memchr(error->message, '\0', sizeof error->message) != NULL &&
            memchr(error->hint, '\0', sizeof error->hint) != NULL && error->at <= size);
}

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void read_times(const char *text, size_t size)
{
    char printed[32];
    struct value_error error = {.message = ""};
    int64_t value = 0, again = 0;
    bool good = value_duration(text, true, &value, &error);
    demand(is_told(good, &error, size));
    if (good)
        demand(value_duration(value_print_duration(value, printed), true, &again, &error) && again == value);
    good = value_bytes(text, &value, &error);
    demand(is_told(good, &error, size));
    if (good)
        demand(value_bytes(value_print_bytes(value, printed), &again, &error) && again == value);
}

static void read_others(const char *text, size_t size)
{
    struct value_error error = {.message = ""};
    int64_t value = 0;
    uint64_t first = 0, last = 0;
    uint32_t shard = 0, shards = 0;
    bool flag;
    demand(is_told(value_bandwidth(text, &value, &error), &error, size));
    demand(is_told(value_parts(text, true, &value, &error), &error, size));
    demand(is_told(value_rate_interval(text, &value, &error), &error, size));
    demand(is_told(value_whole(text, &value, &error), &error, size));
    demand(is_told(value_flag(text, &flag, &error), &error, size));
    bool good = value_count(text, "number", 100, &value, &error);
    demand(is_told(good, &error, size) && (!good || (value >= 1 && value <= 100)));
    good = value_shard(text, &shard, &shards, &error);
    demand(is_told(good, &error, size) && (!good || (shard >= 1 && shard <= shards)));
    good = value_seed_range(text, &first, &last, &error);
    demand(is_told(good, &error, size) && (!good || first <= last));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    read_times(text, strlen(text));
    read_others(text, strlen(text));
    free(text);
    return 0;
}
