/* I6: the leader is in the ISR or there is none, ISR and ELR are disjoint parts of the replicas, as are those
 * that a reassignment adds and removes, which are not all; and no fenced or stopping broker is in the ISR.
 *
 * Held on the controller that told the change, after the whole entry was applied. Legal exception: without
 * eligible leader replicas (before KIP-966) the ISR never shrinks below one, and its last member stays
 * although it is fenced; there is no leader then. */
#include "sim/checks/state.h"

static void members_are_active(struct sim_checks *checks, const struct check_partition *partition,
                               int32_t controller, const struct sim_partition_view *seen)
{
    const struct sim_view *view = &checks->view;
    if (!view->elr && seen->isr.count == 1 && seen->leader == ISR_NODE_NONE)
        return;
    for (int i = 0; i < seen->isr.count; i++) {
        if (view->active(view->object, controller, seen->isr.ids[i]))
            continue;
        check_fail(checks, SIM_INVARIANT_I6,
                   "%s: %s is in the ISR %s (leader %s, leader epoch %d, partition epoch %d) although "
                   "controller %s has "
                   "it fenced or shutting down",
                   check_partition_label(partition).text, check_node_label(checks, seen->isr.ids[i]).text,
                   check_set_label(&seen->isr).text, check_node_label(checks, seen->leader).text,
                   seen->leader_epoch, seen->partition_epoch, check_node_label(checks, controller).text);
    }
}

void check_isr(struct sim_checks *checks, struct check_partition *partition, int32_t controller)
{
    const struct sim_view *view = &checks->view;
    struct sim_partition_view seen;
    if (!view->partition(view->object, controller, partition->tp, &seen))
        return;
    check_count(checks, SIM_INVARIANT_I6);
    if (seen.leader != ISR_NODE_NONE && !isr_replicas_contain(&seen.isr, seen.leader))
        check_fail(checks, SIM_INVARIANT_I6, "%s: leader %s of epoch %d is not in the ISR %s",
                   check_partition_label(partition).text, check_node_label(checks, seen.leader).text,
                   seen.leader_epoch, check_set_label(&seen.isr).text);
    if (!isr_replicas_subset(&seen.isr, &seen.replicas) || !isr_replicas_subset(&seen.elr, &seen.replicas))
        check_fail(checks, SIM_INVARIANT_I6,
                   "%s: ISR %s or ELR %s has members that are not among the replicas %s",
                   check_partition_label(partition).text, check_set_label(&seen.isr).text,
                   check_set_label(&seen.elr).text, check_set_label(&seen.replicas).text);
    if (!isr_replicas_subset(&seen.adding, &seen.replicas) ||
        !isr_replicas_subset(&seen.removing, &seen.replicas) ||
        (seen.removing.count > 0 && seen.removing.count == seen.replicas.count))
        check_fail(checks, SIM_INVARIANT_I6,
                   "%s: adding %s and removing %s do not lead from the replicas %s to others",
                   check_partition_label(partition).text, check_set_label(&seen.adding).text,
                   check_set_label(&seen.removing).text, check_set_label(&seen.replicas).text);
    for (int i = 0; i < seen.elr.count; i++) {
        if (isr_replicas_contain(&seen.isr, seen.elr.ids[i]))
            check_fail(checks, SIM_INVARIANT_I6, "%s: %s is both in the ISR %s and in the ELR %s",
                       check_partition_label(partition).text, check_node_label(checks, seen.elr.ids[i]).text,
                       check_set_label(&seen.isr).text, check_set_label(&seen.elr).text);
    }
    members_are_active(checks, partition, controller, &seen);
}

void check_isr_of_broker(struct sim_checks *checks, int32_t controller, int32_t broker)
{
    struct check_partition *partition = NULL;
    while ((partition = check_partition_next(checks, partition)) != NULL) {
        if (isr_replicas_contain(&partition->committed.isr, broker))
            check_isr(checks, partition, controller);
    }
}
