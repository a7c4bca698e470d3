#include "harness/findings.h"

#include <stdlib.h>
#include <string.h>

struct finding *findings_add(struct findings *findings, const struct hunt_run *run)
{
    for (unsigned i = 0; i < findings->count; i++) {
        struct finding *finding = &findings->items[i];
        if (strcmp(finding->first.signature.text, run->signature.text) == 0) {
            finding->count++;
            return finding;
        }
    }
    if (findings->count == findings->capacity) {
        unsigned capacity = findings->capacity == 0 ? 8 : findings->capacity * 2;
        struct finding *items = realloc(findings->items, capacity * sizeof *items);
        if (items == NULL)
            return NULL;
        findings->items = items;
        findings->capacity = capacity;
    }
    struct finding *finding = &findings->items[findings->count++];
    *finding = (struct finding){.first = *run, .count = 1};
    return finding;
}

void findings_free(struct findings *findings)
{
    free(findings->items);
    *findings = (struct findings){0};
}
