/* Elections by logs: who is elected is the most up to date of the replicas that were asked (KIP-966 part 2;
 * for topics with leader_choice most_up_to_date; below, recovery, for those with unclean_recovery).
 *
 *   LED --leader fenced, stopped, registered anew, deposed--> ASKING (leader none, leader epoch e)
 *   ASKING --all live replicas answered, or a majority and log_info_wait is over--> LED (leader, epoch e + 1)
 *   ASKING --the topic allows unclean elections, some answered, log_info_wait is over--> LED, recovering
 *   ASKING --an administrator asks for an unclean election, some answered--> LED, recovering
 *
 * ASKING is a fact of the metadata: a partition without leader. What is here is only who answered what.
 *
 * The protocol. The record that takes the leader away gives epoch e to nobody. When it is committed, each
 * live replica is asked, again every retry_backoff, for the last epoch and the end of its log. It answers
 * only when it has applied that record, and an answer is a promise to obey no epoch below e
 * (broker/log_info.c). From a majority of answers the highest (last epoch, log end) is elected into e + 1;
 * among equals the first of the assignment.
 *
 * Why nothing is lost. Let a record be committed in epoch k < e: so many replicas as the commit policy asks
 * for, c, held it while they obeyed k. Any majority of n has a member in common with them when c + majority >
 * n, and c + majority - n members in common, so that the record survives that many lost disks less one
 * (isr_commit_promise). That member told its log after it left k, so with the record in it: no leader of k
 * can commit more by it. Whoever was chosen has a log at least as up to date, and has the record by the
 * induction of Ongaro's thesis 3.6.3, which needs the rule of 3.6.2 (may_commit in broker/leader.c): a log
 * that ends in a later epoch was led by somebody who had the record.
 *
 *   - Controller failover in between: nothing here needs to survive. The new controller finds the partition
 * without leader, in the same epoch, and asks again. If the old one had proposed a leader, either that entry
 * is committed before the new one is active, or never.
 *   - Late answers: one of another epoch than e counts for nothing. One of e counts whoever asked for it: a
 * log does not grow without leader.
 *   - A replica that restarts between promise and election: its broker epoch is another one then, and the
 * answer of its former life does not count. Its promise stands all the same.
 *   - The old leader may be among those asked: having answered, it leads no more. */
#include "core/base/search.h"
#include "core/controller/internal.h"

struct ctl_log_answer {
    int32_t node;
    int64_t broker_epoch;
    int32_t last_epoch;
    int64_t log_end;
};

struct ctl_log_election {
    struct isr_tp tp;
    int32_t leader_epoch; /* in which nobody leads */
    int64_t begun_ns;
    uint32_t answers_count;
    struct ctl_log_answer answers[ISR_REPLICAS_MAX]; /* at most one of each node */
};

/* ---- the list ---- */

static int64_t key_at(const void *array, uint32_t place)
{
    return isr_tp_key(((const struct ctl_log_election *)array)[place].tp);
}

/* The first place whose partition is at or after tp. */
static uint32_t place_of(const struct isr_controller *controller, struct isr_tp tp)
{
    return isr_search(controller->log_elections, 0, controller->log_elections_count, isr_tp_key(tp), key_at);
}

static struct ctl_log_election *find(const struct isr_controller *controller, struct isr_tp tp)
{
    uint32_t place = place_of(controller, tp);
    if (place == controller->log_elections_count || !isr_tp_equal(controller->log_elections[place].tp, tp))
        return NULL;
    return &controller->log_elections[place];
}

static struct ctl_log_election *add(struct isr_controller *controller, struct isr_tp tp)
{
    uint32_t place = place_of(controller, tp);
    controller->log_elections = ISR_GROW(controller->env->heap, controller->log_elections,
                                         controller->log_elections_count, controller->log_elections_capacity);
    struct ctl_log_election *at = &controller->log_elections[place];
    memmove(at + 1, at, (controller->log_elections_count - place) * sizeof *at);
    controller->log_elections_count++;
    *at = (struct ctl_log_election){.tp = tp, .leader_epoch = ISR_EPOCH_NONE};
    return at;
}

static void drop(struct isr_controller *controller, struct ctl_log_election *election)
{
    const struct ctl_log_election *end = controller->log_elections + controller->log_elections_count;
    memmove(election, election + 1, (size_t)(end - election - 1) * sizeof *election);
    controller->log_elections_count--;
}

void ctl_log_elections_changed(struct isr_controller *controller, const struct isr_image_partition *partition)
{
    const struct isr_image_topic *topic = isr_image_topic(&controller->committed, partition->tp.topic);
    if (topic == NULL ||
        (!isr_topic_asks_for_logs(&topic->settings) && !isr_topic_recovers_by_log(&topic->settings)))
        return;
    struct ctl_log_election *election = find(controller, partition->tp);
    if (partition->leader != ISR_NODE_NONE) {
        if (election != NULL)
            drop(controller, election);
        return;
    }
    if (election == NULL)
        election = add(controller, partition->tp);
    if (election->leader_epoch == partition->leader_epoch)
        return;
    election->leader_epoch = partition->leader_epoch;
    election->begun_ns = controller->env->now_ns;
    election->answers_count = 0;
    /* Not at once: one entry often takes the leaders of many partitions away. */
    isr_env_timer_in(controller->env, &controller->log_elections_timer, 0);
}

void ctl_log_elections_topic_changed(struct isr_controller *controller, const struct isr_image_topic *topic)
{
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        ctl_log_elections_changed(controller, &topic->partitions[i]);
}

void ctl_log_elections_topic_removed(struct isr_controller *controller, uint16_t topic)
{
    uint32_t i = 0;
    while (i < controller->log_elections_count) {
        if (controller->log_elections[i].tp.topic == topic)
            drop(controller, &controller->log_elections[i]);
        else
            i++;
    }
}

/* ---- choosing ---- */

/* The partition, while it still waits for this very election. */
static const struct isr_image_partition *waiting(const struct isr_controller *controller,
                                                 const struct ctl_log_election *election)
{
    const struct isr_image_partition *partition = isr_image_partition(&controller->pending, election->tp);
    return partition != NULL && partition->leader == ISR_NODE_NONE &&
                   partition->leader_epoch == election->leader_epoch
               ? partition
               : NULL;
}

/* What a replica told, when it still lives the life in which it did; else NULL. */
static const struct ctl_log_answer *answer_of(const struct isr_controller *controller,
                                              const struct ctl_log_election *election, int32_t node)
{
    if (!isr_image_broker_active(&controller->pending, node))
        return NULL;
    for (uint32_t i = 0; i < election->answers_count; i++) {
        const struct ctl_log_answer *answer = &election->answers[i];
        if (answer->node == node && answer->broker_epoch == controller->pending.brokers[node].epoch)
            return answer;
    }
    return NULL;
}

struct ballot {
    int32_t best; /* 0: nobody answered */
    uint32_t answers, live, majority;
};

/* among: whose answers count. */
static struct ballot count_among(const struct isr_controller *controller,
                                 const struct ctl_log_election *election,
                                 const struct isr_image_partition *partition,
                                 const struct isr_replicas *among)
{
    struct ballot ballot = {.majority = partition->replicas.count / 2 + 1u};
    const struct ctl_log_answer *best = NULL;
    for (unsigned i = 0; i < partition->replicas.count; i++) {
        int32_t node = partition->replicas.ids[i];
        const struct ctl_log_answer *answer = answer_of(controller, election, node);
        ballot.live += isr_image_broker_active(&controller->pending, node);
        if (answer == NULL || !isr_replicas_contain(among, node))
            continue;
        ballot.answers++;
        if (best == NULL || answer->last_epoch > best->last_epoch ||
            (answer->last_epoch == best->last_epoch && answer->log_end > best->log_end))
            best = answer;
    }
    ballot.best = best == NULL ? 0 : best->node;
    return ballot;
}

/* Who was deposed because nobody could write through it would win by what it could not replicate: where the
 * others are a majority, they are asked alone. */
static struct ballot count(const struct isr_controller *controller, const struct ctl_log_election *election,
                           const struct isr_image_partition *partition)
{
    int32_t deposed = ctl_witness_deposed(controller, election->tp, election->leader_epoch);
    struct isr_replicas others = partition->replicas;
    isr_replicas_remove(&others, deposed);
    struct ballot ballot = count_among(controller, election, partition, &others);
    return ballot.answers >= ballot.majority
               ? ballot
               : count_among(controller, election, partition, &partition->replicas);
}

void ctl_log_election_choose(struct isr_controller *controller, const struct isr_image_partition *partition,
                             bool of_few, struct ctl_happening *what)
{
    const struct ctl_log_election *election = find(controller, partition->tp);
    if (election == NULL || waiting(controller, election) == NULL)
        return;
    struct ballot ballot = count(controller, election, partition);
    if (ballot.answers < ballot.majority && !of_few)
        return;
    what->chosen = ballot.best;
    what->chosen_of_few = ballot.answers < ballot.majority;
}

/* ---- recovery: nobody is left who may be elected unseen (KIP-966) ----
 *
 * NONE        waits for an eligible one, or the administrator, who gets the longest log of those that
 * answered. AGGRESSIVE  elects the longest log of the live replicas, or after log_info_wait of those that
 * answered; what eligible ones have more, that are down, is lost. BALANCED    waits until nobody is eligible
 * any more and all who were last (last_known_elr) told their logs, and elects the longest of theirs. All of
 * them held everything that is committed when the high watermark last moved, and what one has lost since is a
 * suffix of its log. So the longest, by (last epoch, log end), has each committed record that any of them
 * still has. That holds for no other replica: one that left the ISR while enough stayed may have records of a
 * later epoch that were never committed, in the place of committed ones of an earlier epoch. The KIP elects
 * the longest log of all that answered. */

static uint32_t once_eligible_unheard(const struct isr_controller *controller,
                                      const struct ctl_log_election *election,
                                      const struct isr_image_partition *partition)
{
    uint32_t unheard = 0;
    for (unsigned i = 0; i < partition->last_known_elr.count; i++)
        unheard += answer_of(controller, election, partition->last_known_elr.ids[i]) == NULL;
    return unheard;
}

/* 0: nobody, for now. over: log_info_wait is. */
static int32_t recovery_choice(const struct isr_controller *controller,
                               const struct ctl_log_election *election,
                               const struct isr_image_partition *partition, bool over)
{
    const struct isr_topic_settings *settings =
        &isr_image_topic(&controller->pending, partition->tp.topic)->settings;
    struct ballot ballot = count_among(controller, election, partition, &partition->replicas);
    bool all = controller->env->rules.recovery_ballot == ISR_RULE_recovery_ballot_all;
    switch (isr_topic_unclean_recovery(settings)) {
    case ISR_UNCLEAN_RECOVERY_AGGRESSIVE:
        return ballot.answers == ballot.live || over ? ballot.best : 0;
    case ISR_UNCLEAN_RECOVERY_BALANCED:
        if (partition->isr.count > 0 || partition->elr.count > 0 ||
            once_eligible_unheard(controller, election, partition) > 0)
            return 0;
        if (all)
            return ballot.answers == ballot.live || over ? ballot.best : 0;
        return count_among(controller, election, partition, &partition->last_known_elr).best;
    case ISR_UNCLEAN_RECOVERY_LAST_KNOWN:
    case ISR_UNCLEAN_RECOVERY_NONE:
        break;
    }
    return 0;
}

/* Decides when it can be decided. */
static void decide(struct isr_controller *controller, const struct ctl_log_election *election)
{
    const struct isr_image_partition *partition = waiting(controller, election);
    if (partition == NULL)
        return;
    const struct isr_topic_settings *settings =
        &isr_image_topic(&controller->pending, partition->tp.topic)->settings;
    struct ballot ballot = count(controller, election, partition);
    bool over = controller->env->now_ns - election->begun_ns >= controller->env->config.log_info_wait;
    struct ctl_happening what = {
        .cause = ISR_CAUSE_ELECTION_BY_LOG, .leaves = ISR_NODE_NONE, .returns = ISR_NODE_NONE};
    if (isr_topic_recovers_by_log(settings))
        what.chosen = recovery_choice(controller, election, partition, over);
    else if (ballot.answers >= ballot.live || over)
        ctl_log_election_choose(controller, partition, settings->unclean != 0 && over, &what);
    if (what.chosen == 0)
        return;
    controller->records_count = 0;
    ctl_record_partition(controller, partition, &what);
    (void)ctl_propose(controller);
}

/* ---- asking ---- */

static bool is_unheard(const struct isr_controller *controller, const struct ctl_log_election *election,
                       int32_t node)
{
    const struct isr_image_partition *partition = waiting(controller, election);
    return partition != NULL && isr_replicas_contain(&partition->replicas, node) &&
           answer_of(controller, election, node) == NULL;
}

/* One request for all partitions that the broker has not told of. */
static void ask(struct isr_controller *controller, int32_t node)
{
    struct isr_log_info_query *queries = NULL;
    uint32_t queries_count = 0;
    for (uint32_t i = 0; i < controller->log_elections_count; i++) {
        const struct ctl_log_election *election = &controller->log_elections[i];
        if (!is_unheard(controller, election, node))
            continue;
        if (queries == NULL)
            queries = isr_scratch_allocate(&controller->env->scratch,
                                           controller->log_elections_count * sizeof *queries);
        queries[queries_count++] =
            (struct isr_log_info_query){.tp = election->tp, .leader_epoch = election->leader_epoch};
    }
    if (queries_count == 0)
        return;
    struct isr_message message = {
        .kind = ISR_MESSAGE_LOG_INFO_REQUEST,
        .log_info_request = {.partitions = queries, .partitions_count = queries_count}};
    isr_send(controller->env, node, &message);
}

/* The topic was deleted meanwhile. */
static void drop_deleted(struct isr_controller *controller)
{
    for (uint32_t i = controller->log_elections_count; i > 0; i--) {
        if (isr_image_partition(&controller->committed, controller->log_elections[i - 1].tp) == NULL)
            drop(controller, &controller->log_elections[i - 1]);
    }
}

static void on_timer(void *object)
{
    struct isr_controller *controller = object;
    drop_deleted(controller);
    for (uint32_t i = 0; i < controller->log_elections_count && controller->active; i++)
        decide(controller, &controller->log_elections[i]);
    if (!controller->active || controller->log_elections_count == 0)
        return;
    for (int32_t node = 1; node <= ISR_NODE_MAX; node++) {
        if (isr_image_broker_active(&controller->pending, node))
            ask(controller, node);
    }
    isr_env_timer_in(controller->env, &controller->log_elections_timer,
                     controller->env->config.retry_backoff);
}

static void take_answer(struct isr_controller *controller, int32_t from, int64_t broker_epoch,
                        const struct isr_log_info_answer *told)
{
    struct ctl_log_election *election = find(controller, told->tp);
    if (election == NULL || told->error != ISR_ERROR_NONE || told->leader_epoch != election->leader_epoch ||
        told->log_end < 0)
        return;
    const struct isr_image_partition *partition = waiting(controller, election);
    if (partition == NULL || !isr_replicas_contain(&partition->replicas, from))
        return;
    uint32_t place = 0;
    while (place < election->answers_count && election->answers[place].node != from)
        place++;
    if (place == ISR_REPLICAS_MAX)
        return;
    if (place == election->answers_count)
        election->answers_count++;
    election->answers[place] = (struct ctl_log_answer){
        .node = from, .broker_epoch = broker_epoch, .last_epoch = told->last_epoch, .log_end = told->log_end};
    decide(controller, election);
}

void ctl_log_info_answered(struct isr_controller *controller, int32_t from,
                           const struct isr_log_info_response *response)
{
    for (uint32_t i = 0; i < response->partitions_count && controller->active; i++)
        take_answer(controller, from, response->broker_epoch, &response->partitions[i]);
}

/* ---- life ---- */

void ctl_log_elections_init(struct isr_controller *controller)
{
    isr_timer_init(&controller->log_elections_timer, on_timer, controller);
}

void ctl_log_elections_begin(struct isr_controller *controller)
{
    for (uint32_t i = 0; i < controller->committed.topics_count; i++) {
        const struct isr_image_topic *topic = &controller->committed.topics[i];
        for (uint32_t j = 0; j < topic->partitions_count; j++)
            ctl_log_elections_changed(controller, &topic->partitions[j]);
    }
}

void ctl_log_elections_end(struct isr_controller *controller)
{
    controller->log_elections_count = 0;
    isr_timer_cancel(&controller->env->timers, &controller->log_elections_timer);
}

uint64_t ctl_log_elections_digest(const struct isr_controller *controller, uint64_t hash)
{
    for (uint32_t i = 0; i < controller->log_elections_count; i++) {
        const struct ctl_log_election *election = &controller->log_elections[i];
        hash = isr_hash_combine(hash, (uint64_t)isr_tp_key(election->tp));
        hash = isr_hash_combine(hash, (uint64_t)election->leader_epoch);
        hash = isr_hash_combine(hash, (uint64_t)election->begun_ns);
        for (uint32_t j = 0; j < election->answers_count; j++) {
            hash = isr_hash_combine(hash, (uint64_t)election->answers[j].node);
            hash = isr_hash_combine(hash, (uint64_t)election->answers[j].broker_epoch);
            hash = isr_hash_combine(hash, (uint64_t)election->answers[j].last_epoch);
            hash = isr_hash_combine(hash, (uint64_t)election->answers[j].log_end);
        }
    }
    return hash;
}
