/* What the files of this folder share. */
#ifndef ISR_PEER_INTERNAL_H
#define ISR_PEER_INTERNAL_H

#include "core/peer/peer.h"

/* Terms beyond this are nobody's: a message that says so is refused. */
enum { PEER_TERM_MAX = 1 << 30 };
#define PEER_OFFSET_MAX (INT64_MAX / 4)

/* ---- peer.c: phases and roles ---- */

void peer_phase_set(struct isr_peer *peer, enum isr_peer_phase phase);
/* Follows that leader in that term; ISR_NODE_NONE: nobody. */
void peer_follow(struct isr_peer *peer, int32_t leader, int32_t term);
/* Won: leads the state's term from now on. */
void peer_lead(struct isr_peer *peer);
static inline bool peer_leads(const struct isr_peer *peer)
{
    return peer->partition.role == ISR_ROLE_LEADER;
}
static inline bool peer_is_member(const struct isr_peer *peer)
{
    return isr_replicas_contain(&peer->state.members, peer->env->node);
}
static inline uint32_t peer_majority(const struct isr_peer *peer)
{
    return peer->state.members.count / 2u + 1;
}
uint32_t peer_correlation_next(struct isr_peer *peer);
/* State and log are read. */
void peer_recovered(struct isr_peer *peer);

/* ---- state.c ---- */

void peer_state_recover(struct isr_peer *peer);
/* The state changed: it becomes durable, then peer_state_settled is called. */
void peer_state_save(struct isr_peer *peer);
static inline bool peer_state_is_durable(const struct isr_peer *peer)
{
    return peer->state_durable == peer->state_wanted;
}

/* ---- cluster.c ---- */

struct isr_peer_node *peer_node_find(struct isr_peer *peer, int32_t node);
/* Made when it is unknown; NULL when there is no room. */
struct isr_peer_node *peer_node_of(struct isr_peer *peer, int32_t node);
/* Takes a membership that is newer than its own; true when it did. */
bool peer_config_learn(struct isr_peer *peer, int32_t term, int32_t version,
                       const struct isr_replicas *members);
/* Negative, zero or positive: the other's membership against this one's. */
int peer_config_compare(const struct isr_peer *peer, int32_t term, int32_t version);
/* The first membership of a new group. */
void peer_config_found(struct isr_peer *peer, const struct isr_replicas *members);
/* A new leader: the membership becomes one of its term. */
void peer_config_claim(struct isr_peer *peer);
/* Leader: lets in who is ready, one at a time. */
void peer_config_grow(struct isr_peer *peer);

/* ---- bootstrap.c ---- */

void peer_bootstrap_begin(struct isr_peer *peer);
void peer_bootstrap_end(struct isr_peer *peer);
void peer_hello_fire(void *peer);
void peer_hello_request(struct isr_peer *peer, int32_t from, const struct isr_peer_hello_request *request);
void peer_hello_response(struct isr_peer *peer, int32_t from, const struct isr_peer_hello_response *response);

/* ---- heartbeat.c ---- */

void peer_heartbeat_start(struct isr_peer *peer);
void peer_heartbeat_fire(void *peer);
/* At once, to everybody. */
void peer_heartbeat_send(struct isr_peer *peer);
void peer_heartbeat_message(struct isr_peer *peer, int32_t from, const struct isr_peer_heartbeat *heartbeat);
/* How many members, this one included, were heard within peer_silence_max. */
uint32_t peer_members_heard(const struct isr_peer *peer);

/* ---- health.c ---- */

void peer_health_init(struct isr_peer *peer);
/* Something was appended: its write began. */
void peer_health_write_began(struct isr_peer *peer);
/* The log is held further. */
void peer_health_write_done(struct isr_peer *peer);
/* Once a heartbeat, which was due then. */
void peer_health_look(struct isr_peer *peer, int64_t due_ns);

/* ---- election.c ---- */

void peer_election_fire(void *peer);
/* Something is wrong with the leader, or there is none. */
void peer_suspect(struct isr_peer *peer);
/* Stands now, for a term above all it has seen; without canvass when forced. */
void peer_campaign(struct isr_peer *peer, bool forced);
void peer_candidacy_end(struct isr_peer *peer, enum isr_peer_refusal refusal, int32_t by);
/* Does a leader of (term, timestamp) come after the one that is obeyed? Negative: it comes before. */
int peer_leader_rank(const struct isr_peer *peer, int32_t term, int64_t timestamp);
/* A message of somebody who leads that term. True: it is the leader to obey, and is obeyed now. */
bool peer_leader_heard(struct isr_peer *peer, int32_t from, int32_t term, int64_t timestamp);
void peer_leader_lost(struct isr_peer *peer);
/* The leader itself gives up. */
void peer_step_down(struct isr_peer *peer);
void peer_probe_request(struct isr_peer *peer, int32_t from, const struct isr_peer_probe_request *request);
void peer_probe_response(struct isr_peer *peer, int32_t from, const struct isr_peer_probe_response *response);
void peer_vote_request(struct isr_peer *peer, int32_t from, const struct isr_peer_vote_request *request);
void peer_vote_response(struct isr_peer *peer, int32_t from, const struct isr_peer_vote_response *response);
void peer_withdrawal(struct isr_peer *peer, int32_t from, const struct isr_peer_withdrawal *withdrawal);
void peer_step_down_message(struct isr_peer *peer, int32_t from, const struct isr_peer_step_down *message);
/* The vote became durable. */
void peer_election_settled(struct isr_peer *peer);

/* ---- replication.c ---- */

void peer_replication_follow(struct isr_peer *peer);
void peer_replication_lead(struct isr_peer *peer);
void peer_replication_stop(struct isr_peer *peer);
void peer_pull_fire(void *peer);
void peer_position_send(struct isr_peer *peer);
void peer_position_message(struct isr_peer *peer, int32_t from, const struct isr_peer_position *position);
void peer_records_message(struct isr_peer *peer, int32_t from, const struct isr_peer_records *records);
void peer_snapshot_message(struct isr_peer *peer, int32_t from, const struct isr_peer_snapshot *snapshot);
/* Given to the log as its callbacks: it is held further; what was cut is gone for good. */
void peer_held(void *peer);
void peer_log_settled(void *peer);
/* Marks this log in the present term, if it is due and may be. */
void peer_try_mark(struct isr_peer *peer);
void peer_replication_settled(struct isr_peer *peer);
/* Leader: sends what followers wait for or have not been sent. */
void peer_replicate(struct isr_peer *peer);
/* Leader: once a heartbeat. */
void peer_replication_tick(struct isr_peer *peer);
/* The start of this log moved: whoever has to know is told. */
void peer_start_moved(struct isr_peer *peer);
bool peer_advance_high_watermark(struct isr_peer *peer, enum isr_cause cause);

/* ---- wal.c ---- */

struct peer_wal_position {
    int32_t last_term;  /* of the last record or of the mark (P3) */
    int32_t last_epoch; /* of the last record, ISR_EPOCH_NONE when there is none */
    int64_t log_end;
};
struct peer_wal_position peer_wal_position(const struct isr_peer *peer);
/* Negative: (term, end) is less up to date than this log; positive: more (P3). */
int peer_wal_compare(const struct isr_peer *peer, int32_t last_term, int64_t log_end);
/* The epoch of the record before the offset, ISR_EPOCH_NONE when it is not here. */
int32_t peer_wal_epoch_before(const struct isr_peer *peer, int64_t offset);
/* Logs after an index: whole batches from `offset` on that this node holds, at most max_bytes but one. */
struct isr_bytes peer_wal_logs_after(struct isr_peer *peer, int64_t offset, uint32_t max_bytes);
/* Commits up to the offset. True when the high watermark moved. */
bool peer_wal_commit(struct isr_peer *peer, int64_t offset, uint64_t holders, enum isr_cause cause);
/* Takes everything from the offset on back, and the mark when it does not stand any more. */
void peer_wal_rollback(struct isr_peer *peer, int64_t offset, enum isr_cause cause);
/* Where a log that ends with a record of last_epoch before log_end leaves this one; see isr_log_epoch_end. */
struct isr_epoch_end peer_wal_meet(const struct isr_peer *peer, int32_t last_epoch, int64_t log_end,
                                   bool *agrees);
/* Appends what the leader sent behind its own end. */
enum isr_error peer_wal_append(struct isr_peer *peer, struct isr_bytes records);
/* This log holds all of that leader's up to where it began (P3). */
void peer_wal_mark(struct isr_peer *peer, int32_t term, int64_t start);
void peer_wal_mark_drop(struct isr_peer *peer);
/* An epoch that was entered and never written to was nobody's. */
void peer_wal_drop_unborn_epochs(struct isr_peer *peer);

/* GetSnapshot: what a follower begins with that needs what is gone. False: there is none (yet). The producers
 * are in scratch. */
bool peer_wal_snapshot(struct isr_peer *peer, struct isr_peer_snapshot *snapshot);
/* Replaces the log by the snapshot. False, and nothing happens, when it is nonsense, or when the mark has to
 * go first, durably: the snapshot is to be asked for again. */
bool peer_wal_restore(struct isr_peer *peer, const struct isr_peer_snapshot *snapshot);
/* A log that ends at (log_end, last_epoch) lacks what is gone here, or may have had others in their place. */
bool peer_wal_is_out_of_range(const struct isr_peer *peer, int64_t log_end, int32_t last_epoch);
/* After recovery: drops a log that a damaged disk left without anything that tells what it stands on. */
void peer_wal_ground(struct isr_peer *peer);

/* ---- checkpoint.c ---- */

void peer_checkpoint_start(struct isr_peer *peer);
void peer_checkpoint_fire(void *peer);

/* ---- deletion.c ---- */

void peer_delete_records_request(struct isr_peer *peer, int32_t from,
                                 const struct isr_delete_records_request *request);
/* Leader: this log's start, or what is known of a member's, or who is silent, changed. */
void peer_deletions_look(struct isr_peer *peer);
/* It does not lead any more. */
void peer_deletions_fail(struct isr_peer *peer);
/* Follower: moves the start of its log to where the leader's is, as far as that may be; true when it moved.
 */
bool peer_start_follow(struct isr_peer *peer);

/* ---- service.c ---- */

void peer_produce_request(struct isr_peer *peer, int32_t from, const struct isr_produce_request *request);
void peer_init_producer_id(struct isr_peer *peer, int32_t from,
                           const struct isr_init_producer_id_request *request);
void peer_fetch_request(struct isr_peer *peer, int32_t from, const struct isr_fetch_request *request);
void peer_metadata_request(struct isr_peer *peer, int32_t from, const struct isr_metadata_request *request);
void peer_list_offsets_request(struct isr_peer *peer, int32_t from,
                               const struct isr_list_offsets_request *request);
void peer_epoch_request(struct isr_peer *peer, int32_t from,
                        const struct isr_offsets_for_epoch_request *request);
/* The held end or the high watermark moved: answers whom that lets go on. */
void peer_service_wake(struct isr_peer *peer);
/* It does not lead any more. */
void peer_service_fail(struct isr_peer *peer);
void peer_waits_fire(void *peer);

#endif
