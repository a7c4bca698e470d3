/* What a program has already, in a small form for the example: memory, clocks, and sockets between its nodes.
 */
#ifndef EXAMPLE_PLATFORM_H
#define EXAMPLE_PLATFORM_H

#include "core/embed/runner.h"

/* The memory of one node, which can be dropped whole: a node that dies is not asked to clean up. */
struct platform_memory {
    struct platform_block *first;
};
struct isr_heap platform_heap(struct platform_memory *memory);
void platform_drop(struct platform_memory *memory);
/* The monotonic and the wall clock. */
struct isr_reading platform_now(void);

/* UDP on the loopback between the nodes 1..count of this process. Datagrams that are lost are sent again by
 * the protocol. False, with errno, when a socket cannot be had. */
bool mesh_open(int32_t count);
void mesh_send(int32_t from, int32_t to, struct isr_bytes frame);
/* The next frame that came to the node, and from whom; false when there is none. Valid until the next call.
 */
bool mesh_receive(int32_t to, int32_t *from, struct isr_bytes *frame);
/* Waits for a frame to any node, but not longer than until this time of the monotonic clock. */
void mesh_wait(int64_t until_ns);

#endif
