/* Random search for the exhibits: from each of a fixed list of base seeds, seed by seed, until the wrong
 * rules are found out.
 *
 * A cell is one exhibit, one strategy and one base seed. Cells are shared among processes, each of which
 * hunts with one worker, so that a cell's figures do not depend on how many processes there are. */
#ifndef HARNESS_MUSEUM_SEARCH_H
#define HARNESS_MUSEUM_SEARCH_H

#include "harness/files.h"
#include "harness/hunt.h"

enum { MUSEUM_BASES_MAX = 20 };

enum museum_strategy {
#define X(NAME, name, meaning) MUSEUM_STRATEGY_##NAME,
#include "harness/museum_strategies.def"
#undef X
    MUSEUM_STRATEGIES
};
struct museum_strategy_info {
    const char *name, *meaning;
};
const struct museum_strategy_info *museum_strategies(void); /* MUSEUM_STRATEGIES many */

struct museum_cell {
    /* what is asked */
    uint32_t exhibit; /* its place in the list */
    enum museum_strategy strategy;
    uint32_t base; /* 0 to MUSEUM_BASES_MAX - 1 */
    /* what came of it */
    bool done;
    bool found;
    uint64_t seeds; /* run until it was found, that one counted; or all that the budget allows */
    int64_t cpu_ns; /* what they took of a processor */
    uint64_t seed;  /* with which it was found */
    uint32_t turns; /* guided: how often its faults went on by another seed */
    enum sim_verdict verdict;
    enum sim_invariant invariant; /* that broke */
    uint32_t crashed;             /* seeds on the way that ended in an assertion or over a limit */
    enum sim_verdict correct;     /* of the correct rules under the seed that found it */
    char message[400];            /* what the correct rules broke, where they did */
};

struct museum_search {
    const struct loaded_list *exhibits;
    struct museum_cell *cells;
    uint32_t cells_count;
    unsigned jobs;
    bool progress; /* on stderr */
};

/* The first seed of a base; bases are so far apart that no budget reaches the next. */
uint64_t museum_first_seed(uint32_t base);
/* Fills the cells. False where processes could not be started or a cell was lost (told on stderr). */
bool museum_search(const struct museum_search *search);

#endif
