/* A scenario file: what it is about, what is done in it, and what is expected of it.
 *
 * The shape of the file is the table in harness/scenario_fields.c; scenarios/README.md explains it with
 * examples, and `isrsim schema` prints it for editors. */
#ifndef HARNESS_SCENARIO_H
#define HARNESS_SCENARIO_H

#include "harness/diagnostics.h"
#include "harness/json.h"
#include "harness/pool.h"
#include "sim/spec.h"

enum scenario_outcome { SCENARIO_HOLDS, SCENARIO_VIOLATES, SCENARIO_VACUOUS };

/* What a run is expected to end in. */
struct scenario_expectation {
    enum scenario_outcome outcome;
    uint32_t invariants; /* VIOLATES: any of these bits, 1 << enum sim_invariant */
    char with[160];      /* VIOLATES: the message contains this; "" any */
    /* HOLDS: also true at the end of the run. */
    struct sim_condition *finally;
    const char **finally_texts;
    uint32_t finally_count;
};

/* How random search is to find the wrong rules of an exhibit. */
struct scenario_search {
    int32_t profile;               /* enum fault_profile */
    int64_t budget;                /* seeds; 0: nothing is searched */
    char variant[SIM_LABEL_BYTES]; /* whose rules; "" stands for "wrong" */
};

/* For the museum. */
struct scenario_exhibit {
    int32_t number; /* 0: the scenario is no exhibit */
    const char *system;
    int32_t year;
    const char *loss;
    struct scenario_search search;
};

/* One run that the file asks for. */
struct scenario_variant {
    char name[SIM_LABEL_BYTES]; /* "default" where the file has no variants */
    const char *about;          /* NULL: nothing of its own */
    struct sim_spec spec;
    struct scenario_expectation expectation;
};

struct scenario_tags {
    const char **items;
    uint32_t count;
};

struct scenario {
    const char *about, *source; /* NULL where not given */
    struct scenario_exhibit exhibit;
    struct scenario_tags tags;
    struct sim_spec base; /* what the variants have in common; its name is the scenario's */
    struct scenario_expectation expectation;
    struct scenario_variant *variants; /* at least one */
    uint32_t variants_count;
    struct pool pool; /* of everything above */
};

/* Reads a scenario from diagnostics->text. False when diagnostics got errors; then there is nothing to free.
 * Never crashes, whatever the bytes. */
bool scenario_read(struct scenario *scenario, struct diagnostics *diagnostics);
void scenario_free(struct scenario *scenario);
/* The variant of that name, or NULL. */
const struct scenario_variant *scenario_variant_named(const struct scenario *scenario, const char *name);
/* Is it the name of a scenario file: *.isr.yaml, *.isr.yml, *.isr.json? */
bool scenario_is_file_name(const char *name);
/* The JSON schema of scenario files, for editors. */
void scenario_schema(FILE *out);

#endif
