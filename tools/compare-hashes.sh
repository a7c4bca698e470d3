#!/usr/bin/env bash
# Runs every scenario and some random ones with two builds of isrsim and compares verdicts, counts and hashes.
# usage: tools/compare-hashes.sh ISRSIM ISRSIM
set -euo pipefail
cd "$(dirname "$0")/.."

# all fields but the command that reproduces, which names the program
runs() {
    { "$1" run scenarios --json --seeds 1..3 || true; } | sed 's/, "reproducer": .*//'
    "$1" soak --json --seeds 1..40 || true
}
first=$(runs "$1")
second=$(runs "$2")
count=$(wc -l <<<"$first")
if [[ -z $first || $first != "$second" ]]; then
    echo "$1 and $2 differ:" >&2
    diff <(echo "$first") <(echo "$second") >&2 || true
    exit 5
fi
echo "$1 and $2 agree on $count runs"
