#include "faults/bites.h"

#include <string.h>

#include "faults/generate.h"
#include "sim/script.h"
#include "sim/world.h"

void fault_bites_of(const struct sim_world *world, struct fault_bites *bites)
{
    uint64_t drawn[4] = {0}, bit[4] = {0}; /* by which fault of the plan it is */
    const struct sim_spec *spec = world->spec;
    int32_t unreached = sim_script_unreached(world);
    uint32_t ran = unreached < 0 ? spec->steps_count : (uint32_t)unreached;
    memset(bites, 0, sizeof *bites);
    for (uint32_t i = 0; i < ran; i++) {
        uint16_t mark = spec->steps[i].mark;
        unsigned which = mark >> 8;
        uint64_t one = UINT64_C(1) << (which % 64);
        if (mark == 0)
            continue;
        unsigned kind = (mark & 0xff) - 1u;
        bites->drawn[kind] = (uint8_t)(bites->drawn[kind] + ((drawn[which / 64] & one) == 0));
        drawn[which / 64] |= one;
        if (world->bites[1 + i] == 0)
            continue;
        bites->bit[kind] = (uint8_t)(bites->bit[kind] + ((bit[which / 64] & one) == 0));
        bit[which / 64] |= one;
    }
}
