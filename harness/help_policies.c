/* isrsim help policies: what each commit policy is worth, from core/policy's own lists and functions. */
#include "harness/help_policies.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/policy/settings.h"
#include "harness/terminal.h"

void help_describe_promise(const struct isr_topic_settings *settings, enum isr_leader_choice leader_choice,
                           uint32_t replicas_count, char *text, size_t size)
{
    const char *commit = isr_commit_policy_info(isr_topic_commit(settings))->name;
    const char *choice = isr_leader_choice_info(leader_choice)->name;
    int32_t promise = isr_commit_promise(isr_topic_commit(settings), (uint32_t)settings->commit_followers,
                                         replicas_count, (uint32_t)settings->min_isr, leader_choice);
    if (promise == 0)
        snprintf(text, size, "%s with leader choice %s promises nothing: an election alone may lose records",
                 commit, choice);
    else
        snprintf(text, size,
                 "%s with leader choice %s promises a record until %" PRId32 " of %" PRIu32
                 " replicas lost it from disk",
                 commit, choice, promise, replicas_count);
}

static void print_promise(enum isr_commit_policy policy, uint32_t followers, uint32_t replicas,
                          uint32_t min_isr)
{
    printf("  %-12s", isr_commit_policy_info(policy)->name);
    for (int choice = 0; choice < ISR_LEADER_CHOICES; choice++)
        printf(" %16" PRId32,
               isr_commit_promise(policy, followers, replicas, min_isr, (enum isr_leader_choice)choice));
    printf("\n");
}

void help_policies(void)
{
    struct palette palette = terminal_palette(stdout);
    printf("When a record is committed: acks=all is answered, consumers see it. A topic's `commit:`.\n\n");
    for (int i = 0; i < ISR_COMMIT_POLICIES; i++) {
        const struct isr_policy_info *info = isr_commit_policy_info((enum isr_commit_policy)i);
        printf("  %s%s%s\n", palette.cyan, info->name, palette.plain);
        terminal_print_prose(stdout, info->meaning, 6, 100);
    }
    printf("\nWho finds the next leader. A topic's `leader_choice:`.\n\n");
    for (int i = 0; i < ISR_LEADER_CHOICES; i++) {
        const struct isr_policy_info *info = isr_leader_choice_info((enum isr_leader_choice)i);
        printf("  %s%s%s\n", palette.cyan, info->name, palette.plain);
        terminal_print_prose(stdout, info->meaning, 6, 100);
    }
    printf("\nWhat the two promise together: at how many replicas that lost a committed record from their "
           "disks its loss\nbecomes allowed; 0 is no promise at all. Three replicas, min ISR 2, one follower "
           "needed:\n\n  %-12s",
           "");
    for (int choice = 0; choice < ISR_LEADER_CHOICES; choice++)
        printf(" %16s", isr_leader_choice_info((enum isr_leader_choice)choice)->name);
    printf("\n");
    for (int i = 0; i < ISR_COMMIT_POLICIES; i++)
        print_promise((enum isr_commit_policy)i, 1, 3, 2);
    printf("\nThe checks hold each topic to its number, and to no more: what is lost beyond it stands in the "
           "ledger as an\nallowed loss.\n");
}
