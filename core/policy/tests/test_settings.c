#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "core/policy/settings.h"

static struct isr_topic_settings settings_of(enum isr_commit_policy commit, int64_t followers,
                                             int64_t min_isr)
{
    struct isr_topic_settings settings = isr_topic_settings_of_min_isr(min_isr);
    settings.commit = commit;
    settings.commit_followers = followers;
    return settings;
}

static const char *words_of(const char *name)
{
    size_t count;
    const struct isr_topic_setting_info *infos = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(infos[i].name, name) == 0)
            return infos[i].words;
    }
    return NULL;
}

static void names_settings_as_the_list_of_policies_does(void **state)
{
    (void)state;
    char words[200] = "";
    for (int i = 0; i < ISR_COMMIT_POLICIES; i++) {
        strcat(words, i == 0 ? "" : "|");
        strcat(words, isr_commit_policy_info((enum isr_commit_policy)i)->name);
    }
    assert_string_equal(words_of("commit"), words);
    words[0] = '\0';
    for (int i = 0; i < ISR_LEADER_CHOICE_PEER_VOTE; i++) { /* that one needs no controller */
        strcat(words, i == 0 ? "" : "|");
        strcat(words, isr_leader_choice_info((enum isr_leader_choice)i)->name);
    }
    assert_memory_equal(words_of("leader_choice"), words, strlen(words_of("leader_choice")));
}

static void assert_nonsense(struct isr_topic_settings settings, const char *sentence)
{
    const char *hint;
    const char *told = isr_topic_settings_nonsense(&settings, 3, &hint);
    assert_non_null(told);
    assert_string_equal(told, sentence);
    assert_true(hint[0] != '\0');
}

static void refuses_settings_when_they_make_no_sense_together(void **state)
{
    (void)state;
    assert_nonsense(settings_of(ISR_COMMIT_ALL_ISR, 1, 4), "min ISR is more than the replication factor");
    assert_nonsense(settings_of(ISR_COMMIT_QUORUM, 1, 2), "min ISR has no meaning under this commit policy");
    assert_nonsense(settings_of(ISR_COMMIT_ASYNC, 1, 2), "min ISR has no meaning under this commit policy");
    assert_nonsense(settings_of(ISR_COMMIT_SEMI_SYNC, 0, 1), "semi_sync with no follower is async");
    assert_nonsense(settings_of(ISR_COMMIT_SEMI_SYNC, 3, 1),
                    "semi_sync waits for more followers than there are");
    assert_nonsense(settings_of(ISR_COMMIT_QUORUM, 2, 1),
                    "commit_followers has no meaning under this commit policy");
}

static void refuses_a_recovery_beside_what_it_replaces(void **state)
{
    (void)state;
    const char *sentence =
        "unclean_recovery has no meaning beside unclean elections or a leader choice that asks for logs";
    for (int64_t recovery = 0; recovery <= ISR_UNCLEAN_RECOVERY_AGGRESSIVE; recovery++) {
        struct isr_topic_settings settings = settings_of(ISR_COMMIT_ALL_ISR, 1, 2);
        const char *hint;
        settings.unclean_recovery = recovery;
        assert_null(isr_topic_settings_nonsense(&settings, 3, &hint));
        assert_int_equal(isr_topic_is_unclean(&settings), recovery == ISR_UNCLEAN_RECOVERY_AGGRESSIVE);
        settings.unclean = 1;
        assert_true(isr_topic_is_unclean(&settings));
        if (recovery == ISR_UNCLEAN_RECOVERY_LAST_KNOWN)
            continue;
        assert_nonsense(settings, sentence);
        settings.unclean = 0;
        settings.leader_choice = ISR_LEADER_CHOICE_MOST_UP_TO_DATE;
        assert_nonsense(settings, sentence);
    }
    assert_string_equal(words_of("unclean_recovery"), "last_known|none|balanced|aggressive");
}

static void accepts_settings_when_they_make_sense(void **state)
{
    (void)state;
    const char *hint;
    const struct isr_topic_settings sensible[] = {
        settings_of(ISR_COMMIT_ALL_ISR, 0, 2), settings_of(ISR_COMMIT_ALL_ISR, 1, 3),
        settings_of(ISR_COMMIT_QUORUM, 1, 1), settings_of(ISR_COMMIT_SEMI_SYNC, 2, 1),
        settings_of(ISR_COMMIT_FULLY_SYNC, 1, 2)};
    for (size_t i = 0; i < sizeof sensible / sizeof sensible[0]; i++)
        assert_null(isr_topic_settings_nonsense(&sensible[i], 3, &hint));
}

static void tells_whether_isr_members_hold_everything(void **state)
{
    (void)state;
    struct isr_topic_settings settings = settings_of(ISR_COMMIT_SEMI_SYNC, 2, 1);
    assert_true(isr_topic_isr_is_complete(&settings, 3)); /* all of three */
    assert_false(isr_topic_isr_is_complete(&settings, 4));
    settings = settings_of(ISR_COMMIT_ALL_ISR, 1, 2);
    assert_true(isr_topic_isr_is_complete(&settings, 4));
    assert_true(isr_topic_needs_min_isr(&settings));
    settings = settings_of(ISR_COMMIT_FULLY_SYNC, 1, 2);
    assert_false(isr_topic_needs_min_isr(&settings));
    assert_int_equal(isr_topic_copies(&settings, 3), 3);
    assert_int_equal(isr_topic_promise(&settings, 3), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_settings_as_the_list_of_policies_does),
        cmocka_unit_test(refuses_settings_when_they_make_no_sense_together),
        cmocka_unit_test(refuses_a_recovery_beside_what_it_replaces),
        cmocka_unit_test(accepts_settings_when_they_make_sense),
        cmocka_unit_test(tells_whether_isr_members_hold_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
