#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/fixture.h"

/* Broker 1, the preferred replica, was away and is in the ISR again; 2 leads. Looks every second. */
static void fixture_imbalanced(struct fixture *f)
{
    fixture_active(f);
    f->env.config.leader_rebalance_interval = ISR_SECOND;
    f->env.config.broker_session_timeout = 3600 * ISR_SECOND;
    for (int16_t broker = 1; broker <= 3; broker++)
        join(f, broker);
    struct isr_message message = create_request(f, "orders", 1, 3, 2);
    assert_int_equal(send_create(f, &message).error, ISR_ERROR_NONE);
    assert_int_equal(committed(f)->leader, 1);
    struct isr_image_partition moved = *committed(f);
    moved.leader = 2;
    moved.leader_epoch++;
    moved.partition_epoch++;
    begin(f);
    *ctl_record(&f->controller) = isr_image_partition_record(&moved, ISR_CAUSE_NONE);
    assert_true(ctl_propose(&f->controller));
    fake_commit(&f->fake);
}

/* A new activation, as the interval counts from there. */
static void activate_again(struct fixture *f)
{
    begin(f);
    ctl_rebalance_end(&f->controller);
    ctl_rebalance_begin(&f->controller);
}

static void elects_the_preferred_replica_when_the_interval_is_over(void **state)
{
    (void)state;
    struct fixture f;
    fixture_imbalanced(&f);
    activate_again(&f);
    int32_t epoch = committed(&f)->leader_epoch;
    pass(&f, ISR_SECOND - 1);
    assert_int_equal(committed(&f)->leader, 2);
    pass(&f, 1);
    assert_int_equal(committed(&f)->leader, 1);
    assert_int_equal(committed(&f)->leader_epoch, epoch + 1);
    assert_int_equal(observed(&f, ISR_OBSERVED_PARTITION_CHANGED)->partition_changed.cause,
                     ISR_CAUSE_ELECTION_PREFERRED);
    int64_t last = f.fake.last;
    pass(&f, 5 * ISR_SECOND);
    assert_int_equal(f.fake.last, last);
    fixture_end(&f);
}

static void elects_nobody_when_it_is_off(void **state)
{
    (void)state;
    struct fixture f;
    fixture_imbalanced(&f);
    f.env.config.leader_rebalance_interval = 0;
    activate_again(&f);
    assert_false(isr_timer_is_set(&f.controller.rebalance_timer));
    pass(&f, 1000 * ISR_SECOND);
    assert_int_equal(committed(&f)->leader, 2);
    fixture_end(&f);
}

static void change_isr(struct fixture *f, uint64_t isr, int32_t leader)
{
    struct isr_image_partition lacking = *committed(f);
    lacking.isr = isr_replicas_unpack(isr);
    lacking.leader = leader;
    lacking.partition_epoch++;
    begin(f);
    *ctl_record(&f->controller) = isr_image_partition_record(&lacking, ISR_CAUSE_NONE);
    assert_true(ctl_propose(&f->controller));
    fake_commit(&f->fake);
}

static void elects_nobody_when_the_preferred_replica_is_not_in_sync(void **state)
{
    (void)state;
    struct fixture f;
    fixture_imbalanced(&f);
    activate_again(&f);
    change_isr(&f, 0x0302, 2);
    pass(&f, 3 * ISR_SECOND);
    assert_int_equal(committed(&f)->leader, 2);
    change_isr(&f, 0x030201, 2);
    pass(&f, ISR_SECOND);
    assert_int_equal(committed(&f)->leader, 1);
    fixture_end(&f);
}

static void elects_nobody_when_nobody_leads(void **state)
{
    (void)state;
    struct fixture f;
    fixture_imbalanced(&f);
    activate_again(&f);
    change_isr(&f, 0x030201, ISR_NODE_NONE);
    pass(&f, 3 * ISR_SECOND);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    fixture_end(&f);
}

static void goes_on_soon_when_one_entry_is_full(void **state)
{
    (void)state;
    struct fixture f;
    fixture_imbalanced(&f);
    struct isr_message message = create_request(&f, "many", 1500, 2, 1);
    assert_int_equal(send_create(&f, &message).error, ISR_ERROR_NONE);
    const struct isr_image_topic *topic = isr_image_topic(&f.controller.committed, 2);
    begin(&f);
    for (uint32_t i = 0; i < topic->partitions_count; i++) {
        struct isr_image_partition moved = topic->partitions[i];
        moved.leader = moved.replicas.ids[1];
        moved.leader_epoch++;
        moved.partition_epoch++;
        *ctl_record(&f.controller) = isr_image_partition_record(&moved, ISR_CAUSE_NONE);
    }
    assert_true(ctl_propose(&f.controller));
    fake_commit(&f.fake);
    activate_again(&f);
    pass(&f, ISR_SECOND);
    uint32_t moved = 0;
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        moved += topic->partitions[i].leader == topic->partitions[i].replicas.ids[0];
    assert_int_equal(moved, 999); /* and orders-0 */
    pass(&f, f.env.config.retry_backoff);
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        assert_int_equal(topic->partitions[i].leader, topic->partitions[i].replicas.ids[0]);
    fixture_end(&f);
}

static void stops_when_it_resigns(void **state)
{
    (void)state;
    struct fixture f;
    fixture_imbalanced(&f);
    activate_again(&f);
    begin(&f);
    fake_lose(&f.fake, 2);
    assert_false(isr_timer_is_set(&f.controller.rebalance_timer));
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elects_the_preferred_replica_when_the_interval_is_over),
        cmocka_unit_test(elects_nobody_when_it_is_off),
        cmocka_unit_test(elects_nobody_when_the_preferred_replica_is_not_in_sync),
        cmocka_unit_test(elects_nobody_when_nobody_leads),
        cmocka_unit_test(goes_on_soon_when_one_entry_is_full),
        cmocka_unit_test(stops_when_it_resigns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
