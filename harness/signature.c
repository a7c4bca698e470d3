#include "harness/signature.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The sentence is read word by word. What is left of it are the words of the check that wrote it: names of
 * topics, partitions, nodes and clients, numbers, times, checksums and sets of nodes become placeholders, and
 * what stands in parentheses is dropped: it tells of this run. */

struct reader {
    const char *at;
    const struct sim_spec *spec;
    char *text;
    size_t used;
};

static void put(struct reader *reader, const char *word, size_t length)
{
    if (reader->used + length >= SIGNATURE_TEXT_BYTES)
        length = SIGNATURE_TEXT_BYTES - 1 - reader->used;
    memcpy(reader->text + reader->used, word, length);
    reader->used += length;
    reader->text[reader->used] = '\0';
}

static void put_text(struct reader *reader, const char *word)
{
    put(reader, word, strlen(word));
}

static bool is_letter_of_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* How long the number at `at` is, with sign, decimals and the unit of a time or size; 0: none. */
static size_t number_length(const char *at)
{
    size_t length = at[0] == '-';
    if (!isdigit((unsigned char)at[length]))
        return 0;
    while (isdigit((unsigned char)at[length]) ||
           (at[length] == '.' && isdigit((unsigned char)at[length + 1])))
        length++;
    return length;
}

static bool is_unit(const char *word, size_t length)
{
    static const char *const units[] = {"", "ns", "us", "ms", "s", "m", "h", "B", "KiB", "MiB", "GiB", "%"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strlen(units[i]) == length && strncmp(units[i], word, length) == 0)
            return true;
    }
    return false;
}

/* A checksum, or another number in hexadecimal digits: one with a digit in it, or too long for a word. */
static bool is_hexadecimal(const char *word, size_t length)
{
    enum { LONGER_THAN_WORDS = 7 };
    bool digit = false;
    for (size_t i = 0; i < length; i++) {
        if (!isxdigit((unsigned char)word[i]) || isupper((unsigned char)word[i]))
            return false;
        digit = digit || isdigit((unsigned char)word[i]);
    }
    return digit || length >= LONGER_THAN_WORDS;
}

static bool begins_with_name(const char *at, const char *name)
{
    size_t length = strlen(name);
    return length > 0 && strncmp(at, name, length) == 0;
}

/* "orders-0" or "orders", where that is a topic of the spec. */
static size_t topic_length(const struct reader *reader, const char **placeholder)
{
    size_t longest = 0;
    for (uint32_t i = 0; reader->spec != NULL && i < reader->spec->topics_count; i++) {
        const char *name = reader->spec->topics[i].name.text;
        size_t length = strlen(name);
        if (!begins_with_name(reader->at, name))
            continue;
        size_t digits = reader->at[length] == '-' ? strspn(reader->at + length + 1, "0123456789") : 0;
        bool partition = digits > 0;
        length += partition ? 1 + digits : 0;
        if (length <= longest || is_letter_of_word(reader->at[length]))
            continue;
        longest = length;
        *placeholder = partition ? "<partition>" : "<topic>";
    }
    return longest;
}

static size_t client_length(const struct reader *reader)
{
    static const char worlds_own[] = "client";
    size_t longest = 0;
    if (begins_with_name(reader->at, worlds_own) && !is_letter_of_word(reader->at[strlen(worlds_own)]))
        longest = strlen(worlds_own);
    for (uint32_t i = 0; reader->spec != NULL && i < reader->spec->clients_count; i++) {
        const char *name = reader->spec->clients[i].name;
        size_t length = strlen(name);
        if (begins_with_name(reader->at, name) && !is_letter_of_word(reader->at[length]) && length > longest)
            longest = length;
    }
    return longest;
}

/* n1, c2, "none" in the place of one. */
static bool is_node(const char *word, size_t length)
{
    if (length == 4 && strncmp(word, "none", length) == 0)
        return true;
    return length > 1 && (word[0] == 'n' || word[0] == 'c') && strspn(word + 1, "0123456789") == length - 1;
}

static void read_word(struct reader *reader)
{
    const char *placeholder = "<client>";
    size_t topic = topic_length(reader, &placeholder), client = client_length(reader);
    size_t name = topic > client ? topic : client;
    if (name > 0) {
        put_text(reader, topic >= client ? placeholder : "<client>");
        reader->at += name;
        return;
    }
    size_t length = 0, number = number_length(reader->at);
    while (is_letter_of_word(reader->at[length]))
        length++;
    if (is_node(reader->at, length)) {
        put_text(reader, "<node>");
    } else if (number > 0) {
        size_t rest = 0;
        while (is_letter_of_word(reader->at[number + rest]) || reader->at[number + rest] == '%')
            rest++;
        if (is_unit(reader->at + number, rest))
            length = number + rest;
        else if (!is_hexadecimal(reader->at, length))
            length = number;
        put_text(reader, "#");
    } else if (is_hexadecimal(reader->at, length)) {
        put_text(reader, "#");
    } else {
        put(reader, reader->at, length);
    }
    reader->at += length;
}

/* Behind the bracket that closes the one at `at`; the end where there is none. */
static const char *behind_bracket(const char *at, char open, char close)
{
    unsigned depth = 0;
    for (; *at != '\0'; at++) {
        depth += *at == open;
        depth -= *at == close;
        if (depth == 0)
            return at + 1;
    }
    return at;
}

static void read_punctuation(struct reader *reader)
{
    if (*reader->at == '(') {
        reader->at = behind_bracket(reader->at, '(', ')');
        if (reader->used > 0 && reader->text[reader->used - 1] == ' ')
            reader->text[--reader->used] = '\0';
    } else if (*reader->at == '[') {
        reader->at = behind_bracket(reader->at, '[', ']');
        put_text(reader, "<nodes>");
    } else {
        put(reader, reader->at++, 1);
    }
}

void signature_normalise(const char *message, const struct sim_spec *spec, char *text)
{
    struct reader reader = {.at = message, .spec = spec, .text = text};
    text[0] = '\0';
    while (*reader.at != '\0') {
        bool begins = reader.at == message || !is_letter_of_word(reader.at[-1]);
        bool negative = begins && number_length(reader.at) > 0;
        if (is_letter_of_word(*reader.at) || negative)
            read_word(&reader);
        else
            read_punctuation(&reader);
    }
}

/* ---- what kind of failure ---- */

/* From the folder of the project on: where it was built does not matter. */
static const char *without_folders(const char *message)
{
    static const char *const rooms[] = {"core/", "sim/", "faults/", "harness/"};
    const char *place = strrchr(message, '('), *found = NULL;
    for (size_t i = 0; place != NULL && i < sizeof rooms / sizeof rooms[0]; i++) {
        for (const char *at = place; (at = strstr(at, rooms[i])) != NULL; at++) {
            if ((at[-1] == '/' || at[-1] == '(') && (found == NULL || at < found))
                found = at;
        }
    }
    return found != NULL ? found : place != NULL ? place + 1 : message;
}

/* "assertion of the engine failed: CONDITION (FILE:LINE)" becomes "assertion FILE:LINE: CONDITION". */
static bool read_assertion(const char *message, char *text)
{
    static const char said[] = "assertion of the engine failed: ";
    if (strncmp(message, said, sizeof said - 1) != 0)
        return false;
    const char *condition = message + sizeof said - 1, *place = without_folders(message);
    const char *end = strrchr(condition, '(');
    int length = (int)(end != NULL && end > condition ? end - condition - 1 : 0);
    snprintf(text, SIGNATURE_TEXT_BYTES, "assertion %.*s: %.*s", (int)strcspn(place, ")"), place, length,
             condition);
    return true;
}

static void describe_crash(const struct attempt *attempt, char *text)
{
    switch (attempt->end) {
    case ATTEMPT_OVER_EVENTS:
        snprintf(text, SIGNATURE_TEXT_BYTES, "more events than the limit");
        return;
    case ATTEMPT_OVER_TIME:
        snprintf(text, SIGNATURE_TEXT_BYTES, "longer than the limit");
        return;
    case ATTEMPT_ENDED:
    case ATTEMPT_DIED:
        if (!read_assertion(attempt->message, text))
            snprintf(text, SIGNATURE_TEXT_BYTES, "%s", attempt->message);
        return;
    }
}

static uint32_t id_of(const char *text)
{
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a */
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * UINT32_C(16777619);
    return hash != 0 ? hash : 1;
}

void signature_of(const struct attempt *attempt, const struct sim_spec *spec, struct signature *signature)
{
    char sentence[SIGNATURE_TEXT_BYTES];
    memset(signature, 0, sizeof *signature);
    switch (attempt->verdict) {
    case SIM_VERDICT_HELD:
        return;
    case SIM_VERDICT_VIOLATED:
    case SIM_VERDICT_STUCK:
        signature_normalise(attempt->message, spec, sentence);
        snprintf(signature->text, sizeof signature->text, "%s: %.900s",
                 sim_invariant_name(attempt->invariant), sentence);
        break;
    case SIM_VERDICT_CRASHED:
        describe_crash(attempt, signature->text);
        break;
    case SIM_VERDICT_ERROR:
    case SIM_VERDICT_NONDETERMINISTIC:
    case SIM_VERDICT_VACUOUS:
        signature_normalise(attempt->message, spec, sentence);
        snprintf(signature->text, sizeof signature->text, "%s: %.900s", sim_verdict_name(attempt->verdict),
                 sentence);
        break;
    }
    signature->id = id_of(signature->text);
}

const char *signature_print_id(uint32_t id, char buffer[9])
{
    snprintf(buffer, 9, "%08x", (unsigned)id);
    return buffer;
}
