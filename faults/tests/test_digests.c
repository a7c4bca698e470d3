/* What a node's digest is for: two runs of one random scenario give equal digests of every node at every
 * look, and two seeds different ones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/node.h"
#include "faults/generate.h"
#include "sim/tests/support.h"

enum { SEEDS = 24, LOOKS = 40, EVENTS_A_LOOK = 400 };

static void look_often(uint64_t seed, uint64_t digests[LOOKS])
{
    struct fault_plan *plan = malloc(sizeof *plan);
    fault_generate(plan, &(struct fault_request){.seed = seed});
    struct sim_world *world = sim_world_new(test_arena(), &plan->spec, seed);
    for (int look = 0; look < LOOKS; look++) {
        for (int i = 0; i < EVENTS_A_LOOK; i++)
            (void)sim_world_step(world);
        digests[look] = 0;
        for (int32_t id = 1; id <= world->processes_count; id++) {
            const struct isr_node *node = world->processes[id].node;
            uint64_t digest = node == NULL ? 0 : isr_node_digest(node);
            digests[look] = isr_hash_combine(digests[look], digest);
        }
    }
    free(plan);
}

static void digests_are_equal_in_two_runs_of_one_seed(void **state)
{
    (void)state;
    uint64_t last = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t one[LOOKS], other[LOOKS];
        look_often(seed, one);
        look_often(seed, other);
        assert_memory_equal(one, other, sizeof one);
        assert_true(one[LOOKS - 1] != last);
        assert_true(one[0] != one[LOOKS - 1]);
        last = one[LOOKS - 1];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_equal_in_two_runs_of_one_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
