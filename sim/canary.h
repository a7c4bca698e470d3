/* Is this a build with the canary (sim/canaries.def)? A constant. */
#ifndef SIM_CANARY_H
#define SIM_CANARY_H

enum sim_canary {
    SIM_CANARY_none,
#define X(name, meaning) SIM_CANARY_##name,
#include "sim/canaries.def"
#undef X
};

#ifndef ISRSIM_CANARY
#define ISRSIM_CANARY none
#endif
#define SIM_CANARY_NUMBER_OF_(name) SIM_CANARY_##name
#define SIM_CANARY_NUMBER_OF(name) SIM_CANARY_NUMBER_OF_(name)
#define SIM_CANARY(name) (SIM_CANARY_NUMBER_OF(ISRSIM_CANARY) == SIM_CANARY_##name)

#endif
