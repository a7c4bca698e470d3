#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/policy/settings.h"
#include "faults/generate.h"
#include "faults/group.h"

enum { SEEDS = 500 };

static struct fault_plan *plan_of(enum fault_profile profile, uint64_t seed)
{
    struct fault_plan *plan = malloc(sizeof *plan);
    assert_non_null(plan);
    fault_generate(plan, &(struct fault_request){.profile = profile, .seed = seed});
    return plan;
}

static struct fault_plan *plan_new(uint64_t seed)
{
    return plan_of(FAULT_PROFILE_DEFAULT, seed);
}

static bool is_chase(const struct fault_plan *plan)
{
    return plan->spec.steps_may_remain;
}

/* A voter's own files are damaged by nothing that its budget would not survive. */
static bool spares_quorum_files(const struct fault_plan *plan)
{
    for (uint32_t i = 0; i < plan->spec.steps_count; i++) {
        const struct sim_action *action = &plan->steps[i].action;
        bool damages = action->kind == SIM_ACTION_LYING_SYNC || action->kind == SIM_ACTION_LOSE_WRITES ||
                       action->kind == SIM_ACTION_MISDIRECT_WRITES || action->kind == SIM_ACTION_ROT;
        if (damages && (action->files & 1u << ISR_FILE_QUORUM_LOG) != 0)
            return false;
    }
    return true;
}

static void generates_a_sound_scenario_for_every_seed_of_every_profile(void **state)
{
    (void)state;
    size_t profiles;
    const struct fault_profile_info *infos = fault_profiles_list(&profiles);
    uint32_t damaged = 0;
    for (uint64_t i = 0; i < SEEDS * profiles; i++) {
        uint64_t seed = 1 + i / profiles;
        enum fault_profile profile = (enum fault_profile)(i % profiles);
        struct fault_plan *plan = plan_of(profile, seed);
        char sentence[256];
        uint32_t where = 0;
        const char *wrong = sim_spec_check(&plan->spec, sentence, sizeof sentence, &where);
        if (wrong != NULL)
            fail_msg("%s seed %d, step %d: %s", infos[profile].name, (int)seed, (int)where, wrong);
        uint32_t more = plan->spec.unchecked & ~infos[profile].unchecked;
        assert_true(more == (spares_quorum_files(plan) ? 0 : UINT32_C(1) << SIM_INVARIANT_L1));
        assert_true(more == 0 || plan->over_budget);
        damaged += more != 0;
        free(plan);
    }
    assert_true(damaged > 0);
}

static bool same_around(const struct fault_plan *one, const struct fault_plan *other)
{
    return memcmp(&one->spec.config, &other->spec.config, sizeof one->spec.config) == 0 &&
           memcmp(&one->topics[0].settings, &other->topics[0].settings, sizeof one->topics[0].settings) ==
               0 &&
           memcmp(one->clients, other->clients, sizeof one->clients) == 0 && one->kinds == other->kinds;
}

static bool same_step(const struct sim_step *one, const struct sim_step *other)
{
    return one->gate == other->gate && one->time_ns == other->time_ns &&
           one->at_latest_ns == other->at_latest_ns && one->action.kind == other->action.kind &&
           memcmp(&one->action.nodes, &other->action.nodes, sizeof one->action.nodes) == 0 &&
           memcmp(&one->action.from, &other->action.from, sizeof one->action.from) == 0;
}

/* Steps at the beginning that are the same. */
static uint32_t same_steps(const struct fault_plan *one, const struct fault_plan *other)
{
    uint32_t same = 0;
    while (same < one->spec.steps_count && same < other->spec.steps_count &&
           same_step(&one->steps[same], &other->steps[same]))
        same++;
    return same;
}

static void turns_keep_what_comes_before(void **state)
{
    (void)state;
    uint32_t changed = 0, chases = 0;
    struct fault_plan *turned = malloc(sizeof *turned), *again = malloc(sizeof *again);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct fault_plan *plan = plan_new(seed);
        struct fault_request request = {.seed = seed, .turns = {{3, 1000 + seed}, {9, 7}}, .turns_count = 2};
        char sentence[256];
        uint32_t where;
        fault_generate(turned, &request);
        fault_generate(again, &request);
        assert_null(sim_spec_check(&turned->spec, sentence, sizeof sentence, &where));
        assert_int_equal(same_steps(turned, again), turned->spec.steps_count);
        assert_true(same_around(plan, turned));
        changed += same_steps(plan, turned) < plan->spec.steps_count;
        if (is_chase(plan)) { /* in the order of the moves */
            uint32_t early = same_steps(plan, turned);
            chases++;
            request.turns[0].after = 20;
            request.turns_count = 1;
            fault_generate(again, &request);
            assert_true(same_steps(plan, again) >= early && same_steps(plan, again) >= 10);
        }
        free(plan);
    }
    assert_true(changed > 50 && chases > 20);
    free(turned);
    free(again);
}

static void leaves_consensus_alone_when_that_is_the_profile(void **state)
{
    (void)state;
    uint32_t five = 0, standing_by = 0;
    struct fault_plan *plan = malloc(sizeof *plan);
    assert_non_null(plan);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct fault_request request = {.profile = FAULT_PROFILE_RAFT,
                                              .seed = seed,
                                              .consensus = SIM_CONSENSUS_LIBRAFT,
                                              .unchecked = UINT32_C(1) << SIM_INVARIANT_R6};
        fault_generate(plan, &request);
        assert_true(sim_spec_is_alone(&plan->spec));
        assert_int_equal(plan->spec.consensus, SIM_CONSENSUS_LIBRAFT);
        assert_int_equal(plan->spec.unchecked, UINT32_C(1) << SIM_INVARIANT_R6);
        assert_int_equal(plan->spec.topics_count, 0);
        five += plan->spec.alone == 5;
        standing_by += plan->spec.standby_controllers > 0;
        for (uint32_t i = 0; i < plan->spec.clients_count; i++)
            assert_int_equal(plan->spec.clients[i].kind, SIM_CLIENT_PROPOSER);
    }
    assert_true(five > 0 && five < SEEDS);
    assert_true(standing_by > 0 && standing_by < SEEDS);
    free(plan);
}

static uint32_t power_losses_of(const struct fault_plan *plan)
{
    uint32_t losses = 0;
    for (uint32_t i = 0; i < plan->spec.steps_count; i++) {
        for (int32_t node = 1; node <= plan->spec.brokers; node++)
            losses += plan->steps[i].action.kind == SIM_ACTION_POWER_OFF &&
                      sim_node_set_has(&plan->steps[i].action.nodes, node);
    }
    return losses;
}

static void takes_more_power_when_over_budget(void **state)
{
    (void)state;
    uint32_t within = 0, over = 0;
    struct fault_plan *plan = malloc(sizeof *plan);
    assert_non_null(plan);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_request request = {.profile = FAULT_PROFILE_POWER, .seed = seed};
        fault_generate(plan, &request);
        within += power_losses_of(plan);
        assert_false(plan->over_budget);
        request.over_budget = true;
        fault_generate(plan, &request);
        over += power_losses_of(plan);
        assert_true(plan->over_budget);
    }
    free(plan);
    assert_true(over > 2 * within);
}

static void keeps_to_the_kinds_of_its_profile(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan *plan = plan_of(FAULT_PROFILE_MESSAGES, seed);
        for (uint32_t i = 0; i < plan->spec.steps_count; i++) {
            enum sim_action_scope scope = sim_action_scope(plan->steps[i].action.kind);
            enum sim_action_kind kind = plan->steps[i].action.kind;
            assert_true(scope == SIM_SCOPE_LINKS || scope == SIM_SCOPE_NETWORK ||
                        scope == SIM_SCOPE_TIMELINE || kind == SIM_ACTION_ELECT || kind == SIM_ACTION_HEAL);
        }
        free(plan);
    }
}

static void names_profiles_as_they_are_listed(void **state)
{
    (void)state;
    size_t count;
    const struct fault_profile_info *infos = fault_profiles_list(&count);
    enum fault_profile profile = FAULT_PROFILES;
    for (size_t i = 0; i < count; i++) {
        assert_true(fault_profile_named(infos[i].name, &profile));
        assert_int_equal(profile, i);
    }
    assert_false(fault_profile_named("defualt", &profile));
}

static void generates_the_same_scenario_when_the_seed_is_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan *one = plan_new(seed), *other = plan_new(seed);
        assert_int_equal(one->spec.steps_count, other->spec.steps_count);
        for (uint32_t i = 0; i < one->spec.steps_count; i++) {
            assert_int_equal(one->steps[i].action.kind, other->steps[i].action.kind);
            assert_int_equal(one->steps[i].gate, other->steps[i].gate);
            assert_int_equal(one->steps[i].time_ns, other->steps[i].time_ns);
            assert_memory_equal(&one->steps[i].action.nodes, &other->steps[i].action.nodes,
                                sizeof one->steps[i].action.nodes);
        }
        free(one);
        free(other);
    }
}

static void uses_only_the_kinds_that_the_seed_turned_on_when_it_chases(void **state)
{
    (void)state;
    uint32_t chases = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan *plan = plan_new(seed);
        chases += is_chase(plan);
        for (uint32_t i = 0; is_chase(plan) && i < plan->spec.steps_count; i++) {
            enum sim_action_kind kind = plan->steps[i].action.kind;
            if (kind == SIM_ACTION_PAUSE)
                assert_true(plan->kinds >> FAULT_PAUSE & 1);
            if (kind == SIM_ACTION_SHUTDOWN)
                assert_true(plan->kinds >> FAULT_SHUTDOWN & 1);
            if (kind == SIM_ACTION_ELECT)
                assert_true(plan->kinds >> FAULT_ELECT & 1);
            if (kind == SIM_ACTION_LINK)
                assert_true(plan->kinds >> FAULT_SLOW_LINK & 1);
        }
        free(plan);
    }
    /* About two of three seeds. */
    assert_in_range(chases, SEEDS / 2, SEEDS * 3 / 4);
}

static void keeps_power_losses_of_brokers_within_what_the_configuration_survives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan *plan = plan_new(seed);
        int64_t budget = INT32_MAX;
        if (plan->spec.peer.count > 0)
            budget = fault_group_power_budget(plan);
        for (uint32_t i = 0; plan->spec.peer.count == 0 && i < plan->spec.topics_count; i++) {
            const struct sim_topic_spec *topic = &plan->topics[i];
            int32_t promise = isr_topic_promise(&topic->settings, (uint32_t)topic->replication_factor);
            if (promise > 0 && promise - 1 < budget)
                budget = promise - 1;
        }
        if (plan->spec.config.log_flush_messages == 0)
            assert_true(power_losses_of(plan) <= budget);
        free(plan);
    }
}

/* Each controller that stands by makes up for one first voter, and no step concerns anybody else. */
static void keeps_voters_when_members_change(void **state)
{
    (void)state;
    uint32_t changes = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan *plan = plan_new(seed);
        int32_t removed = 0;
        for (uint32_t i = 0; i < plan->spec.steps_count; i++) {
            const struct sim_action *action = &plan->steps[i].action;
            bool adds = action->kind == SIM_ACTION_ADD_VOTER || action->kind == SIM_ACTION_ADD_LEARNER;
            if (adds)
                assert_false(sim_spec_is_first_voter(&plan->spec, action->node));
            removed +=
                action->kind == SIM_ACTION_REMOVE_VOTER && sim_spec_is_first_voter(&plan->spec, action->node);
            changes += adds;
        }
        assert_true(removed <= plan->spec.standby_controllers);
        assert_true((plan->spec.standby_controllers > 0) <= (plan->kinds >> FAULT_MEMBERS & 1));
        free(plan);
    }
    assert_true(changes > SEEDS / 25);
}

/* What an opening begins with, that no move does. */
static bool opens_with_late_request(const struct fault_plan *plan)
{
    for (uint32_t i = 0; i < plan->spec.steps_count && i < 6; i++) {
        const struct sim_action *action = &plan->steps[i].action;
        if (action->kind == SIM_ACTION_HOLD &&
            sim_message_set_has(&action->messages, ISR_MESSAGE_ALTER_PARTITION_REQUEST) &&
            !sim_message_set_has(&action->messages, ISR_MESSAGE_FETCH_REQUEST))
            return true;
    }
    return false;
}

static bool opens_with_deposed_controller(const struct fault_plan *plan)
{
    const struct sim_action *first = &plan->steps[0].action, *second = &plan->steps[1].action;
    return first->kind == SIM_ACTION_CUT && sim_node_set_has(&first->from, SIM_NODE_CONTROLLER) &&
           second->kind == SIM_ACTION_CUT && sim_node_set_has(&second->from, SIM_NODE_CONTROLLER);
}

static uint32_t count_nodes(const struct sim_node_set *set)
{
    uint32_t count = 0;
    for (int32_t node = 0; node < SIM_NODES_MAX; node++)
        count += sim_node_set_has(set, node);
    return count;
}

static bool opens_with_stale_heir(const struct fault_plan *plan)
{
    const struct sim_action *first = &plan->steps[0].action;
    return first->kind == SIM_ACTION_CUT && !first->both_ways && count_nodes(&first->from) == 2 &&
           count_nodes(&first->to) == 1 && !sim_node_set_has(&first->from, SIM_NODE_CONTROLLER);
}

static bool opens_with_missed_epoch(const struct fault_plan *plan)
{
    return plan->spec.config.metadata_push && plan->steps[0].action.kind == SIM_ACTION_CUT &&
           plan->steps[1].gate == SIM_GATE_WAIT && plan->steps[1].action.kind == SIM_ACTION_CUT;
}

static bool opens_with_late_act(const struct fault_plan *plan)
{
    return plan->spec.yields == UINT32_C(1) << ISR_YIELD_ISR_EXPAND &&
           plan->spec.config.yield_time_max > 2 * ISR_SECOND;
}

static void opens_chases_with_histories_of_several_moves(void **state)
{
    (void)state;
    static bool (*const openings[])(const struct fault_plan *plan) = {
        opens_with_late_request, opens_with_deposed_controller, opens_with_stale_heir,
        opens_with_missed_epoch, opens_with_late_act};
    enum { OPENINGS = sizeof openings / sizeof openings[0] };
    uint32_t found[OPENINGS] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan *plan = plan_new(seed);
        for (unsigned i = 0; is_chase(plan) && i < OPENINGS; i++)
            found[i] += openings[i](plan);
        free(plan);
    }
    for (unsigned i = 0; i < OPENINGS; i++)
        assert_true(found[i] > 0);
}

/* What is left suffices: min ISR of the replicas, whoever they are, and a majority of the controllers. */
static void leaves_enough_where_somebody_is_gone_for_good(void **state)
{
    (void)state;
    uint32_t gone = 0, peers = 0, by_half = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan *plan = plan_new(seed);
        const struct sim_spec *spec = &plan->spec;
        int32_t brokers = 0, voters = 0;
        for (int32_t node = 1; node < sim_spec_first_client(spec); node++) {
            brokers += sim_spec_is_broker(spec, node) && sim_node_set_has(&spec->gone, node);
            voters += sim_spec_is_first_voter(spec, node) && sim_node_set_has(&spec->gone, node);
        }
        if (spec->peer.count > 0)
            assert_true(2 * (spec->peer.count - brokers) > spec->peer.count);
        for (uint32_t i = 0; i < spec->topics_count && brokers > 0 && spec->peer.count == 0; i++) {
            int32_t replicas = spec->topics[i].replication_factor;
            assert_true(replicas - brokers >=
                        isr_topic_copies(&spec->topics[i].settings, (uint32_t)replicas));
        }
        assert_true(2 * (spec->controllers - voters) > spec->controllers || voters == 0);
        assert_true(voters == 0 || spec->standby_controllers == 0);
        bool some = !sim_node_set_is_empty(&spec->gone);
        gone += some;
        peers += some && spec->peer.count > 0;
        by_half += some && spec->gone_how != SIM_GONE_APART;
        assert_true(spec->gone_how != SIM_GONE_PARTED);
        free(plan);
    }
    assert_in_range(gone, SEEDS / 5, SEEDS / 2);
    assert_true(peers > 0 && by_half > gone / 3);
}

static bool waits_for(const struct fault_plan *plan, uint32_t place, enum sim_condition_kind condition)
{
    const struct sim_step *step = &plan->steps[place];
    return step->gate == SIM_GATE_WHEN && step->condition.kind == condition &&
           step->action.kind == SIM_ACTION_NOTE;
}

/* Of chases and of faults at any time, and of nobody else. */
static void strikes_first_when_something_is_committed_where_somebody_is_gone_for_good(void **state)
{
    (void)state;
    uint32_t chases = 0, others = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan *plan = plan_of(FAULT_PROFILE_POWER, seed);
        bool waits =
            waits_for(plan, 0, SIM_CONDITION_LEADER_ELECTED) && waits_for(plan, 1, SIM_CONDITION_COMMITTED);
        assert_int_equal(waits, !sim_node_set_is_empty(&plan->spec.gone));
        assert_true(!waits || plan->steps[0].at_latest_ns + plan->steps[1].at_latest_ns <
                                  plan->spec.duration_ns - plan->spec.settle_ns);
        chases += waits && is_chase(plan);
        others += waits && !is_chase(plan);
        free(plan);
    }
    assert_true(chases > 0 && others > 0);
}

static bool makes_lone_entries(const struct fault_plan *plan)
{
    return plan->spec.config.quorum_append_max_bytes == 1;
}

/* Of two leaders each is asked by name. */
static bool makes_two_changes(const struct fault_plan *plan)
{
    int32_t asked[2] = {0};
    for (uint32_t i = 0; i < plan->spec.steps_count && i < 14; i++) {
        const struct sim_action *action = &plan->steps[i].action;
        if (action->kind == SIM_ACTION_ADD_VOTER && asked[0] == 0)
            asked[0] = action->asked;
        if (action->kind == SIM_ACTION_REMOVE_VOTER && asked[1] == 0)
            asked[1] = action->asked;
    }
    return plan->spec.controllers == 4 && asked[0] != 0 && asked[1] != 0 && asked[0] != asked[1];
}

static bool makes_a_vote_be_forgotten(const struct fault_plan *plan)
{
    for (uint32_t i = 0; i < plan->spec.steps_count && i < 8; i++) {
        if (plan->steps[i].action.kind == SIM_ACTION_DISK)
            return true;
    }
    return false;
}

/* With the kinds that the seed turned on, and those of the opening. */
static void chases_the_quorum_where_consensus_is_alone(void **state)
{
    (void)state;
    static bool (*const openings[])(const struct fault_plan *plan) = {makes_lone_entries, makes_two_changes,
                                                                      makes_a_vote_be_forgotten};
    enum { OPENINGS = sizeof openings / sizeof openings[0] };
    uint32_t found[OPENINGS] = {0}, chases = 0, parted = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan *plan = plan_of(FAULT_PROFILE_RAFT, seed);
        int32_t removed = 0;
        chases += is_chase(plan);
        parted += plan->spec.gone_how == SIM_GONE_PARTED;
        for (unsigned i = 0; is_chase(plan) && i < OPENINGS; i++)
            found[i] += openings[i](plan);
        for (uint32_t i = 0; is_chase(plan) && i < plan->spec.steps_count; i++) {
            const struct sim_step *step = &plan->steps[i];
            uint64_t kind = step->mark == 0 ? plan->kinds : UINT64_C(1) << ((step->mark & 0xff) - 1);
            assert_true((kind & plan->kinds) != 0);
            removed += step->action.kind == SIM_ACTION_REMOVE_VOTER &&
                       sim_spec_is_first_voter(&plan->spec, step->action.node);
        }
        assert_true(removed <= plan->spec.standby_controllers);
        free(plan);
    }
    assert_in_range(chases, SEEDS / 2, SEEDS * 3 / 4);
    assert_true(parted > 0);
    for (unsigned i = 0; i < OPENINGS; i++)
        assert_true(found[i] > 0);
}

static void lets_every_wait_of_a_chase_end(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan *plan = plan_new(seed);
        for (uint32_t i = 0; i < plan->spec.steps_count; i++) {
            const struct sim_step *step = &plan->steps[i];
            if (step->gate == SIM_GATE_WHEN || step->gate == SIM_GATE_AFTER)
                assert_true(step->at_latest_ns < 20 * ISR_SECOND);
        }
        free(plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generates_a_sound_scenario_for_every_seed_of_every_profile),
        cmocka_unit_test(turns_keep_what_comes_before),
        cmocka_unit_test(leaves_consensus_alone_when_that_is_the_profile),
        cmocka_unit_test(takes_more_power_when_over_budget),
        cmocka_unit_test(keeps_to_the_kinds_of_its_profile),
        cmocka_unit_test(names_profiles_as_they_are_listed),
        cmocka_unit_test(generates_the_same_scenario_when_the_seed_is_the_same),
        cmocka_unit_test(uses_only_the_kinds_that_the_seed_turned_on_when_it_chases),
        cmocka_unit_test(keeps_power_losses_of_brokers_within_what_the_configuration_survives),
        cmocka_unit_test(keeps_voters_when_members_change),
        cmocka_unit_test(opens_chases_with_histories_of_several_moves),
        cmocka_unit_test(leaves_enough_where_somebody_is_gone_for_good),
        cmocka_unit_test(strikes_first_when_something_is_committed_where_somebody_is_gone_for_good),
        cmocka_unit_test(chases_the_quorum_where_consensus_is_alone),
        cmocka_unit_test(lets_every_wait_of_a_chase_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
