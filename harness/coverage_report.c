/* What was reached and what never was, by name. */
#include <inttypes.h>
#include <string.h>

#include "core/base/error.h"
#include "harness/coverage.h"
#include "harness/terminal.h"

/* ---- messages ---- */

static bool message_reached(const struct sim_coverage_map *map, unsigned role, unsigned kind)
{
    for (unsigned relation = 0; relation < SIM_RELATIONS; relation++) {
        if (sim_coverage_has(map, sim_cell_message(role, kind, relation)))
            return true;
    }
    return false;
}

static bool always(const struct sim_coverage_map *map, unsigned cell)
{
    (void)map;
    (void)cell;
    return true;
}

/* Cells of sim/coverage.def that are not missed. */
static bool kind_barred(unsigned kind)
{
#define X(KIND) kind == ISR_MESSAGE_##KIND ||
    return SIM_COVERAGE_BARRED_MESSAGES(X) false;
#undef X
}

static bool relation_barred(unsigned role, unsigned relation, unsigned kind)
{
#define X(ROLE, RELATION, KIND) \
    (role == SIM_ROLE_##ROLE && relation == SIM_RELATION_##RELATION && kind == ISR_MESSAGE_##KIND) ||
    return SIM_COVERAGE_BARRED_RELATIONS(X) false;
#undef X
}

static bool cause_barred(unsigned cause)
{
#define X(NAME) cause == ISR_CAUSE_##NAME ||
    return SIM_COVERAGE_BARRED_CAUSES(X) false;
#undef X
}

static bool error_barred(unsigned error)
{
#define X(NAME) error == ISR_ERROR_##NAME ||
    return SIM_COVERAGE_BARRED_ERRORS(X) false;
#undef X
}

static bool kind_reached(const struct sim_coverage_map *map, unsigned kind)
{
    for (unsigned role = 0; role < SIM_ROLES; role++) {
        if (message_reached(map, role, kind))
            return true;
    }
    return false;
}

static bool kind_exists(const struct sim_coverage_map *map, unsigned kind)
{
    return !kind_barred(kind) || kind_reached(map, kind);
}

static void describe_kind(unsigned kind, char group[48], char which[96])
{
    group[0] = '\0';
    snprintf(which, 96, "%s", isr_message_name((enum isr_message_kind)kind));
}

/* Of messages with an epoch that reached somebody: older, equal and newer. Cells go by role, relation and
 * kind. */
enum { EPOCHS = 3 };
static unsigned kind_at(unsigned cell)
{
    return cell % ISR_MESSAGE_KINDS;
}

static unsigned relation_at(unsigned cell)
{
    return SIM_RELATION_OLDER + cell / ISR_MESSAGE_KINDS % EPOCHS;
}

static unsigned role_at(unsigned cell)
{
    return cell / ISR_MESSAGE_KINDS / EPOCHS;
}

static bool epoch_exists(const struct sim_coverage_map *map, unsigned cell)
{
    return sim_coverage_epoch_class((enum isr_message_kind)kind_at(cell)) != SIM_EPOCH_NONE &&
           kind_reached(map, kind_at(cell));
}

static bool epoch_reached(const struct sim_coverage_map *map, unsigned cell)
{
    for (unsigned role = 0; role < SIM_ROLES; role++) {
        if (sim_coverage_has(map, sim_cell_message(role, kind_at(cell), relation_at(cell))))
            return true;
    }
    return false;
}

static void describe_epoch(unsigned cell, char group[48], char which[96])
{
    snprintf(group, 48, "%s", sim_coverage_relation_name(relation_at(cell)));
    snprintf(which, 96, "%s", isr_message_name((enum isr_message_kind)kind_at(cell)));
}

static bool role_reached(const struct sim_coverage_map *map, unsigned cell)
{
    unsigned kind = kind_at(cell), role = role_at(cell);
    return sim_coverage_has(map, sim_cell_message(role, kind, relation_at(cell)));
}

/* The same for each role that gets such messages at all. */
static bool role_exists(const struct sim_coverage_map *map, unsigned cell)
{
    unsigned kind = kind_at(cell), role = role_at(cell);
    enum sim_epoch_class epoch = sim_coverage_epoch_class((enum isr_message_kind)kind);
    /* who has no part in a partition knows none of its epochs */
    bool apart = role == SIM_ROLE_BROKER || role == SIM_ROLE_PEER;
    if (epoch == SIM_EPOCH_NONE || (epoch == SIM_EPOCH_LEADER && apart))
        return false;
    return message_reached(map, role, kind) &&
           (!relation_barred(role, relation_at(cell), kind) || role_reached(map, cell));
}

static void describe_role(unsigned cell, char group[48], char which[96])
{
    unsigned kind = kind_at(cell), role = role_at(cell);
    snprintf(group, 48, "%s, %s", sim_coverage_role_name(role),
             sim_coverage_relation_name(relation_at(cell)));
    snprintf(which, 96, "%s", isr_message_name((enum isr_message_kind)kind));
}

/* ---- observations ---- */

static bool observation_reached(const struct sim_coverage_map *map, unsigned kind)
{
    for (unsigned state = 0; state < SIM_STATES; state++) {
        if (sim_coverage_has(map, sim_cell_observation(kind, state)))
            return true;
    }
    return false;
}

static void describe_observation(unsigned kind, char group[48], char which[96])
{
    group[0] = '\0';
    snprintf(which, 96, "%s", isr_observation_info((enum isr_observation_kind)kind)->name);
}

static bool state_exists(const struct sim_coverage_map *map, unsigned cell)
{
    return observation_reached(map, cell % ISR_OBSERVED_KINDS);
}

static bool state_reached(const struct sim_coverage_map *map, unsigned cell)
{
    return sim_coverage_has(map, sim_cell_observation(cell % ISR_OBSERVED_KINDS, cell / ISR_OBSERVED_KINDS));
}

static void describe_state(unsigned cell, char group[48], char which[96])
{
    describe_observation(cell % ISR_OBSERVED_KINDS, group, which);
    snprintf(group, 48, "%s", sim_coverage_state_name(cell / ISR_OBSERVED_KINDS));
}

/* ---- causes and refusals ---- */

static bool cause_reached(const struct sim_coverage_map *map, unsigned cause)
{
    return sim_coverage_has(map, SIM_CELL_CAUSES + cause);
}

static bool cause_exists(const struct sim_coverage_map *map, unsigned cause)
{
    return !cause_barred(cause) || cause_reached(map, cause);
}

static void describe_cause(unsigned cause, char group[48], char which[96])
{
    group[0] = '\0';
    snprintf(which, 96, "\"%s\"", isr_cause_words(cause));
}

static bool error_reached(const struct sim_coverage_map *map, unsigned error)
{
    return sim_coverage_has(map, SIM_CELL_ERRORS + error);
}

static bool error_exists(const struct sim_coverage_map *map, unsigned error)
{
    return error != ISR_ERROR_NONE && (!error_barred(error) || error_reached(map, error));
}

static void describe_error(unsigned error, char group[48], char which[96])
{
    group[0] = '\0';
    snprintf(which, 96, "%s", isr_error_name((uint8_t)error));
}

static const struct coverage_dimension dimensions[] = {
    {"messages", "messages that reached somebody", ISR_MESSAGE_KINDS, kind_exists, kind_reached,
     describe_kind},
    {"epochs", "their epochs: older, equal, newer than what the receiver knew", ISR_MESSAGE_KINDS *EPOCHS,
     epoch_exists, epoch_reached, describe_epoch},
    {"roles", "the same by what the receiver was", SIM_ROLES *ISR_MESSAGE_KINDS *EPOCHS, role_exists,
     role_reached, describe_role},
    {"observations", "what nodes can say of themselves", ISR_OBSERVED_KINDS, always, observation_reached,
     describe_observation},
    {"states", "the same by what was wrong meanwhile", ISR_OBSERVED_KINDS *SIM_STATES, state_exists,
     state_reached, describe_state},
    {"causes", "causes that were named", ISR_CAUSE_COUNT, cause_exists, cause_reached, describe_cause},
    {"errors", "refusals that were observed", ISR_ERROR_COUNT, error_exists, error_reached, describe_error},
};
enum { DIMENSIONS = sizeof dimensions / sizeof dimensions[0] };

const struct coverage_dimension *coverage_dimensions(unsigned *count)
{
    *count = DIMENSIONS;
    return dimensions;
}

void coverage_count(const struct sim_coverage_map *map, const struct coverage_dimension *dimension,
                    unsigned *reached, unsigned *all)
{
    *reached = *all = 0;
    for (unsigned cell = 0; cell < dimension->cells; cell++) {
        if (!dimension->exists(map, cell))
            continue;
        *all += 1;
        *reached += dimension->reached(map, cell);
    }
}

/* ---- telling ---- */

/* Calls tell for each cell that was never reached: those of one group stand one after the other. */
static void each_never(const struct sim_coverage_map *map, const struct coverage_dimension *dimension,
                       void (*tell)(void *object, const char *group, const char *which), void *object)
{
    char group[48], which[96];
    for (unsigned cell = 0; cell < dimension->cells; cell++) {
        if (!dimension->exists(map, cell) || dimension->reached(map, cell))
            continue;
        dimension->describe(cell, group, which);
        tell(object, group, which);
    }
}

struct prose {
    FILE *out;
    char text[16384];
    size_t used;
    char group[48];
};

static void flush_prose(struct prose *prose)
{
    if (prose->used > 0)
        terminal_print_prose(prose->out, prose->text, 4, 110);
    prose->used = 0;
    prose->text[0] = '\0';
}

static void tell_prose(void *object, const char *group, const char *which)
{
    struct prose *prose = object;
    bool begins = prose->used == 0 || strcmp(prose->group, group) != 0;
    if (begins)
        flush_prose(prose);
    snprintf(prose->group, sizeof prose->group, "%s", group);
    if (prose->used + 160 < sizeof prose->text)
        prose->used += (size_t)snprintf(
            prose->text + prose->used, sizeof prose->text - prose->used, "%s%s%s%s", begins ? group : ",",
            begins && group[0] != '\0' ? ":" : "", begins && group[0] == '\0' ? "" : " ", which);
}

void coverage_print(FILE *out, const struct coverage *coverage)
{
    uint64_t runs, news = coverage_growth(coverage, &runs);
    struct palette palette = terminal_palette(out);
    for (unsigned i = 0; i < DIMENSIONS; i++) {
        unsigned reached, all;
        coverage_count(&coverage->map, &dimensions[i], &reached, &all);
        fprintf(out, "%5u of %5u  %3u%%  %s\n", reached, all, all > 0 ? 100 * reached / all : 100,
                dimensions[i].title);
    }
    fprintf(out,
            "%14" PRIu64 "  tuples of role, message, epoch, observation and what was wrong\n"
            "%14" PRIu64 "  of them new in the last %" PRIu64 " of %" PRIu64 " seeds\n",
            coverage->tuples_count, news, runs, coverage->runs);
    for (unsigned i = 0; i < DIMENSIONS; i++) {
        struct prose prose = {.out = out};
        unsigned reached, all;
        coverage_count(&coverage->map, &dimensions[i], &reached, &all);
        if (reached == all)
            continue;
        fprintf(out, "%snever, %s:%s\n", palette.bold, dimensions[i].title, palette.plain);
        each_never(&coverage->map, &dimensions[i], tell_prose, &prose);
        flush_prose(&prose);
    }
}

static void tell_json(void *object, const char *group, const char *which)
{
    char text[160];
    snprintf(text, sizeof text, "%s%s%s", group, group[0] != '\0' ? ": " : "", which);
    json_string(object, NULL, text);
}

void coverage_print_json(struct json *json, const struct coverage *coverage)
{
    uint64_t runs, news = coverage_growth(coverage, &runs);
    json_unsigned(json, "seeds", coverage->runs);
    json_unsigned(json, "tuples", coverage->tuples_count);
    json_unsigned(json, "tuples_new_in_last_tenth", news);
    json_open_list(json, "dimensions");
    for (unsigned i = 0; i < DIMENSIONS; i++) {
        unsigned reached, all;
        coverage_count(&coverage->map, &dimensions[i], &reached, &all);
        json_open_object(json, NULL);
        json_string(json, "name", dimensions[i].name);
        json_unsigned(json, "reached", reached);
        json_unsigned(json, "of", all);
        json_open_list(json, "never");
        each_never(&coverage->map, &dimensions[i], tell_json, json);
        json_close_list(json);
        json_close_object(json);
    }
    json_close_list(json);
}
