#include "harness/rules_option.h"

#include <stdio.h>
#include <string.h>

#include "harness/commands.h"
#include "harness/scenario_fields.h"
#include "harness/suggestion.h"

static const struct field *find_rule(const char *name)
{
    const struct field *field = scenario_rule_fields;
    while (field->name != NULL && strcmp(field->name, name) != 0)
        field++;
    return field->name != NULL ? field : NULL;
}

static bool complain_rule(const char *command, const char *name)
{
    char message[128];
    struct suggestion suggestion = suggestion_for(name);
    for (const struct field *field = scenario_rule_fields; field->name != NULL; field++)
        suggestion_offer(&suggestion, field->name);
    snprintf(message, sizeof message, "there is no rule '%.40s'", name);
    return command_complain_name(command, "rules", message, &suggestion, "`isrsim rules` lists them");
}

static bool set_rule(const char *command, struct isr_rules *rules, const char *name, const char *value)
{
    const struct field *field = find_rule(name);
    if (field == NULL)
        return complain_rule(command, name);
    const struct choice *choice = field->extra;
    while (choice->word != NULL && strcmp(choice->word, value) != 0)
        choice++;
    if (choice->word != NULL) {
        shape_store((char *)rules + field->position, field->size, choice->value);
        return true;
    }
    char message[160], hint[160];
    choice = field->extra;
    snprintf(message, sizeof message, "rule '%s' has no value '%.40s'", name, value);
    snprintf(hint, sizeof hint, "its values are %s (correct) and %s", choice[0].word, choice[1].word);
    return command_complain(command, "rules", message, hint);
}

/* Does `text` set the rule again somewhere? */
static bool is_set_again(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (; *text != '\0'; text += strcspn(text, ","), text += *text == ',') {
        if (strncmp(text, name, length) == 0 && text[length] == '=')
            return true;
    }
    return false;
}

bool rules_option(const char *command, struct isr_rules *rules, const char *text)
{
    char word[96];
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        snprintf(word, sizeof word, "%.*s", (int)(length < 90 ? length : 90), text);
        char *equals = strchr(word, '=');
        if (equals == NULL)
            return command_complain(command, "rules", "a rule is set by name=value",
                                    "for example --rules trunc=hw,elr=off");
        *equals = '\0';
        if (!set_rule(command, rules, word, equals + 1))
            return false;
        text += length + (text[length] == ',');
        if (is_set_again(text, word)) {
            char message[128];
            snprintf(message, sizeof message, "rule '%.40s' is set twice", word);
            return command_complain(command, "rules", message, "leave one of the two out");
        }
    }
    return true;
}
