/* What the controller pushes to a broker with metadata_push (Kafka before KIP-500): LeaderAndIsr gives roles,
 * StopReplica takes replicas away, UpdateMetadata tells of the rest of the cluster.
 *
 *   fenced --none of the fences--> made sense of --> obeyed --> answered
 *      \------------------------------\--> refused, answered with the reason
 *
 * Fences, in this order: the controller epoch (an older controller than one that was obeyed), the broker
 * epoch (meant for another registration, KIP-380), and for each partition its epochs: an older state of a
 * replica changes nothing (isr_partition_apply), and takes none away (KIP-570). A LeaderAndIsr that comes
 * after a later one, or after a later StopReplica, of the same controller is answered and not obeyed: what it
 * names may be gone since. What no controller says (from another node; sets that do not fit; a second leader
 * of an epoch; a topic that was removed; the same partition twice) is refused whole, and changes nothing, the
 * controller epoch included. */
#ifndef ISR_BROKER_METADATA_PUSH_H
#define ISR_BROKER_METADATA_PUSH_H

#include "core/broker/broker.h"

/* LEADER_AND_ISR_, STOP_REPLICA_ and UPDATE_METADATA_REQUEST; false for every other kind. */
bool isr_metadata_push_message(struct isr_broker *broker, int32_t from, const struct isr_message *message);

#endif
