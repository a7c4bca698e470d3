/* Three replicas of one partition inside a program of its own: its event loop, its clock, its sockets, its
 * files, and its decisions about who leads. The program writes, lets the leader die, appoints another from
 * the ISR, brings the dead one back, and reads everything from it.
 *
 *     embed FOLDER [RECORDS]        FOLDER must exist; each replica keeps its files in FOLDER/1 .. FOLDER/3
 *
 * All three are in one process here. In a real program each process has one, and the decisions come from
 * whatever the cluster keeps them in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/embed/example/file_storage.h"
#include "core/embed/example/platform.h"
#include "core/embed/replication_manager.h"
#include "core/log/batch.h"

enum { NODES = 3, TOPIC = 1, PARTITION = 0, PATIENCE_SECONDS = 30 };

struct node {
    int32_t id;
    int64_t life; /* its broker epoch: grows with each start */
    bool up;
    struct file_storage files;
    struct platform_memory memory;
    struct isr_heap heap;
    struct isr_replication_manager *manager;
    struct isr_runner runner;
};

static struct node nodes[NODES + 1]; /* by id */
static struct isr_partition_plan plan = {.topic = TOPIC, .partition = PARTITION, .leader = 1};
static uint32_t written, answered, refused;

static void give_up(const char *what)
{
    fprintf(stderr, "embed: %s\n", what);
    exit(1);
}

/* ---- what the engine tells ---- */

static void send_frame(void *node, int32_t to, struct isr_bytes frame)
{
    mesh_send(((const struct node *)node)->id, to, frame);
}

static void replied(void *node, uint64_t id, enum isr_error error, struct isr_tp tp, int64_t offset)
{
    (void)node, (void)id, (void)tp, (void)offset;
    answered++;
    refused += error != ISR_ERROR_NONE;
}

/* The leader has another ISR. It is kept with the plan: the next leader must come from it. */
static void isr_changed(void *object, const struct isr_isr_change *change)
{
    (void)object;
    plan.isr = change->to;
    printf("the ISR has %u members\n", change->to.count);
}

/* ---- a node's life ---- */

static void node_start(struct node *node, const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%d", folder, node->id);
    if (!file_storage_open(&node->files, path))
        give_up("cannot open the folder of a node");
    node->life++;
    node->up = true;
    node->heap = platform_heap(&node->memory);
    struct isr_replication_options options = {.node = node->id,
                                              .broker_epoch = node->life,
                                              .config = isr_replication_config_default(),
                                              .isr_changed = isr_changed};
    options.config.fetch_max_bytes = 16 << 10; /* an answer fits a datagram */
    options.config.fetch_interval = ISR_MS;
    options.config.replica_lag_time_max = 500 * ISR_MS;
    node->manager = isr_replication_new(&options, &node->heap, (uint64_t)node->life, NULL);
    struct isr_storage storage = file_storage_interface(&node->files);
    isr_runner_init(&node->runner, (struct isr_engine){isr_replication_step, node->manager}, &storage,
                    &(struct isr_transport){send_frame, node}, &(struct isr_listener){.reply = replied},
                    &node->heap);
    isr_runner_start(&node->runner, platform_now(), (uint64_t)platform_now().real_ns);
}

static void tell_members(void)
{
    for (int32_t id = 1; id <= NODES; id++)
        for (int32_t other = 1; other <= NODES; other++)
            if (other != id && nodes[id].up)
                isr_replication_set_member(nodes[id].manager, other, nodes[other].life, nodes[other].up);
}

static void add_partition(struct node *node)
{
    struct isr_effects effects;
    struct isr_reading now = platform_now();
    if (isr_replication_add_partition(node->manager, now.now_ns, &plan, &effects) != ISR_ERROR_NONE)
        give_up("the partition was refused");
    isr_runner_carry_out(&node->runner, now, &effects);
}

/* Another leader, from those of the ISR that are up. */
static void appoint(int32_t leader)
{
    struct isr_replicas isr = {0};
    for (int32_t id = 1; id <= NODES; id++)
        if (nodes[id].up && isr_replicas_contain(&plan.isr, id))
            isr_replicas_add(&isr, id);
    plan.isr = isr;
    plan.leader = leader;
    plan.leader_epoch++;
    for (int32_t id = 1; id <= NODES; id++) {
        struct isr_effects effects;
        struct isr_reading now = platform_now();
        if (!nodes[id].up)
            continue;
        isr_replication_update_leader(nodes[id].manager, now.now_ns, TOPIC, PARTITION, leader,
                                      plan.leader_epoch, &isr, &effects);
        isr_runner_carry_out(&nodes[id].runner, now, &effects);
    }
}

/* ---- the event loop ---- */

static void turn(void)
{
    int64_t until_ns = platform_now().now_ns + ISR_SECOND;
    for (int32_t id = 1; id <= NODES; id++)
        if (nodes[id].up && nodes[id].runner.wake_ns < until_ns)
            until_ns = nodes[id].runner.wake_ns;
    mesh_wait(until_ns);
    for (int32_t id = 1; id <= NODES; id++) {
        struct isr_bytes frame;
        int32_t from;
        while (mesh_receive(id, &from, &frame))
            if (nodes[id].up)
                isr_runner_message(&nodes[id].runner, platform_now(), from, frame);
        if (nodes[id].up)
            isr_runner_advance(&nodes[id].runner, platform_now());
    }
}

static void turn_until(bool (*done)(void), const char *otherwise)
{
    int64_t end_ns = platform_now().now_ns + PATIENCE_SECONDS * ISR_SECOND;
    while (!done()) {
        if (platform_now().now_ns > end_ns)
            give_up(otherwise);
        turn();
    }
}

/* ---- records ---- */

static bool all_answered(void)
{
    return answered == written;
}

static bool all_in_sync(void)
{
    struct isr_replication_state first;
    isr_replication_state(nodes[1].manager, TOPIC, PARTITION, &first);
    return plan.isr.count == NODES && first.high_watermark == written;
}

static void write_records(struct node *leader, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char text[32];
        struct isr_reading now = platform_now();
        struct isr_effects effects;
        struct isr_bytes value = {.data = (const uint8_t *)text};
        value.size = (uint32_t)snprintf(text, sizeof text, "record %u", written);
        isr_replication_append(leader->manager, now.now_ns, TOPIC, PARTITION, -1, &value, 1, written++,
                               &effects);
        isr_runner_carry_out(&leader->runner, now, &effects);
    }
    turn_until(all_answered, "records were not acknowledged");
}

static uint32_t read_records(struct node *node)
{
    uint32_t count = 0;
    struct isr_bytes batches, record;
    struct isr_batch batch;
    while (isr_replication_read(node->manager, TOPIC, PARTITION, count, 1, &batches) == ISR_ERROR_NONE &&
           isr_batch_parse(batches, true, &batch) == ISR_BATCH_OK && isr_batch_record(&batch, 0, &record)) {
        char text[32];
        int length = snprintf(text, sizeof text, "record %u", count);
        if ((uint32_t)length != record.size || memcmp(text, record.data, record.size) != 0)
            give_up("a record is not what was written");
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    uint32_t half = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) / 2 : 500;
    if (argc < 2 || !mesh_open(NODES))
        give_up("usage: embed FOLDER [RECORDS]");
    plan.settings = isr_topic_settings_of_min_isr(2);
    for (int32_t id = 1; id <= NODES; id++) {
        nodes[id].id = id;
        isr_replicas_add(&plan.replicas, id);
        node_start(&nodes[id], argv[1]);
    }
    plan.isr = plan.replicas;
    tell_members();
    for (int32_t id = 1; id <= NODES; id++)
        add_partition(&nodes[id]);
    write_records(&nodes[1], half);
    printf("%u records are on three replicas; the leader dies\n", written);

    nodes[1].up = false; /* nothing is asked to clean up */
    platform_drop(&nodes[1].memory);
    file_storage_close(&nodes[1].files);
    tell_members();
    appoint(2);
    write_records(&nodes[2], half);
    printf("%u records are on two; the dead one comes back\n", written);

    node_start(&nodes[1], argv[1]);
    tell_members();
    add_partition(&nodes[1]);
    turn_until(all_in_sync, "the returned replica did not catch up");
    uint32_t read = read_records(&nodes[1]);
    printf("%u records read from it, %u writes refused\n", read, refused);
    return read == written && refused == 0 ? 0 : 1;
}
