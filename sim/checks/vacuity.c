/* A run that proved nothing must not pass as one that held: nothing was committed, a step was never reached,
 * or an armed check was never evaluated although the run gave it reason to be. */
#include "sim/checks/state.h"

/* So many reads of leaders past a list with a follower on it are no chance: a few, when its lease is over,
 * are. */
enum { PASSED_OVER_MIN = 5 };

/* Was the check due in this run? For people: why. NULL when it was not. */
static const char *why_due(const struct sim_checks *checks, enum sim_invariant invariant)
{
    switch (invariant) {
    case SIM_INVARIANT_I1:
    case SIM_INVARIANT_I2:
    case SIM_INVARIANT_I8:
        return !checks->view.alone ? "records were committed" : NULL;
    case SIM_INVARIANT_I3:
        return checks->records_acked > 0 ? "records were acknowledged with acks=all" : NULL;
    case SIM_INVARIANT_I4:
        return checks->view.consumes ? "a consumer was there" : NULL;
    case SIM_INVARIANT_I5:
        return checks->elected ? "leaders were elected" : NULL;
    case SIM_INVARIANT_I6:
    case SIM_INVARIANT_I9:
        return checks->elected && !checks->view.peers ? "leaders were elected" : NULL;
    case SIM_INVARIANT_I7:
        return checks->idempotent ? "idempotent producers wrote" : NULL;
    case SIM_INVARIANT_I10:
        return checks->view.pools && checks->pool.passed_over >= PASSED_OVER_MIN && !checks->pool.marked_down
                   ? "a client read from a pool with in-sync followers"
                   : NULL;
    case SIM_INVARIANT_I11:
        return checks->deleted ? "the start of a log moved" : NULL;
    case SIM_INVARIANT_I12:
        return checks->records_compacted > 0 ? "records were compacted" : NULL;
    case SIM_INVARIANT_L1:
        return checks->view.settles ? "the run has a settle phase" : NULL;
    case SIM_INVARIANT_R1:
    case SIM_INVARIANT_R2:
    case SIM_INVARIANT_R3:
    case SIM_INVARIANT_R4:
    case SIM_INVARIANT_R5:
    case SIM_INVARIANT_R6:
        return checks->view.raft ? "there are Raft controllers" : NULL;
    case SIM_INVARIANT_G1:
    case SIM_INVARIANT_G2:
    case SIM_INVARIANT_G3:
        return checks->view.peers && checks->elected ? "peers elected a leader" : NULL;
    case SIM_INVARIANT_G4:
        return check_peers_chose(checks->peers) ? "peers voted for another" : NULL;
    case SIM_INVARIANTS:
        break;
    }
    return NULL;
}

static const char *name_of(enum sim_invariant invariant)
{
    static const char *const names[] = {
#define X(NAME, name, sentence) #name,
#include "sim/invariants.def"
#undef X
    };
    return names[invariant];
}

const char *check_vacuity(struct sim_checks *checks)
{
    struct isr_text text = ISR_TEXT(checks->vacuous);
    int32_t step = checks->view.step_unreached(checks->view.object);
    if (step >= 0)
        isr_text_format(&text, "step %d never ran: what it waits for did not happen", step + 1);
    else if (checks->records_committed == 0)
        isr_text_format(&text, checks->view.alone ? "no entry was applied"
                                                  : "no record was committed: no high watermark moved");
    for (int i = 0; i < SIM_INVARIANTS && text.length == 0; i++) {
        const char *why = why_due(checks, (enum sim_invariant)i);
        if (why != NULL && check_armed(checks, (enum sim_invariant)i) && checks->evaluated[i] == 0)
            isr_text_format(&text, "%s was never evaluated although %s", name_of((enum sim_invariant)i), why);
    }
    return text.length == 0 ? NULL : checks->vacuous;
}
