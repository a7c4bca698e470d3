/* What random faults may take from a cluster that is to keep its promises (faults/budgets.def).
 *
 * A topic promises that a record is kept until as many replicas as isr_topic_promise tells have lost it. One
 * less of them may lose what they had on their disks, over the whole run: nobody counts who has recovered in
 * between, and the ledger, which does, may then say of every loss that it was forbidden. */
#ifndef FAULT_BUDGET_H
#define FAULT_BUDGET_H

#include "faults/generate.h"

/* What is left. */
struct fault_budget {
    bool over;            /* there is always some */
    int64_t power_losses; /* of brokers, lost disks too */
    int64_t disks;
    int32_t voters;
    bool topic_deleted;
};

/* At the beginning, for a plan whose cluster, configuration and topics are drawn. */
struct fault_budget fault_budget_of(const struct fault_plan *plan);
/* Takes what a fault of that kind needs that strikes that node. False: there is none left, and nothing was
 * taken. */
bool fault_budget_take(struct fault_budget *budget, const struct fault_plan *plan,
                       enum fault_budget_kind kind, int32_t node);

#endif
