/* The words of the lists: invariants and verdicts as users write and read them. */
#include "sim/world.h"

const char *sim_invariant_name(int64_t invariant)
{
    static const char *const names[] = {
#define X(NAME, name, sentence) #name,
#include "sim/invariants.def"
#undef X
    };
    return invariant >= 0 && invariant < SIM_INVARIANTS ? names[invariant] : "?";
}

const char *sim_verdict_name(enum sim_verdict verdict)
{
    static const char *const names[] = {
#define X(NAME, name, exit_code, meaning) #name,
#include "sim/verdicts.def"
#undef X
    };
    return names[verdict];
}

int sim_verdict_exit_code(enum sim_verdict verdict)
{
    static const int codes[] = {
#define X(NAME, name, exit_code, meaning) exit_code,
#include "sim/verdicts.def"
#undef X
    };
    return codes[verdict];
}
