/* Trace records as lines for a person. Story-importance records have a sentence each; the others have the
 * name of the record and its fields, spelled out by their kinds. */
#include "sim/action.h"
#include "sim/trace.h"
#include "sim/world.h"

/* ---- words ---- */

static void print_node(const struct sim_world *world, int64_t node, struct isr_text *text)
{
    char name[SIM_LABEL_BYTES];
    isr_text_format(text, "%s", sim_spec_node_name(world->spec, (int32_t)node, name));
}

/* The topic's name from whoever knows it: a controller, else a broker. */
static const char *topic_name(struct sim_world *world, uint16_t id)
{
    const struct isr_image *image = sim_world_image(world);
    const struct isr_image_topic *topic = image != NULL ? isr_image_topic_ever(image, id) : NULL;
    for (int32_t node = 1; topic == NULL && node <= world->processes_count; node++) {
        const struct sim_process *process = &world->processes[node];
        image = process->node != NULL ? isr_node_metadata(process->node) : NULL;
        topic = image != NULL ? isr_image_topic_ever(image, id) : NULL;
    }
    if (topic != NULL)
        return topic->name.text;
    /* nobody is alive: topics are created in the order of the spec */
    return id >= 1 && id <= world->spec->topics_count ? world->spec->topics[id - 1].name.text : NULL;
}

static void print_tp(struct sim_world *world, int64_t key, struct isr_text *text)
{
    uint16_t topic = (uint16_t)((uint64_t)key >> 16 & 0xffff);
    const char *name = topic_name(world, topic);
    if (name != NULL)
        isr_text_format(text, "%s-%u", name, (unsigned)(key & 0xffff));
    else
        isr_text_format(text, "topic%u-%u", (unsigned)topic, (unsigned)(key & 0xffff));
}

static void print_set(int64_t packed, struct isr_text *text)
{
    struct isr_replicas set = isr_replicas_unpack((uint64_t)packed);
    isr_text_format(text, "[");
    for (unsigned i = 0; i < set.count; i++)
        isr_text_format(text, "%s%d", i > 0 ? ", " : "", set.ids[i]);
    isr_text_format(text, "]");
}

static void print_span(int64_t ns, struct isr_text *text)
{
    if (ns % ISR_SECOND == 0)
        isr_text_format(text, "%lds", ns / ISR_SECOND);
    else if (ns % ISR_MS == 0)
        isr_text_format(text, "%ldms", ns / ISR_MS);
    else
        isr_text_format(text, "%ldus", ns / 1000);
}

static const char *file_word(int64_t kind)
{
    switch ((enum isr_file_kind)kind) {
    case ISR_FILE_SEGMENT:
        return "segment";
    case ISR_FILE_EPOCHS:
        return "leader-epoch checkpoint";
    case ISR_FILE_PRODUCERS:
        return "producer snapshot";
    case ISR_FILE_HIGH_WATERMARKS:
        return "high-watermark checkpoint";
    case ISR_FILE_RECOVERY_POINTS:
        return "recovery-point checkpoint";
    case ISR_FILE_CLEAN_SHUTDOWN:
        return "clean-shutdown marker";
    case ISR_FILE_QUORUM_VOTE:
        return "Raft vote";
    case ISR_FILE_QUORUM_LOG:
        return "Raft log";
    case ISR_FILE_QUORUM_SNAPSHOT:
        return "Raft snapshot";
    case ISR_FILE_PEER:
        return "peer's term, vote and group";
    case ISR_FILE_CLEANED:
        return "compaction checkpoint";
    case ISR_FILE_KINDS:
        break;
    }
    return "?";
}

static const char *operation_word(int64_t kind)
{
    switch ((enum isr_effect_kind)kind) {
    case ISR_EFFECT_WRITE:
        return "write";
    case ISR_EFFECT_SYNC:
        return "sync";
    case ISR_EFFECT_REPLACE:
        return "replace";
    case ISR_EFFECT_TRUNCATE:
        return "truncate";
    case ISR_EFFECT_DELETE:
        return "delete";
    case ISR_EFFECT_READ:
        return "read";
    case ISR_EFFECT_LIST:
        return "list";
    case ISR_EFFECT_SEND:
    case ISR_EFFECT_REPLY:
    case ISR_EFFECT_RECORDS:
    case ISR_EFFECT_EXIT:
        break;
    }
    return "?";
}

static const char *io_word(int64_t status)
{
    switch ((enum isr_io_status)status) {
    case ISR_IO_OK:
        return "ok";
    case ISR_IO_ERROR:
        return "I/O error";
    case ISR_IO_NO_SPACE:
        return "no space left";
    case ISR_IO_NO_FILE:
        return "no such file";
    case ISR_IO_DAMAGED:
        return "what it wrote is not there any more";
    }
    return "?";
}

static const char *command_word(int64_t kind)
{
    switch ((enum isr_command_kind)kind) {
    case ISR_COMMAND_PRODUCE:
        return "produce";
    case ISR_COMMAND_CONSUME:
        return "consume";
    case ISR_COMMAND_READ:
        return "read";
    case ISR_COMMAND_CREATE_TOPIC:
        return "create a topic";
    case ISR_COMMAND_DELETE_TOPIC:
        return "delete a topic";
    case ISR_COMMAND_ALTER_TOPIC:
        return "change a topic";
    case ISR_COMMAND_REASSIGN:
        return "reassign replicas";
    case ISR_COMMAND_ELECT:
        return "elect a leader";
    case ISR_COMMAND_ALTER_QUORUM:
        return "alter the quorum";
    case ISR_COMMAND_CAMPAIGN:
        return "stand for election";
    case ISR_COMMAND_DELETE_RECORDS:
        return "delete records";
    case ISR_COMMAND_PROPOSE:
        return "propose an entry";
    }
    return "?";
}

static void print_step(const struct sim_spec *spec, int64_t step, struct isr_text *text)
{
    if (step >= 0 && step < (int64_t)spec->steps_count)
        sim_action_print(spec, &spec->steps[step].action, text);
    else
        isr_text_format(text, "?");
}

/* ---- the generic form ---- */

static void print_core_field(struct sim_world *world, enum isr_field_kind kind, int64_t value,
                             struct isr_text *text)
{
    switch (kind) {
    case ISR_FIELD_tp:
        print_tp(world, value, text);
        break;
    case ISR_FIELD_node:
        print_node(world, value, text);
        break;
    case ISR_FIELD_set:
        print_set(value, text);
        break;
    case ISR_FIELD_cause:
        isr_text_format(text, "(%s)", isr_cause_words(value));
        break;
    case ISR_FIELD_error:
        isr_text_format(text, "%s", isr_error_name((uint8_t)value));
        break;
    case ISR_FIELD_flag:
        isr_text_format(text, value != 0 ? "yes" : "no");
        break;
    case ISR_FIELD_phase:
        isr_text_format(text, "%s", isr_peer_phase_name(value));
        break;
    case ISR_FIELD_refusal:
        isr_text_format(text, "%s", isr_peer_refusal_words(value));
        break;
    case ISR_FIELD_time:
        print_span(value, text);
        break;
    case ISR_FIELD_hash:
        isr_text_format(text, "%x", (uint64_t)value);
        break;
    case ISR_FIELD_offset:
    case ISR_FIELD_epoch:
    case ISR_FIELD_index:
    case ISR_FIELD_term:
    case ISR_FIELD_count:
    case ISR_FIELD_size:
    case ISR_FIELD_NONE:
        isr_text_format(text, "%ld", value);
        break;
    }
}

void sim_trace_print_field(struct sim_world *world, int kind, int64_t value, struct isr_text *text)
{
    if (kind == (int)SIM_FIELD_message)
        isr_text_format(text, "%s", isr_message_name((enum isr_message_kind)value));
    else if (kind == (int)SIM_FIELD_action)
        print_step(world->spec, value, text);
    else if (kind == (int)SIM_FIELD_file)
        isr_text_format(text, "%s", file_word(value));
    else if (kind == (int)SIM_FIELD_operation)
        isr_text_format(text, "%s", operation_word(value));
    else if (kind == (int)SIM_FIELD_io)
        isr_text_format(text, "%s", io_word(value));
    else if (kind == (int)SIM_FIELD_command)
        isr_text_format(text, "%s", command_word(value));
    else if (kind == (int)SIM_FIELD_invariant)
        isr_text_format(text, "%s", sim_invariant_name(value));
    else if (kind == (int)SIM_FIELD_damage)
        isr_text_format(text, "%s", sim_damage_words(value));
    else
        print_core_field(world, (enum isr_field_kind)kind, value, text);
}

/* A name of the list, as words. */
static void print_words(const char *name, struct isr_text *text)
{
    for (; *name != '\0'; name++) {
        char letter[2] = {*name == '_' ? ' ' : *name, '\0'};
        isr_text_format(text, "%s", letter);
    }
}

/* "high watermark lowered: orders-0, from 12, to 10 (it became follower)" */
static void print_generic(struct sim_world *world, const struct sim_trace_record *record,
                          struct isr_text *text)
{
    const struct sim_trace_info *info = sim_trace_info(record->kind);
    print_words(info->name, text);
    for (uint32_t i = 0; i < sim_trace_fields_count(record->kind); i++) {
        int kind = info->fields[i].kind;
        bool plain = kind == (int)ISR_FIELD_tp || kind == (int)SIM_FIELD_message ||
                     kind == (int)SIM_FIELD_action || kind == (int)SIM_FIELD_operation ||
                     kind == (int)SIM_FIELD_file || kind == (int)SIM_FIELD_damage;
        isr_text_format(text, i == 0 ? ": " : kind == (int)ISR_FIELD_cause ? " " : ", ");
        if (!plain && kind != (int)ISR_FIELD_cause) {
            print_words(info->fields[i].name, text);
            isr_text_format(text, " ");
        }
        sim_trace_print_field(world, kind, record->fields[i], text);
    }
}

/* ---- sentences ---- */

static void print_became_leader(struct sim_world *world, const struct isr_observation *o,
                                struct isr_text *text)
{
    isr_text_format(text, "became leader of ");
    print_tp(world, o->became_leader.tp, text);
    isr_text_format(text, " in epoch %ld: LEO %ld, high watermark %ld, ISR ", o->became_leader.leader_epoch,
                    o->became_leader.log_end, o->became_leader.high_watermark);
    print_set(o->became_leader.isr, text);
    if (o->became_leader.recovering)
        isr_text_format(text, ", recovering from an unclean election");
}

static void print_truncated(struct sim_world *world, const struct isr_observation *o, struct isr_text *text)
{
    int64_t cut = o->log_truncated.from - o->log_truncated.to;
    if (cut < 0) { /* the leader begins above its end */
        isr_text_format(text, "gave up its log of ");
        print_tp(world, o->log_truncated.tp, text);
        isr_text_format(text, ", which ended at %ld, and begins again at %ld: %s", o->log_truncated.from,
                        o->log_truncated.to, isr_cause_words(o->log_truncated.cause));
        return;
    }
    isr_text_format(text, "cut its log of ");
    print_tp(world, o->log_truncated.tp, text);
    isr_text_format(text, " from %ld to %ld (%ld record%s), high watermark %ld: %s", o->log_truncated.from,
                    o->log_truncated.to, cut, cut == 1 ? "" : "s", o->log_truncated.high_watermark,
                    isr_cause_words(o->log_truncated.cause));
}

static void print_rot(struct sim_world *world, const struct isr_observation *o, struct isr_text *text)
{
    isr_text_format(text, "found %ld rotten batch%s of ", o->rot_found.batches,
                    o->rot_found.batches == 1 ? "" : "es");
    print_tp(world, o->rot_found.tp, text);
    isr_text_format(text, " on its disk, from offset %ld on, and writes %s again", o->rot_found.offset,
                    o->rot_found.batches == 1 ? "it" : "them");
}

static void print_isr_committed(struct sim_world *world, const struct isr_observation *o,
                                struct isr_text *text)
{
    isr_text_format(text, "sees the ISR of ");
    print_tp(world, o->isr_committed.tp, text);
    isr_text_format(text, " go from ");
    print_set(o->isr_committed.from, text);
    isr_text_format(text, " to ");
    print_set(o->isr_committed.to, text);
    isr_text_format(text, " (leader epoch %ld): %s", o->isr_committed.leader_epoch,
                    isr_cause_words(o->isr_committed.cause));
}

static void print_diverged(struct sim_world *world, const struct isr_observation *o, struct isr_text *text)
{
    isr_text_format(text, "tells ");
    print_node(world, o->fetch_diverged.replica, text);
    isr_text_format(text, " that its log of ");
    print_tp(world, o->fetch_diverged.tp, text);
    isr_text_format(text, " diverged: it asked for offset %ld after epoch %ld, but epoch %ld ends at %ld",
                    o->fetch_diverged.fetch_offset, o->fetch_diverged.last_epoch, o->fetch_diverged.epoch,
                    o->fetch_diverged.end_offset);
}

static void print_partition_changed(struct sim_world *world, const struct isr_observation *o,
                                    struct isr_text *text)
{
    isr_text_format(text, "controller: ");
    print_tp(world, o->partition_changed.tp, text);
    isr_text_format(text, " has leader ");
    print_node(world, o->partition_changed.leader, text);
    isr_text_format(text, " in epoch %ld, ISR ", o->partition_changed.leader_epoch);
    print_set(o->partition_changed.isr, text);
    if (o->partition_changed.elr != 0) {
        isr_text_format(text, ", eligible ");
        print_set(o->partition_changed.elr, text);
    }
    if (o->partition_changed.recovering)
        isr_text_format(text, ", recovering");
    isr_text_format(text, ": %s", isr_cause_words(o->partition_changed.cause));
}

static void print_reassignment(struct sim_world *world, const struct isr_observation *o,
                               struct isr_text *text)
{
    isr_text_format(text, "controller: ");
    print_tp(world, o->reassignment.tp, text);
    isr_text_format(text, " has replicas ");
    print_set(o->reassignment.replicas, text);
    if (o->reassignment.adding != 0) {
        isr_text_format(text, ", adding ");
        print_set(o->reassignment.adding, text);
    }
    if (o->reassignment.removing != 0) {
        isr_text_format(text, ", removing ");
        print_set(o->reassignment.removing, text);
    }
    isr_text_format(text, ": %s", isr_cause_words(o->reassignment.cause));
}

static void print_removed(struct sim_world *world, const struct isr_observation *o, struct isr_text *text)
{
    isr_text_format(text, "deletes its log of ");
    print_tp(world, o->log_removed.tp, text);
    isr_text_format(text, " with LEO %ld: it is no replica any more", o->log_removed.log_end);
}

static void print_broker_state(struct sim_world *world, const struct isr_observation *o,
                               struct isr_text *text)
{
    isr_text_format(text, "controller: broker ");
    print_node(world, o->broker_state.broker, text);
    isr_text_format(text, o->broker_state.fenced          ? " is fenced"
                          : o->broker_state.shutting_down ? " is shutting down"
                                                          : " is in service");
    isr_text_format(text, " (broker epoch %ld): %s", o->broker_state.broker_epoch,
                    isr_cause_words(o->broker_state.cause));
}

static void print_yielded(const struct isr_observation *o, struct isr_text *text)
{
    size_t count;
    const struct isr_yield_info *points = isr_yields_list(&count);
    isr_text_format(text, "stands at the yield point ");
    if (o->yielded.point >= 0 && o->yielded.point < (int64_t)count)
        print_words(points[o->yielded.point].name, text);
    isr_text_format(text, " for %ldus", o->yielded.delay / 1000);
}

/* True when the observation has a sentence. */
static bool print_story(struct sim_world *world, const struct sim_trace_record *record, struct isr_text *text)
{
    struct isr_observation observation = {.kind = (enum isr_observation_kind)record->kind};
    for (int i = 0; i < ISR_OBSERVATION_FIELDS; i++)
        observation.fields[i] = record->fields[i];
    const struct isr_observation *o = &observation;
    if (record->kind == ISR_OBSERVED_BECAME_LEADER)
        print_became_leader(world, o, text);
    else if (record->kind == ISR_OBSERVED_LOG_TRUNCATED)
        print_truncated(world, o, text);
    else if (record->kind == ISR_OBSERVED_ROT_FOUND)
        print_rot(world, o, text);
    else if (record->kind == ISR_OBSERVED_YIELDED)
        print_yielded(o, text);
    else if (record->kind == ISR_OBSERVED_ISR_COMMITTED)
        print_isr_committed(world, o, text);
    else if (record->kind == ISR_OBSERVED_FETCH_DIVERGED)
        print_diverged(world, o, text);
    else if (record->kind == ISR_OBSERVED_PARTITION_CHANGED)
        print_partition_changed(world, o, text);
    else if (record->kind == ISR_OBSERVED_REASSIGNMENT)
        print_reassignment(world, o, text);
    else if (record->kind == ISR_OBSERVED_LOG_REMOVED)
        print_removed(world, o, text);
    else if (record->kind == ISR_OBSERVED_BROKER_STATE)
        print_broker_state(world, o, text);
    else if (record->kind == ISR_OBSERVED_BROKER_STOPPING)
        isr_text_format(text, "begins a controlled shutdown (broker epoch %ld)",
                        o->broker_stopping.broker_epoch);
    else if (record->kind == ISR_OBSERVED_NODE_HALTED)
        isr_text_format(text, "halts: its disk cannot be trusted (%s)", io_word(o->node_halted.reason));
    else if (record->kind == ISR_OBSERVED_CONTROLLER_ACTIVE)
        isr_text_format(text, "is the active controller in term %ld, from index %ld",
                        o->controller_active.term, o->controller_active.index);
    else
        return false;
    return true;
}

static bool print_own(struct sim_world *world, const struct sim_trace_record *record, struct isr_text *text)
{
    const int64_t *f = record->fields;
    if (record->kind == SIM_TRACE_PROCESS_STARTED) {
        isr_text_format(text, f[0] == 1 ? "starts" : "starts again (life %ld)", f[0]);
    } else if (record->kind == SIM_TRACE_PROCESS_KILLED) {
        isr_text_format(text, "is killed; what it wrote stays in the page cache");
    } else if (record->kind == SIM_TRACE_POWER_LOST) {
        isr_text_format(text, "loses power");
        if (f[1] != 0)
            isr_text_format(text, " and %ld bytes that were not synced", f[2]);
    } else if (record->kind == SIM_TRACE_DISK_WIPED) {
        isr_text_format(text, "gets an empty disk; %ld bytes are gone, synced or not", f[0]);
    } else if (record->kind == SIM_TRACE_MEMORY_EXHAUSTED) {
        isr_text_format(text, "dies: its memory of %ld bytes does not suffice", f[1]);
    } else if (record->kind == SIM_TRACE_PROCESS_PAUSED) {
        isr_text_format(text, "freezes");
    } else if (record->kind == SIM_TRACE_PROCESS_RESUMED) {
        isr_text_format(text, "goes on; %ld event%s waited", f[0], f[0] == 1 ? "" : "s");
    } else if (record->kind == SIM_TRACE_PROCESS_STOPPED) {
        isr_text_format(text, "has stopped cleanly");
    } else if (record->kind == SIM_TRACE_PROCESS_HALTED) {
        isr_text_format(text, "has halted");
    } else if (record->kind == SIM_TRACE_SHUTDOWN_ASKED) {
        isr_text_format(text, "is asked to stop cleanly");
    } else if (record->kind == SIM_TRACE_PRIORITY_LOWERED) {
        char name[SIM_LABEL_BYTES];
        if (f[0] == 0)
            isr_text_format(text, "gets every message later from now on: its priority is lowered");
        else
            isr_text_format(text, "is slow to reach %s from now on: the priority of the link is lowered",
                            sim_spec_node_name(world->spec, (int32_t)f[0], name));
    } else if (record->kind == SIM_TRACE_STEP_RUN) {
        isr_text_format(text, "step %ld: ", f[0] + 1);
        print_step(world->spec, f[0], text);
    } else if (record->kind == SIM_TRACE_QUORUM_VOID) {
        isr_text_format(
            text, "may have forgotten its vote or a committed entry, as its disk lost what it had called "
                  "durable: nothing is promised any more");
    } else if (record->kind == SIM_TRACE_VIOLATED) {
        isr_text_format(text, "%s is violated: %s", sim_invariant_name(f[0]), world->message);
    } else {
        return false;
    }
    return true;
}

void sim_trace_print_sentence(struct sim_world *world, const struct sim_trace_record *record,
                              struct isr_text *text)
{
    if (!print_story(world, record, text) && !print_own(world, record, text))
        print_generic(world, record, text);
}

void sim_trace_print(struct sim_world *world, const struct sim_trace_record *record, struct isr_text *text)
{
    int64_t ms = record->time_ns / ISR_MS;
    isr_text_format(text, "%ld.%s%s%lds ", ms / 1000, ms % 1000 < 100 ? "0" : "", ms % 1000 < 10 ? "0" : "",
                    ms % 1000);
    if (record->node != 0) {
        print_node(world, record->node, text);
        isr_text_format(text, " ");
    }
    sim_trace_print_sentence(world, record, text);
}
