#!/usr/bin/env bash
# Runs every scenario and some random ones with two builds of isrsim and compares verdicts, counts and hashes.
# usage: tools/compare-hashes.sh ISRSIM ISRSIM [SEEDS]     SEEDS: how many of each scenario, 3 if not given
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${3:-3}
parts=$(nproc)
mapfile -t files < <(find scenarios -name '*.isr.yaml' | sort)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# all fields but the command that reproduces, which names the program and is a text without quotes; the scenarios in as many parts as there are processors
runs() {
    local part place
    for ((part = 0; part < parts; part++)); do
        local own=()
        for ((place = part; place < ${#files[@]}; place += parts)); do
            own+=("${files[place]}")
        done
        "$1" run --json --seeds "1..$seeds" "${own[@]}" >"$folder/$part" &
    done
    wait
    for ((part = 0; part < parts; part++)); do
        sed 's/, "reproducer": "[^"]*"//' "$folder/$part"
    done
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
