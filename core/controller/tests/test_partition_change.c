#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/partition_change.h"
#include "core/tests/support.h"

/* Sets are written as they are packed: 0x030201 is [1,2,3]. */
static struct isr_replicas set(uint64_t packed)
{
    return isr_replicas_unpack(packed);
}

struct fixture {
    struct test_heap heap;
    struct isr_image image;
    struct isr_rules rules;
};

/* One topic with one partition on brokers 1, 2, 3, all of them active, min ISR as given. */
static void fixture_init(struct fixture *f, int16_t min_isr, bool unclean)
{
    test_heap_init(&f->heap);
    isr_image_init(&f->image, &f->heap.heap);
    f->rules = (struct isr_rules){0};
    for (int16_t id = 1; id <= 3; id++)
        f->image.brokers[id] = (struct isr_image_broker){.registered = true, .epoch = id, .incarnation = 1};
    struct isr_metadata_record topic = {
        .kind = ISR_METADATA_TOPIC,
        .topic_record = {
            .topic = 1, .name = {"t"}, .partitions = 1, .settings = isr_topic_settings_of_min_isr(min_isr)}};
    topic.topic_record.settings.unclean = unclean;
    assert_true(isr_image_apply_record(&f->image, 1, &topic, NULL));
    struct isr_image_partition partition = {
        .tp = {1, 0}, .leader = 1, .replicas = set(0x030201), .isr = set(1)};
    struct isr_metadata_record record = isr_image_partition_record(&partition, ISR_CAUSE_TOPIC_CREATED);
    assert_true(isr_image_apply_record(&f->image, 1, &record, NULL));
}

enum { ONLINE = CTL_ELECTION_ONLINE, PREFERRED = CTL_ELECTION_PREFERRED, UNCLEAN = CTL_ELECTION_UNCLEAN };
enum { NONE = ISR_NODE_NONE };

struct row {
    const char *name;
    /* before; epochs 7 and 9 */
    int16_t min_isr;
    bool unclean_topic, elr_off, unclean_rule;
    int32_t leader;
    uint64_t isr, elr, last_known;
    bool recovering;
    uint64_t active; /* set of active brokers */
    /* what happens */
    int election;
    int32_t leaves, returns;
    bool forgets;
    uint64_t asked; /* 0: as it is */
    bool recovered;
    /* after; changes = false: nothing, and the rest is not looked at */
    bool changes;
    int32_t leader_after;
    uint64_t isr_after, elr_after, last_known_after;
    bool recovering_after;
    enum isr_cause cause;
};

/* clang-format off */
static const struct row rows[] = {
    /* ---- the leader stays ---- */
    {"follower fenced, enough left", 2, 0, 0, 0, 1, 0x030201, 0, 0, 0, 0x0201, ONLINE, 3, NONE, 0, 0, 0,
     true, 1, 0x0201, 0, 0, 0, ISR_CAUSE_BROKER_FENCED},
    {"follower fenced below min ISR stays eligible", 2, 0, 0, 0, 1, 0x0201, 0, 0, 0, 0x0301, ONLINE, 2, NONE, 0, 0, 0,
     true, 1, 0x01, 0x02, 0, 0, ISR_CAUSE_BROKER_FENCED},
    {"follower fenced outside the ISR", 2, 0, 0, 0, 1, 0x0201, 0, 0, 0, 0x0201, ONLINE, 3, NONE, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    {"nothing happens", 2, 0, 0, 0, 1, 0x030201, 0, 0, 0, 0x030201, ONLINE, NONE, NONE, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    {"eligible replica fenced stays eligible", 2, 0, 0, 0, 1, 0x01, 0x02, 0, 0, 0x01, ONLINE, 2, NONE, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    /* ---- AlterPartition ---- */
    {"shrink asked", 2, 0, 0, 0, 1, 0x030201, 0, 0, 0, 0x030201, ONLINE, NONE, NONE, 0, 0x0201, 0,
     true, 1, 0x0201, 0, 0, 0, ISR_CAUSE_ALTER_PARTITION},
    {"shrink asked below min ISR fills the ELR", 2, 0, 0, 0, 1, 0x0201, 0, 0, 0, 0x030201, ONLINE, NONE, NONE, 0, 0x01, 0,
     true, 1, 0x01, 0x02, 0, 0, ISR_CAUSE_ALTER_PARTITION},
    {"deep shrink asked makes all that left eligible", 3, 0, 0, 0, 1, 0x030201, 0, 0, 0, 0x030201, ONLINE, NONE, NONE, 0, 0x01, 0,
     true, 1, 0x01, 0x0302, 0, 0, ISR_CAUSE_ALTER_PARTITION},
    {"expand to min ISR clears the ELR", 2, 0, 0, 0, 1, 0x01, 0x02, 0, 0, 0x030201, ONLINE, NONE, NONE, 0, 0x0301, 0,
     true, 1, 0x0301, 0, 0, 0, ISR_CAUSE_ALTER_PARTITION},
    {"expand below min ISR keeps the other eligible ones", 3, 0, 0, 0, 1, 0x01, 0x0302, 0, 0, 0x030201, ONLINE, NONE, NONE, 0, 0x0201, 0,
     true, 1, 0x0201, 0x03, 0, 0, ISR_CAUSE_ALTER_PARTITION},
    {"the same ISR asked", 2, 0, 0, 0, 1, 0x0201, 0, 0, 0, 0x030201, ONLINE, NONE, NONE, 0, 0x0102, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    {"asked in another order lands in assignment order", 2, 0, 0, 0, 1, 0x01, 0, 0, 0, 0x030201, ONLINE, NONE, NONE, 0, 0x010203, 0,
     true, 1, 0x030201, 0, 0, 0, ISR_CAUSE_ALTER_PARTITION},
    {"the leader has recovered", 1, 0, 0, 0, 1, 0x01, 0, 0, true, 0x030201, ONLINE, NONE, NONE, 0, 0x01, true,
     true, 1, 0x01, 0, 0, false, ISR_CAUSE_ALTER_PARTITION},
    {"shrink without ELR", 2, 0, true, 0, 1, 0x0201, 0, 0, 0, 0x030201, ONLINE, NONE, NONE, 0, 0x01, 0,
     true, 1, 0x01, 0, 0, 0, ISR_CAUSE_ALTER_PARTITION},
    /* ---- clean elections ---- */
    {"leader fenced, next of the assignment leads", 2, 0, 0, 0, 1, 0x030201, 0, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, 2, 0x0302, 0, 0, 0, ISR_CAUSE_ELECTION_CLEAN},
    {"leader fenced, next is outside the ISR", 1, 0, 0, 0, 1, 0x0301, 0, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, 3, 0x03, 0, 0, 0, ISR_CAUSE_ELECTION_CLEAN},
    {"leader fenced, min ISR not kept", 2, 0, 0, 0, 1, 0x0201, 0, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, 2, 0x02, 0x01, 0, 0, ISR_CAUSE_ELECTION_CLEAN},
    {"recovering stays over a clean election", 2, 0, 0, 0, 1, 0x0201, 0, 0, true, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, 2, 0x02, 0x01, 0, true, ISR_CAUSE_ELECTION_CLEAN},
    {"last ISR member fenced, nobody eligible alive", 2, 0, 0, 0, 1, 0x01, 0, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, NONE, 0, 0x01, 0x01, 0, ISR_CAUSE_NO_LEADER},
    {"last ISR member fenced without ELR stays", 2, 0, true, 0, 1, 0x01, 0, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, NONE, 0x01, 0, 0, 0, ISR_CAUSE_NO_LEADER},
    {"last ISR member fenced again without ELR", 2, 0, true, 0, NONE, 0x01, 0, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    {"last ISR member returns without ELR", 2, 0, true, 0, NONE, 0x01, 0, 0, 0, 0x0302, ONLINE, NONE, 1, 0, 0, 0,
     true, 1, 0x01, 0, 0, 0, ISR_CAUSE_ELECTION_CLEAN},
    {"another returns without ELR", 2, 0, true, 0, NONE, 0x01, 0, 0, 0, 0x02, ONLINE, NONE, 3, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    /* ---- elections from the ELR ---- */
    {"leader fenced, an eligible one leads", 2, 0, 0, 0, 1, 0x01, 0x02, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, 2, 0x02, 0x01, 0, 0, ISR_CAUSE_ELECTION_ELR},
    {"an eligible one returns", 2, 0, 0, 0, NONE, 0, 0x0201, 0x01, 0, 0x03, ONLINE, NONE, 2, 0, 0, 0,
     true, 2, 0x02, 0x01, 0, 0, ISR_CAUSE_ELECTION_ELR},
    {"an eligible one returns after min ISR was lowered: it is enough", 1, 0, 0, 0, NONE, 0, 0x0201, 0x01, 0, 0x03, ONLINE, NONE, 2, 0, 0, 0,
     true, 2, 0x02, 0, 0, 0, ISR_CAUSE_ELECTION_ELR},
    {"one that is not eligible returns", 2, 0, 0, 0, NONE, 0, 0x0201, 0x01, 0, 0, ONLINE, NONE, 3, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    {"the first eligible one of the assignment leads", 2, 0, 0, 0, NONE, 0, 0x0302, 0x03, 0, 0x03, ONLINE, NONE, 2, 0, 0, 0,
     true, 2, 0x02, 0x03, 0, 0, ISR_CAUSE_ELECTION_ELR},
    /* ---- unclean restarts ---- */
    {"unclean follower is forgotten", 2, 0, 0, 0, 1, 0x0201, 0, 0, 0, 0x0301, ONLINE, 2, NONE, true, 0, 0,
     true, 1, 0x01, 0, 0, 0, ISR_CAUSE_BROKER_UNCLEAN},
    {"unclean eligible one is forgotten", 2, 0, 0, 0, 1, 0x01, 0x02, 0, 0, 0x0301, ONLINE, 2, NONE, true, 0, 0,
     true, 1, 0x01, 0, 0, 0, ISR_CAUSE_BROKER_UNCLEAN},
    {"unclean last leader with an eligible one alive", 2, 0, 0, 0, 1, 0x01, 0x02, 0, 0, 0x02, ONLINE, 1, NONE, true, 0, 0,
     true, 2, 0x02, 0, 0, 0, ISR_CAUSE_ELECTION_ELR},
    {"unclean last leader, nobody left", 2, 0, 0, 0, 1, 0x01, 0, 0, 0, 0x0302, ONLINE, 1, NONE, true, 0, 0,
     true, NONE, 0, 0, 0x01, 0, ISR_CAUSE_NO_LEADER},
    {"unclean eligible one while leaderless", 2, 0, 0, 0, NONE, 0, 0x01, 0x01, 0, 0x0302, ONLINE, 1, NONE, true, 0, 0,
     true, NONE, 0, 0, 0x01, 0, ISR_CAUSE_BROKER_UNCLEAN},
    {"unclean last member stays without ELR", 2, 0, true, 0, NONE, 0x01, 0, 0, 0, 0x0302, ONLINE, 1, NONE, true, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    /* ---- the last known leader ---- */
    {"last known leader returns and nothing better is left", 2, 0, 0, 0, NONE, 0, 0, 0x01, 0, 0x02, ONLINE, NONE, 1, 0, 0, 0,
     true, 1, 0x01, 0, 0, true, ISR_CAUSE_ELECTION_UNCLEAN},
    {"another returns than the last known leader", 2, 0, 0, 0, NONE, 0, 0, 0x01, 0, 0, ONLINE, NONE, 2, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    {"last known leader is passed over while one is eligible", 2, 0, 0, 0, NONE, 0, 0x02, 0x01, 0, 0, ONLINE, NONE, 1, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    {"last known leader comes before an unclean one", 2, true, 0, 0, NONE, 0, 0, 0x03, 0, 0x01, ONLINE, NONE, 3, 0, 0, 0,
     true, 3, 0x03, 0, 0, true, ISR_CAUSE_ELECTION_UNCLEAN},
    {"two last known leaders are none", 2, 0, 0, 0, NONE, 0, 0, 0x0201, 0, 0, ONLINE, NONE, 1, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    /* ---- unclean elections ---- */
    {"unclean where the topic allows", 2, true, 0, 0, 1, 0x01, 0, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, 2, 0x02, 0, 0, true, ISR_CAUSE_ELECTION_UNCLEAN},
    {"unclean where the rule allows", 2, 0, 0, true, 1, 0x01, 0, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, 2, 0x02, 0, 0, true, ISR_CAUSE_ELECTION_UNCLEAN},
    {"unclean without ELR", 2, true, true, 0, 1, 0x01, 0, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, 2, 0x02, 0, 0, true, ISR_CAUSE_ELECTION_UNCLEAN},
    {"clean goes before unclean", 1, true, 0, true, 1, 0x0301, 0, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, 3, 0x03, 0, 0, 0, ISR_CAUSE_ELECTION_CLEAN},
    {"eligible goes before unclean", 2, true, 0, true, 1, 0x01, 0x03, 0, 0, 0x0302, ONLINE, 1, NONE, 0, 0, 0,
     true, 3, 0x03, 0x01, 0, 0, ISR_CAUSE_ELECTION_ELR},
    {"unclean on return", 2, true, 0, 0, NONE, 0, 0x01, 0x01, 0, 0, ONLINE, NONE, 3, 0, 0, 0,
     true, 3, 0x03, 0, 0, true, ISR_CAUSE_ELECTION_UNCLEAN},
    {"unclean but nobody alive", 2, true, 0, 0, 1, 0x01, 0, 0, 0, 0, ONLINE, 1, NONE, 0, 0, 0,
     true, NONE, 0, 0x01, 0x01, 0, ISR_CAUSE_NO_LEADER},
    {"unclean by request on a topic that does not allow it", 2, 0, 0, 0, NONE, 0, 0x01, 0x01, 0, 0x0302, UNCLEAN, NONE, NONE, 0, 0, 0,
     true, 2, 0x02, 0, 0, true, ISR_CAUSE_ELECTION_UNCLEAN},
    {"unclean by request, nobody alive", 2, 0, 0, 0, NONE, 0, 0x01, 0x01, 0, 0, UNCLEAN, NONE, NONE, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    /* ---- preferred elections ---- */
    {"preferred replica leads", 2, 0, 0, 0, 2, 0x030201, 0, 0, 0, 0x030201, PREFERRED, NONE, NONE, 0, 0, 0,
     true, 1, 0x030201, 0, 0, 0, ISR_CAUSE_ELECTION_PREFERRED},
    {"preferred replica is outside the ISR", 2, 0, 0, 0, 2, 0x0302, 0, 0, 0, 0x030201, PREFERRED, NONE, NONE, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
    {"preferred election is never unclean", 2, true, 0, true, NONE, 0, 0x01, 0x01, 0, 0x0302, PREFERRED, NONE, NONE, 0, 0, 0,
     false, 0, 0, 0, 0, 0, ISR_CAUSE_NONE},
};
/* clang-format on */

static void prepare(struct fixture *f, const struct row *row)
{
    fixture_init(f, row->min_isr, row->unclean_topic);
    f->rules.elr = row->elr_off ? ISR_RULE_elr_off : ISR_RULE_elr_on;
    f->rules.unclean = row->unclean_rule ? ISR_RULE_unclean_on : ISR_RULE_unclean_off;
    struct isr_replicas active = set(row->active);
    for (int32_t id = 1; id <= 3; id++)
        f->image.brokers[id].fenced = !isr_replicas_contain(&active, id);
    struct isr_image_partition *partition = f->image.topics[0].partitions;
    partition->leader = row->leader;
    partition->leader_epoch = 7;
    partition->partition_epoch = 9;
    partition->isr = set(row->isr);
    partition->elr = set(row->elr);
    partition->last_known_elr = set(row->last_known);
    partition->recovering = row->recovering;
}

static void check_row(const struct row *row)
{
    struct fixture f;
    prepare(&f, row);
    const struct isr_image_partition *before = f.image.topics[0].partitions;
    struct isr_replicas asked = set(row->asked);
    struct ctl_happening what = {.cause = row->forgets                    ? ISR_CAUSE_BROKER_UNCLEAN
                                          : row->asked != 0               ? ISR_CAUSE_ALTER_PARTITION
                                          : row->returns != ISR_NODE_NONE ? ISR_CAUSE_BROKER_UNFENCED
                                                                          : ISR_CAUSE_BROKER_FENCED,
                                 .election = (enum ctl_election)row->election,
                                 .leaves = row->leaves,
                                 .returns = row->returns,
                                 .forgets = row->forgets,
                                 .isr = row->asked != 0 ? &asked : NULL,
                                 .recovered = row->recovered};
    struct isr_image_partition after;
    enum isr_cause cause = ISR_CAUSE_NONE;
    bool changes = ctl_partition_decide(&f.image, &f.rules, before, &what, &after, &cause);
    if (changes != row->changes)
        fail_msg("%s: %s", row->name, changes ? "changes" : "does not change");
    if (changes) {
        if (after.leader != row->leader_after || isr_replicas_pack(&after.isr) != row->isr_after ||
            isr_replicas_pack(&after.elr) != row->elr_after ||
            isr_replicas_pack(&after.last_known_elr) != row->last_known_after ||
            after.recovering != row->recovering_after || cause != row->cause)
            fail_msg("%s: leader %d isr %lx elr %lx last %lx recovering %d cause %d", row->name, after.leader,
                     (unsigned long)isr_replicas_pack(&after.isr),
                     (unsigned long)isr_replicas_pack(&after.elr),
                     (unsigned long)isr_replicas_pack(&after.last_known_elr), after.recovering, (int)cause);
        assert_int_equal(after.leader_epoch, row->leader_after == row->leader ? 7 : 8);
        assert_int_equal(after.partition_epoch, 10);
    }
    test_heap_drop(&f.heap);
}

static void decides_as_the_table_says_when_something_happens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(&rows[i]);
}

static void effective_min_isr_is_one_when_the_rule_says_so(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 2, false);
    f.rules.min_isr = ISR_RULE_min_isr_one;
    struct isr_image_partition *partition = f.image.topics[0].partitions;
    partition->isr = set(0x0201);
    struct ctl_happening what = {.cause = ISR_CAUSE_BROKER_FENCED, .leaves = 2, .returns = ISR_NODE_NONE};
    struct isr_image_partition after;
    enum isr_cause cause;
    assert_true(ctl_partition_decide(&f.image, &f.rules, partition, &what, &after, &cause));
    assert_int_equal(after.elr.count, 0);
    test_heap_drop(&f.heap);
}

/* ---- any sequence of events ---- */

static void check_invariants(const struct fixture *f, const struct isr_image_partition *before,
                             const struct isr_image_partition *p, bool elr)
{
    /* I6 */
    assert_true(p->leader == ISR_NODE_NONE || isr_replicas_contain(&p->isr, p->leader));
    assert_true(p->leader == ISR_NODE_NONE || isr_image_broker_active(&f->image, p->leader));
    assert_true(isr_replicas_subset(&p->isr, &p->replicas));
    assert_true(isr_replicas_subset(&p->elr, &p->replicas));
    for (unsigned i = 0; i < p->elr.count; i++)
        assert_false(isr_replicas_contain(&p->isr, p->elr.ids[i]));
    for (unsigned i = 0; i < p->isr.count; i++) {
        bool last_one_stays = !elr && p->isr.count == 1 && p->leader == ISR_NODE_NONE;
        assert_true(isr_image_broker_active(&f->image, p->isr.ids[i]) || last_one_stays);
    }
    /* KIP-966 */
    int32_t min_isr =
        isr_effective_min_isr(&f->rules, (int32_t)f->image.topics[0].settings.min_isr, p->replicas.count);
    assert_true(p->isr.count < min_isr || p->elr.count == 0);
    assert_true(elr || (p->isr.count >= 1 && p->elr.count == 0 && p->last_known_elr.count == 0));
    assert_true(p->leader == ISR_NODE_NONE || p->last_known_elr.count == 0);
    /* I5 */
    assert_true(p->partition_epoch >= before->partition_epoch && p->leader_epoch >= before->leader_epoch);
    assert_true(p->leader == before->leader || p->leader_epoch == before->leader_epoch + 1);
}

static void random_step(struct fixture *f, struct test_random *random, struct ctl_happening *what,
                        struct isr_replicas *asked)
{
    const struct isr_image_partition *p = f->image.topics[0].partitions;
    int32_t id = (int32_t)(1 + test_random_below(random, 3));
    struct isr_image_broker *broker = &f->image.brokers[id];
    *what = (struct ctl_happening){.leaves = ISR_NODE_NONE, .returns = ISR_NODE_NONE};
    switch (test_random_below(random, 6)) {
    case 0: /* fenced or stopping */
        what->leaves = id;
        broker->fenced = test_random_chance(random, 2);
        broker->shutting_down = !broker->fenced;
        return;
    case 1: /* registered anew */
        what->leaves = id;
        what->forgets = test_random_chance(random, 2);
        broker->fenced = true;
        broker->shutting_down = false;
        return;
    case 2:
    case 3: /* unfenced */
        what->returns = id;
        broker->fenced = broker->shutting_down = false;
        return;
    case 4:
        what->election = test_random_chance(random, 2) ? CTL_ELECTION_PREFERRED
                         : p->leader == ISR_NODE_NONE  ? CTL_ELECTION_UNCLEAN
                                                       : CTL_ELECTION_ONLINE;
        return;
    default:
        break;
    }
    if (p->leader == ISR_NODE_NONE)
        return;
    for (unsigned i = 0; i < p->replicas.count; i++) {
        int32_t member = p->replicas.ids[i];
        bool wanted = member == p->leader || test_random_chance(random, 2);
        if (wanted && isr_image_broker_active(&f->image, member))
            isr_replicas_add(asked, member);
    }
    what->isr = asked;
    what->recovered = true;
}

static void keeps_its_invariants_when_anything_happens_in_any_order(void **state)
{
    (void)state;
    struct test_random random = {42};
    unsigned leaderless = 0, from_elr = 0, unclean = 0, isr_empty = 0;
    for (unsigned run = 0; run < 600; run++) {
        struct fixture f;
        bool elr = run % 2 == 0;
        fixture_init(&f, (int16_t)(1 + test_random_below(&random, 3)), test_random_chance(&random, 4));
        f.rules.elr = elr ? ISR_RULE_elr_on : ISR_RULE_elr_off;
        struct isr_image_partition *partition = f.image.topics[0].partitions;
        partition->isr = partition->replicas;
        for (unsigned step = 0; step < 100; step++) {
            struct ctl_happening what;
            struct isr_replicas asked = {0};
            struct isr_image_partition after;
            enum isr_cause cause = ISR_CAUSE_NONE;
            random_step(&f, &random, &what, &asked);
            if (!ctl_partition_decide(&f.image, &f.rules, partition, &what, &after, &cause))
                after = *partition;
            else
                assert_int_equal(after.partition_epoch, partition->partition_epoch + 1);
            check_invariants(&f, partition, &after, elr);
            leaderless += after.leader == ISR_NODE_NONE;
            from_elr += cause == ISR_CAUSE_ELECTION_ELR;
            unclean += cause == ISR_CAUSE_ELECTION_UNCLEAN;
            isr_empty += after.isr.count == 0;
            *partition = after;
        }
        test_heap_drop(&f.heap);
    }
    assert_true(leaderless > 100 && from_elr > 100 && unclean > 100 && isr_empty > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_as_the_table_says_when_something_happens),
        cmocka_unit_test(effective_min_isr_is_one_when_the_rule_says_so),
        cmocka_unit_test(keeps_its_invariants_when_anything_happens_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
