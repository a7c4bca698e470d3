/* What an administrator asks of the quorum: who leads, and who takes part. One thing at a time.
 *
 *     UNALTERED --transfer--> TRANSFERRING --over, or in vain--> UNALTERED
 *     UNALTERED --add--> ADDING, a spare --committed--> CHANGING --committed--> UNALTERED
 *     UNALTERED --remove, promote--> CHANGING --committed--> UNALTERED
 *
 * The library's callbacks come from inside it: what follows from them is done when it has returned. */
#include "sim/libraft/internal.h"

static void altered(struct libraft *libraft, enum isr_error error)
{
    bool asked = libraft->alteration_asked;
    libraft->alteration = LIBRAFT_UNALTERED;
    libraft->alteration_asked = false;
    if (asked)
        libraft->machine.altered(libraft->machine.object, error);
}

static enum isr_error error_of(int status)
{
    switch (status) {
    case 0:
        return ISR_ERROR_NONE;
    case RAFT_NOTLEADER:
    case RAFT_LEADERSHIPLOST:
        return ISR_ERROR_NOT_CONTROLLER;
    case RAFT_BADID:
    case RAFT_NOTFOUND:
        return ISR_ERROR_VOTER_NOT_FOUND;
    case RAFT_BADROLE:
    case RAFT_DUPLICATEID:
        return ISR_ERROR_DUPLICATE_VOTER;
    case RAFT_NOCONNECTION:
        return ISR_ERROR_REQUEST_TIMED_OUT;
    }
    return ISR_ERROR_OPERATION_NOT_ATTEMPTED;
}

/* ---- transfer ---- */

static void transfer_over(struct raft_transfer *request)
{
    struct libraft *libraft = request->data;
    libraft->transfer_waits = false;
}

static int transfer_begin(struct libraft *libraft, raft_id target)
{
    libraft_enter(libraft);
    libraft->transfer = (struct raft_transfer){.data = libraft};
    int status = raft_transfer(&libraft->raft, &libraft->transfer, target, transfer_over);
    libraft->transfer_waits = status == 0;
    libraft_leave(libraft);
    return status;
}

static bool may_alter(const struct libraft *libraft)
{
    return libraft->phase == LIBRAFT_RUNNING && !libraft->inside && !libraft->held &&
           !libraft->env->exiting && libraft->raft.state == RAFT_LEADER;
}

enum isr_error libraft_transfer(struct libraft *libraft, int32_t target)
{
    if (!may_alter(libraft))
        return ISR_ERROR_NOT_CONTROLLER;
    if (target == libraft->env->node)
        return ISR_ERROR_ELECTION_NOT_NEEDED;
    if (libraft->alteration != LIBRAFT_UNALTERED || libraft->transfer_waits)
        return ISR_ERROR_OPERATION_NOT_ATTEMPTED;
    int status = transfer_begin(libraft, target == ISR_NODE_NONE ? 0 : (raft_id)target);
    if (status != 0)
        return error_of(status);
    libraft->alteration = LIBRAFT_TRANSFERRING;
    libraft->alteration_asked = true;
    return ISR_ERROR_NONE;
}

/* ---- members ---- */

static void change_over(struct raft_change *request, int status)
{
    struct libraft *libraft = request->data;
    libraft->change_waits = false;
    libraft->change_status = status;
}

static const struct raft_server *server_of(const struct libraft *libraft, int32_t node)
{
    const struct raft_configuration *configuration = &libraft->raft.configuration;
    for (unsigned i = 0; i < configuration->n; i++) {
        if (configuration->servers[i].id == (raft_id)node)
            return &configuration->servers[i];
    }
    return NULL;
}

static int change_begin(struct libraft *libraft, enum libraft_alteration alteration)
{
    struct raft *raft = &libraft->raft;
    raft_id id = (raft_id)libraft->alteration_node;
    char address[LIBRAFT_ADDRESS_BYTES];
    int status;
    libraft_address(address, libraft->alteration_node);
    libraft_enter(libraft);
    libraft->change = (struct raft_change){.data = libraft};
    libraft->change_waits = true;
    if (alteration == LIBRAFT_ADDING)
        status = raft_add(raft, &libraft->change, id, address, change_over);
    else if (libraft->alteration_role < 0)
        status = raft_remove(raft, &libraft->change, id, change_over);
    else
        status = raft_assign(raft, &libraft->change, id, libraft->alteration_role, change_over);
    if (status != 0)
        libraft->change_waits = false;
    libraft_leave(libraft);
    if (status == 0)
        libraft->alteration = alteration;
    return status;
}

enum isr_error libraft_change(struct libraft *libraft, enum isr_quorum_change change, int32_t node)
{
    if (!may_alter(libraft))
        return ISR_ERROR_NOT_CONTROLLER;
    if (!isr_replicas_contain(&libraft->nodes, node))
        return ISR_ERROR_INVALID_REQUEST; /* nobody knows its address */
    if (libraft->alteration != LIBRAFT_UNALTERED || libraft->transfer_waits)
        return ISR_ERROR_OPERATION_NOT_ATTEMPTED;
    const struct raft_server *server = server_of(libraft, node);
    if (change == ISR_QUORUM_REMOVE && server == NULL)
        return ISR_ERROR_VOTER_NOT_FOUND;
    if (change == ISR_QUORUM_REMOVE && server->role == RAFT_VOTER &&
        libraft_members_of(&libraft->raft.configuration).voters.count == 1)
        return ISR_ERROR_INVALID_REQUEST; /* nobody would be left to vote */
    if (change == ISR_QUORUM_ADD_LEARNER && server != NULL)
        return ISR_ERROR_DUPLICATE_VOTER;
    libraft->alteration_node = node;
    libraft->alteration_role = change == ISR_QUORUM_REMOVE      ? -1
                               : change == ISR_QUORUM_ADD_VOTER ? RAFT_VOTER
                                                                : RAFT_STANDBY;
    int status = change_begin(libraft, server == NULL ? LIBRAFT_ADDING : LIBRAFT_CHANGING);
    libraft->alteration_asked = status == 0;
    return error_of(status);
}

/* ---- how it goes on ---- */

bool libraft_alteration_go_on(struct libraft *libraft)
{
    switch (libraft->alteration) {
    case LIBRAFT_UNALTERED:
        return false;
    case LIBRAFT_TRANSFERRING:
        if (libraft->transfer_waits)
            return false;
        altered(libraft, libraft->raft.state == RAFT_LEADER ? ISR_ERROR_REQUEST_TIMED_OUT : ISR_ERROR_NONE);
        return true;
    case LIBRAFT_ADDING:
    case LIBRAFT_CHANGING:
        break;
    }
    if (libraft->change_waits)
        return false;
    int status = libraft->change_status;
    if (status == 0 && libraft->alteration == LIBRAFT_ADDING) {
        status = change_begin(libraft, LIBRAFT_CHANGING);
        if (status == 0)
            return true;
    }
    altered(libraft, error_of(status));
    return true;
}

/* ---- a clean stop ---- */

static void resigned(struct libraft *libraft)
{
    void (*done)(void *object) = libraft->resign_done;
    libraft->resign_done = NULL;
    isr_timer_cancel(&libraft->env->timers, &libraft->resign_timer);
    if (done != NULL)
        done(libraft->resign_object);
}

bool libraft_resignation_go_on(struct libraft *libraft)
{
    if (libraft->resign_done == NULL || libraft->raft.state == RAFT_LEADER || libraft->held)
        return false;
    resigned(libraft);
    return true;
}

void libraft_resign_timer_fired(void *object)
{
    resigned(object);
}

/* A leader hands over first, and waits for an election timeout at most; it has no more ticks, so that it
 * stands for no election. */
void libraft_resign(struct libraft *libraft, void (*done)(void *object), void *object)
{
    bool leads = may_alter(libraft);
    libraft->resigned = true;
    libraft->resign_done = done;
    libraft->resign_object = object;
    isr_timer_cancel(&libraft->env->timers, &libraft->tick_timer);
    if (leads && !libraft->transfer_waits)
        leads = transfer_begin(libraft, 0) == 0;
    if (!leads)
        resigned(libraft);
    else
        isr_env_timer_in(libraft->env, &libraft->resign_timer, libraft->env->config.quorum_election_timeout);
}
