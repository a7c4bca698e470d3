#include "harness/guided.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"

enum { CHOSEN_MAX = 8, CORPUS_MAX = 4096 };

void guided_init(struct guided *guided, uint64_t first)
{
    memset(guided, 0, sizeof *guided);
    guided->first = guided->fresh = first;
    guided->coverage.counted = true;
}

void guided_free(struct guided *guided)
{
    coverage_free(&guided->coverage);
    free(guided->corpus);
    guided->corpus = NULL;
    guided->corpus_count = guided->corpus_capacity = 0;
}

static uint64_t draw(struct guided *guided)
{
    return isr_hash_combine(isr_hash_combine(guided->first, 0x6775696465ull), guided->draws++);
}

/* ---- choosing ---- */

/* How often the rarest of what was new in it was reached by now; at least 1. */
static uint32_t rarity(const struct guided *guided, const struct guided_entry *entry)
{
    uint32_t least = UINT32_MAX;
    for (uint32_t i = 0; i < entry->rare_count; i++) {
        uint32_t hits = coverage_hits(&guided->coverage, entry->rare[i]);
        least = hits < least ? hits : least;
    }
    return least == 0 || least == UINT32_MAX ? 1 : least;
}

static uint64_t energy(const struct guided *guided, const struct guided_entry *entry)
{
    uint32_t chosen = entry->chosen < CHOSEN_MAX ? entry->chosen : CHOSEN_MAX;
    uint64_t weight = (UINT64_C(1024) << chosen) / rarity(guided, entry);
    return weight > 0 ? weight : 1;
}

static struct guided_entry *choose(struct guided *guided)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < guided->corpus_count; i++)
        total += energy(guided, &guided->corpus[i]);
    uint64_t left = draw(guided) % total;
    for (uint32_t i = 0; i < guided->corpus_count; i++) {
        uint64_t weight = energy(guided, &guided->corpus[i]);
        if (left < weight)
            return &guided->corpus[i];
        left -= weight;
    }
    return &guided->corpus[guided->corpus_count - 1];
}

/* Turned behind some fault that is drawn; turns behind that are forgotten. */
static struct guided_candidate vary(struct guided *guided, const struct guided_entry *entry)
{
    struct guided_candidate candidate = entry->candidate;
    uint32_t after = (uint32_t)(draw(guided) % (entry->faults + 1));
    while (candidate.turns_count > 0 && (candidate.turns[candidate.turns_count - 1].after >= after ||
                                         candidate.turns_count == FAULT_TURNS_MAX))
        candidate.turns_count--;
    candidate.turns[candidate.turns_count++] =
        (struct fault_turn){.after = after, .seed = draw(guided) & UINT32_MAX};
    return candidate;
}

void guided_plan_round(struct guided *guided, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i % 2 == 0 || guided->corpus_count == 0) {
            guided->round[i] = (struct guided_candidate){.seed = guided->fresh++};
            continue;
        }
        struct guided_entry *entry = choose(guided);
        entry->chosen++;
        guided->round[i] = vary(guided, entry);
    }
}

/* ---- learning ---- */

static struct guided_entry *new_entry(struct guided *guided)
{
    if (guided->corpus_count == CORPUS_MAX)
        return NULL;
    if (guided->corpus_count == guided->corpus_capacity) {
        uint32_t capacity = guided->corpus_capacity == 0 ? 64 : 2 * guided->corpus_capacity;
        struct guided_entry *corpus = realloc(guided->corpus, capacity * sizeof *corpus);
        if (corpus == NULL)
            return NULL;
        guided->corpus = corpus;
        guided->corpus_capacity = capacity;
    }
    struct guided_entry *entry = &guided->corpus[guided->corpus_count++];
    memset(entry, 0, sizeof *entry);
    return entry;
}

void guided_learn(struct guided *guided, uint32_t place, const void *packed, uint32_t bytes, uint64_t steps)
{
    uint64_t rare[GUIDED_RARE];
    uint32_t rare_count = coverage_news(&guided->coverage, packed, bytes, rare, GUIDED_RARE);
    coverage_add(&guided->coverage, packed, bytes);
    if (rare_count == 0)
        return;
    struct guided_entry *entry = new_entry(guided);
    if (entry == NULL)
        return;
    entry->candidate = guided->round[place];
    /* a fault is mostly two steps; what was not reached need not be varied */
    entry->faults = (uint32_t)(steps / 2);
    entry->rare_count = rare_count;
    memcpy(entry->rare, rare, sizeof rare);
}
