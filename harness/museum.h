/* The museum: the exhibits among scenario files, and what random search is to find of them. */
#ifndef HARNESS_MUSEUM_H
#define HARNESS_MUSEUM_H

#include "harness/commands.h"
#include "harness/files.h"

/* Loads the exhibits of scenarios/museum, by number, then by file. numbers: only these; none: all. False
 * after a complaint in the name of the command. */
bool museum_load(struct loaded_list *exhibits, const char *command, const char *const *numbers,
                 int numbers_count);

/* By number, then by file; what is no exhibit comes first. */
void museum_order(struct loaded_list *scenarios);

/* The variant whose rules random search is run with. */
const struct scenario_variant *museum_searched(const struct scenario *exhibit);
/* "trunc=hw, elr=off": what the variant sets beside the correct rules. */
void museum_rules_text(const struct isr_rules *rules, char *text, size_t size);
/* The file of its shortest known history, in text; false where there is none. */
bool museum_shrunk_path(const struct loaded *exhibit, char *text, size_t size);

#endif
