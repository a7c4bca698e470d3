/* Between the files of the controller. A handler of a request reads the pending image, gathers records,
 * proposes them, and fills its answer; the dispatcher sends that when it is safe. */
#ifndef ISR_CONTROLLER_INTERNAL_H
#define ISR_CONTROLLER_INTERNAL_H

#include "core/controller/controller.h"
#include "core/controller/partition_change.h"

/* ---- decisions: controller.c ---- */

/* One more record for the decision being made; fill it at once. */
struct isr_metadata_record *ctl_record(struct isr_controller *controller);
/* Adds what becomes of one partition; nothing when it does not change. */
void ctl_record_partition(struct isr_controller *controller, const struct isr_image_partition *partition,
                          const struct ctl_happening *what);
/* All partitions that have what->leaves in the ISR, or among the eligible leaders when it forgets. */
void ctl_record_departure(struct isr_controller *controller, const struct ctl_happening *what);
/* Proposes the records as one entry and applies them to the pending image; without records nothing happens.
 * False: consensus leads no more; the answer is NOT_CONTROLLER. */
bool ctl_propose(struct isr_controller *controller);
/* Everything proposed or committed is at or below this index. */
int64_t ctl_last_index(const struct isr_controller *controller);
/* NONE; STALE_BROKER_EPOCH for another epoch than the registered one; NOT_CONTROLLER for one that is ahead of
 * all this controller knows: the cluster has moved on without it. */
enum isr_error ctl_check_broker_epoch(const struct isr_image *image, int32_t broker, int64_t broker_epoch);

/* ---- answers: answers.c ---- */

/* The answer to a request of a controller, with correlation and partition, refused with NOT_CONTROLLER.
 * False: the message is no such request. */
bool ctl_answer_begin(const struct isr_message *request, struct isr_message *answer);
/* Sends, at once or when all that is proposed so far is committed. Copies. asked: for observers, may be NULL.
 */
void ctl_answer_send(struct isr_controller *controller, int32_t to, const struct isr_message *answer,
                     const struct isr_replicas *asked);
void ctl_answers_committed(struct isr_controller *controller, int64_t index);
void ctl_answers_refuse(struct isr_controller *controller);

/* ---- requests, only while active ---- */

void ctl_register_broker(struct isr_controller *controller,
                         const struct isr_broker_registration_request *request,
                         struct isr_broker_registration_response *answer);
void ctl_heartbeat(struct isr_controller *controller, const struct isr_broker_heartbeat_request *request,
                   struct isr_broker_heartbeat_response *answer);
void ctl_allocate_producer_ids(struct isr_controller *controller,
                               const struct isr_allocate_producer_ids_request *request,
                               struct isr_allocate_producer_ids_response *answer);
/* Fills asked with the ISR asked for as far as it is one. */
void ctl_alter_partition(struct isr_controller *controller, const struct isr_alter_partition_request *request,
                         struct isr_alter_partition_response *answer, struct isr_replicas *asked);
void ctl_create_topic(struct isr_controller *controller, const struct isr_create_topic_request *request,
                      struct isr_create_topic_response *answer);
void ctl_alter_topic(struct isr_controller *controller, const struct isr_alter_topic_request *request,
                     struct isr_admin_response *answer);
void ctl_delete_topic(struct isr_controller *controller, const struct isr_delete_topic_request *request,
                      struct isr_admin_response *answer);
void ctl_reassign(struct isr_controller *controller, const struct isr_reassign_request *request,
                  struct isr_admin_response *answer);
void ctl_elect_leaders(struct isr_controller *controller, const struct isr_elect_leaders_request *request,
                       struct isr_elect_leaders_response *answer);
/* The checks of AlterPartition on an image, in the order of Kafka's ReplicationControlManager. */
enum isr_error ctl_alter_partition_check(const struct isr_image *image, const struct isr_rules *rules,
                                         const struct isr_alter_partition_request *request);

/* ---- leaders back to the preferred replicas: rebalance.c ---- */

void ctl_rebalance_init(struct isr_controller *controller);
void ctl_rebalance_begin(struct isr_controller *controller);
void ctl_rebalance_end(struct isr_controller *controller);

/* ---- elections by logs: log_elections.c ---- */

void ctl_log_elections_init(struct isr_controller *controller);
/* Whoever was active before: the partitions that have no leader are asked for again. */
void ctl_log_elections_begin(struct isr_controller *controller);
void ctl_log_elections_end(struct isr_controller *controller);
/* A committed change of a partition was applied while active. */
void ctl_log_elections_changed(struct isr_controller *controller,
                               const struct isr_image_partition *partition);
/* Its settings may be other ones. */
void ctl_log_elections_topic_changed(struct isr_controller *controller, const struct isr_image_topic *topic);
/* Nobody leads its partitions any more, nor will. */
void ctl_log_elections_topic_removed(struct isr_controller *controller, uint16_t topic);
void ctl_log_info_answered(struct isr_controller *controller, int32_t from,
                           const struct isr_log_info_response *response);
/* Fills what->chosen and chosen_of_few when the answers so far allow a choice; of_few: even those of less
 * than a majority. Nothing for a partition whose replicas are not being asked. */
void ctl_log_election_choose(struct isr_controller *controller, const struct isr_image_partition *partition,
                             bool of_few, struct ctl_happening *what);
uint64_t ctl_log_elections_digest(const struct isr_controller *controller, uint64_t hash);

/* ---- the witness: witness.c ---- */

void ctl_write_failures(struct isr_controller *controller, int32_t client,
                        const struct isr_write_failures *told);
/* Whom the witness deposed by beginning this leader epoch; ISR_NODE_NONE: nobody. */
int32_t ctl_witness_deposed(const struct isr_controller *controller, struct isr_tp tp, int32_t leader_epoch);
void ctl_witness_end(struct isr_controller *controller);
uint64_t ctl_witness_digest(const struct isr_controller *controller, uint64_t hash);

/* ---- sessions: sessions.c ---- */

void ctl_sessions_init(struct isr_controller *controller);
/* Every registered, unfenced broker gets a whole session. */
void ctl_sessions_begin(struct isr_controller *controller);
void ctl_sessions_end(struct isr_controller *controller);
void ctl_session_touch(struct isr_controller *controller, int32_t broker);
bool ctl_session_is_live(const struct isr_controller *controller, int32_t broker);

/* ---- following the metadata: metadata_service.c ---- */

void ctl_metadata_fetch(struct isr_controller *controller, int32_t from,
                        const struct isr_metadata_fetch_request *request);
/* Up to where entries can be told of. While one is being applied it is the last. */
int64_t ctl_served_end(const struct isr_controller *controller);
bool ctl_entry_at(const struct isr_controller *controller, int64_t index, struct isr_metadata_entry *entry,
                  bool *is_command);
bool ctl_is_compacted(const struct isr_controller *controller, int64_t index);
/* Counts the entries from first to end that one message takes; *last: up to where it is complete then. Fill:
 * the entries and committed_index of it. */
uint32_t ctl_entries_count(const struct isr_controller *controller, int64_t first, int64_t end,
                           int64_t *last);
void ctl_entries_fill(const struct isr_controller *controller, int64_t first, int64_t end,
                      struct isr_metadata_fetch_response *answer);
/* Answers every fetch that waits, with the entry that is being applied. */
void ctl_polls_wake(struct isr_controller *controller);
void ctl_polls_refuse(struct isr_controller *controller);

/* ---- metadata_push: metadata_push.c ---- */

/* The broker lives: what it was not told yet is pushed to it. */
void ctl_push_contact(struct isr_controller *controller, int32_t broker);
/* Something was committed. */
void ctl_pushes_wake(struct isr_controller *controller);
void ctl_push_answered(struct isr_controller *controller, int32_t from,
                       const struct isr_controller_push_response *answer);
void ctl_pushes_end(struct isr_controller *controller);
uint64_t ctl_pushes_digest(const struct isr_controller *controller, uint64_t hash);

#endif
