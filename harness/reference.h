/* Names that a scenario gives to nodes, partitions, topics and clients, resolved with helpful errors. */
#ifndef HARNESS_REFERENCE_H
#define HARNESS_REFERENCE_H

#include "harness/shape.h"

/* Each adds to diagnostics at the place and returns false where the name means nothing. */

/* "n1", "c1", a client's own name. */
bool reference_node(struct binder *binder, struct place place, const char *name, int32_t *node);
/* A controller that votes or may be made to: n1, c4; a number alone is the controller's. */
bool reference_controller(struct binder *binder, struct place place, const char *name, int32_t *node);
/* A broker: "n1" or "1". */
bool reference_broker(struct binder *binder, struct place place, const char *name, int32_t *node);
bool reference_topic(struct binder *binder, struct place place, const char *name, uint32_t *topic);
extern const struct shape shape_topic_name; /* struct isr_name */
/* "orders-0" */
bool reference_partition(struct binder *binder, struct place place, const char *name, struct isr_name *topic,
                         int32_t *partition);
bool reference_client(struct binder *binder, struct place place, const char *name,
                      char client[SIM_LABEL_BYTES]);

/* Is the name taken by the cluster itself ("n1", "c2", "all", ...), so that no client may have it? */
bool reference_is_reserved(const char *name);

/* struct sim_node_set: a node, a list of nodes, all servers, or the active controller. */
extern const struct shape shape_nodes;
/* For links: all includes the clients. */
extern const struct shape shape_ends;
/* The id list of an assignment or an ISR: [1, 2] or [n1, n2]; target: struct isr_replicas. */
bool reference_replicas(struct binder *binder, const struct tree_node *node, struct isr_replicas *replicas);

/* A set of nodes as shape_nodes or, with clients_too, shape_ends read it. */
void reference_write_nodes(struct writer *writer, const struct sim_node_set *set, bool clients_too);
void reference_write_replicas(struct writer *writer, const struct isr_replicas *replicas);

#endif
