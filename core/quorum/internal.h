/* What the files of this folder share. */
#ifndef ISR_QUORUM_INTERNAL_H
#define ISR_QUORUM_INTERNAL_H

#include "core/quorum/quorum.h"

/* ---- raft_log.c: the log in memory; knows nothing of disks but positions ---- */

void quorum_log_init(struct quorum_log *log, struct isr_heap *heap);
static inline int64_t quorum_log_last(const struct quorum_log *log)
{
    return log->base_index + log->count;
}
/* The entry at an index that is here. */
static inline struct quorum_entry *quorum_log_at(const struct quorum_log *log, int64_t index)
{
    uint32_t place = (uint32_t)(index - log->base_index - 1);
    return &log->entries[(log->head + place) & (log->capacity - 1)];
}
static inline bool quorum_log_has(const struct quorum_log *log, int64_t index)
{
    return index > log->base_index && index <= quorum_log_last(log);
}
/* The term of an entry that is here or of the base; 0 of any other. */
int32_t quorum_log_term(const struct quorum_log *log, int64_t index);
static inline int32_t quorum_log_last_term(const struct quorum_log *log)
{
    return quorum_log_term(log, quorum_log_last(log));
}
/* Copies data; the new last entry, with its place in the file. */
struct quorum_entry *quorum_log_append(struct quorum_log *log, int32_t term, uint8_t kind,
                                       struct isr_bytes data);
/* Drops the entries from index on. */
void quorum_log_truncate(struct quorum_log *log, int64_t index);
/* Drops the entries up to index, which is here. */
void quorum_log_compact(struct quorum_log *log, int64_t index);
/* Drops everything; the next entry is index + 1. */
void quorum_log_reset(struct quorum_log *log, int64_t index, int32_t term);
/* The first index here with the term of the entry at index, which is here. */
int64_t quorum_log_run_first(const struct quorum_log *log, int64_t index);
/* The last index here of that term; 0 when there is none. */
int64_t quorum_log_run_last(const struct quorum_log *log, int32_t term);
/* Gives all entries their places in a new file, behind its header. */
void quorum_log_place(struct quorum_log *log);

/* ---- storage.c: file formats ---- */

enum {
    QUORUM_VOTE_BYTES = 16,
    QUORUM_LOG_HEADER_BYTES = 20,
    QUORUM_RECORD_BYTES = 21,
    QUORUM_MARK_BYTES = 16,
    QUORUM_CONFIGURATION_BYTES = 8 + 2 * (1 + ISR_REPLICAS_MAX),
    QUORUM_SNAPSHOT_HEADER_BYTES = 24 + QUORUM_CONFIGURATION_BYTES
};

void quorum_vote_put(uint8_t *out, int32_t term, int32_t vote);
bool quorum_vote_get(struct isr_bytes file, int32_t *term, int32_t *vote);
/* The chain starts with the header's checksum. */
uint32_t quorum_log_header_put(uint8_t *out, int64_t base_index, int32_t base_term);
bool quorum_log_header_get(struct isr_bytes file, int64_t *base_index, int32_t *base_term, uint32_t *crc);
uint32_t quorum_record_crc(uint32_t chain, int64_t index, int32_t term, uint8_t kind, struct isr_bytes data);
uint8_t *quorum_record_put(uint8_t *out, int64_t index, const struct quorum_entry *entry);
struct quorum_record {
    int64_t index;
    int32_t term;
    uint8_t kind;
    uint32_t crc;
    struct isr_bytes data; /* borrowed from the file */
};
/* The record at *position, moved behind it. False where the file ends or the record does not continue the
 * chain. */
bool quorum_record_get(struct isr_bytes file, size_t *position, uint32_t chain, struct quorum_record *record);
/* That everything before its position was durable when it was written. */
void quorum_mark_put(uint8_t *out, int64_t position);
bool quorum_mark_get(struct isr_bytes file, int64_t position);
/* The header of a file whose data is already in its place. */
void quorum_snapshot_seal(uint8_t *file, int64_t index, int32_t term,
                          const struct quorum_configuration *configuration, uint32_t data_bytes);
/* Fills all but snapshot->file. */
bool quorum_snapshot_get(struct isr_bytes file, struct quorum_snapshot *snapshot);

/* ---- persistence.c: what is durable, and who waits for it ---- */

void quorum_vote_persist(struct isr_quorum *quorum);
/* True when term and vote are what the disk holds. */
bool quorum_vote_durable(const struct isr_quorum *quorum);
void quorum_flush(struct isr_quorum *quorum);
/* Writes the entries from first on once more, where they are in the file. */
void quorum_log_write_again(struct isr_quorum *quorum, int64_t first);
/* To be called with each change of the log in memory. */
void quorum_log_file_truncated(struct isr_quorum *quorum, int64_t index);
void quorum_log_file_reset(struct isr_quorum *quorum);
/* True when the operation succeeded; else the process ends. */
bool quorum_io_ok(struct isr_quorum *quorum, const struct isr_io_result *result);
struct isr_file quorum_file(enum isr_file_kind kind, int64_t number);

/* ---- recovery.c ---- */

void quorum_recover(struct isr_quorum *quorum);

/* ---- membership.c: configurations ---- */

/* The data of a MEMBERS entry. False: nonsense. */
struct isr_bytes quorum_members_encode(const struct isr_consensus_members *members,
                                       struct isr_scratch *scratch);
bool quorum_members_decode(struct isr_bytes data, struct isr_consensus_members *members);
bool quorum_members_are_sane(const struct isr_consensus_members *members);
enum quorum_part quorum_part_of(const struct isr_consensus_members *members, int32_t node);
/* The only configuration known, of a snapshot or from the beginning. */
void quorum_configurations_reset(struct isr_quorum *quorum, const struct quorum_configuration *first);
/* To be called with each change of the log in memory. */
void quorum_configurations_append(struct isr_quorum *quorum, int64_t index, struct isr_bytes data);
void quorum_configurations_truncate(struct isr_quorum *quorum, int64_t index);
/* A snapshot holds what was decided up to index. */
void quorum_configurations_compact(struct isr_quorum *quorum, int64_t index);
/* The one in effect at an index at or behind the snapshot. */
const struct quorum_configuration *quorum_configuration_at(const struct isr_quorum *quorum, int64_t index);
/* 4.2.2: who is not a voter any more by an uncommitted configuration is needed until it is committed. */
bool quorum_may_stand(const struct isr_quorum *quorum);

/* ---- alteration.c: transfer of leadership, change of members ---- */

enum isr_error quorum_transfer(struct isr_quorum *quorum, int32_t target);
enum isr_error quorum_change(struct isr_quorum *quorum, enum isr_quorum_change change, int32_t node);
void quorum_resign(struct isr_quorum *quorum, void (*done)(void *object), void *object);
void quorum_alteration_fire(void *object);
void quorum_resignation_fire(void *object);
/* A peer has more of the log than before. */
void quorum_alteration_progress(struct isr_quorum *quorum, struct quorum_peer *peer);
/* The target of a transfer may have missed it. */
void quorum_timeout_now_repeat(struct isr_quorum *quorum);
void quorum_timeout_now(struct isr_quorum *quorum, const struct quorum_peer *peer,
                        const struct isr_timeout_now_request *request);
/* Leadership ended: what was under way is over. */
void quorum_alteration_abandon(struct isr_quorum *quorum);
/* Part of settling: what became committed, and who goes. */
void quorum_alteration_settle(struct isr_quorum *quorum);
void quorum_resignation_settle(struct isr_quorum *quorum);

/* ---- election.c ---- */

void quorum_election_arm(struct isr_quorum *quorum);
void quorum_election_fire(void *object);
void quorum_campaign(struct isr_quorum *quorum);
/* Raises the term and votes for itself; transferred: because its leader wants it to lead. */
void quorum_candidate_become(struct isr_quorum *quorum, bool transferred);
void quorum_vote_request(struct isr_quorum *quorum, struct quorum_peer *peer,
                         const struct isr_vote_request *request);
void quorum_vote_response(struct isr_quorum *quorum, struct quorum_peer *peer,
                          const struct isr_vote_response *response);
/* Term and vote became durable: sends what waited for it. */
void quorum_vote_settle(struct isr_quorum *quorum);

/* ---- follower.c ---- */

void quorum_append_request(struct isr_quorum *quorum, struct quorum_peer *peer,
                           const struct isr_append_request *request);
/* Acknowledges what is durable, if anything is owed. */
void quorum_acknowledge(struct isr_quorum *quorum);
/* Takes note of a message of this term's leader. False when it cannot be one. */
bool quorum_leader_heard(struct isr_quorum *quorum, int32_t from, int32_t term);

/* ---- replication.c: the leader ---- */

void quorum_lead(struct isr_quorum *quorum);
/* A peer that is sent entries: a member, or somebody who is to become one. */
bool quorum_peer_is_served(const struct isr_quorum *quorum, const struct quorum_peer *peer);
/* Nothing is known of what the peer has. */
void quorum_peer_begin(struct isr_quorum *quorum, struct quorum_peer *peer);
int64_t quorum_leader_append(struct isr_quorum *quorum, uint8_t kind, struct isr_bytes data);
/* An answer of a voter to this leader, of this term: notes that it was heard. False when it does not concern
 * this leadership; a higher term ends it. */
bool quorum_answer_counts(struct isr_quorum *quorum, struct quorum_peer *peer, int32_t term, uint64_t round);
void quorum_append_response(struct isr_quorum *quorum, struct quorum_peer *peer,
                            const struct isr_append_response *response);
void quorum_heartbeat_fire(void *object);
void quorum_send_entries(struct isr_quorum *quorum, struct quorum_peer *peer);
void quorum_leader_commit(struct isr_quorum *quorum);
/* The time since which a majority, this leader included, was heard. */
int64_t quorum_majority_heard_ns(const struct isr_quorum *quorum);

/* ---- snapshot.c ---- */

/* Takes one when enough was applied since the last. */
void quorum_snapshot_take(struct isr_quorum *quorum);
void quorum_snapshot_begin(struct isr_quorum *quorum, struct quorum_peer *peer);
void quorum_snapshot_send(struct isr_quorum *quorum, struct quorum_peer *peer, bool with_data);
void quorum_snapshot_request(struct isr_quorum *quorum, struct quorum_peer *peer,
                             const struct isr_snapshot_request *request);
void quorum_snapshot_response(struct isr_quorum *quorum, struct quorum_peer *peer,
                              const struct isr_snapshot_response *response);
void quorum_incoming_drop(struct isr_quorum *quorum);

/* ---- quorum.c ---- */

/* Takes a higher term, as follower; settling makes it durable. */
void quorum_term_adopt(struct isr_quorum *quorum, int32_t term);
/* Sets role and leader, tells observers; ends what belongs to the old role. */
void quorum_role_set(struct isr_quorum *quorum, enum isr_consensus_role role, int32_t leader);
/* Appends in memory and tells observers. */
void quorum_append(struct isr_quorum *quorum, int32_t term, uint8_t kind, struct isr_bytes data);
void quorum_commit_to(struct isr_quorum *quorum, int64_t index);
/* The end of every step: writes term and vote if they changed, applies, snapshots, tells the machine. */
void quorum_settle(struct isr_quorum *quorum);
void quorum_observe_appended(struct isr_quorum *quorum, int64_t index);

#endif
