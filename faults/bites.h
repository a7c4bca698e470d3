/* Which faults of a generated scenario had their effect. */
#ifndef FAULT_BITES_H
#define FAULT_BITES_H

#include "faults/kinds.h"

struct sim_world;

/* Faults of one run, by kind: whose first step was reached, and of these the ones of which a step had its
 * effect (sim_world.bites). */
struct fault_bites {
    uint8_t drawn[FAULT_KINDS];
    uint8_t bit[FAULT_KINDS];
};

/* Of a world that was built from a generated scenario. */
void fault_bites_of(const struct sim_world *world, struct fault_bites *bites);

#endif
