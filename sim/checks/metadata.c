/* I9: who applied the same index of the metadata log has the same state: controllers, and the brokers that
 * follow. */
#include "sim/checks/state.h"

void check_metadata_applied(struct sim_checks *checks, int32_t node, int64_t index, uint64_t digest)
{
    if (index <= 0)
        return;
    if (index > CHECK_INDEX_MAX) {
        check_fail(checks, SIM_INVARIANT_I9, "metadata: %s says that it applied the log up to index %ld",
                   check_node_label(checks, node).text, index);
        return;
    }
    uint32_t place = (uint32_t)index;
    if (place >= checks->digests_count) {
        uint32_t count = checks->digests_count == 0 ? 64 : checks->digests_count;
        while (count <= place)
            count *= 2;
        checks->digests =
            check_widen(checks->heap, checks->digests, sizeof *checks->digests, checks->digests_count, count);
        checks->digests_count = count;
    }
    struct check_digest *first = &checks->digests[place];
    if (first->node == 0) {
        *first = (struct check_digest){.digest = digest, .node = node};
        return;
    }
    check_count(checks, SIM_INVARIANT_I9);
    if (first->digest != digest)
        check_fail(
            checks, SIM_INVARIANT_I9,
            "metadata: %s and %s have different states (%x and %x) after applying the log up to index %ld",
            check_node_label(checks, first->node).text, check_node_label(checks, node).text, first->digest,
            digest, index);
}
