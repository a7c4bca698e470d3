#!/usr/bin/env bash
# Runs each libFuzzer target (<folder>/fuzz/fuzz_*.c) for some seconds over its corpus; new inputs are not kept.
# usage: tools/fuzz.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-10}
mapfile -t sources < <(find core sim faults harness -path '*/fuzz/fuzz_*.c' | sort)
tools/build.sh build-fuzz fuzzers

found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
for source in "${sources[@]}"; do
    target=$(basename "$source" .c)
    if [[ ! -x build-fuzz/$target ]]; then
        echo "$target: not built, for want of the library it is about"
        continue
    fi
    corpus=$(dirname "$source")/corpus/$target
    [[ -d $corpus ]] || corpus=$(dirname "$source")/corpus
    mkdir -p "$found/$target" build-fuzz/crashes
    arguments=(-max_total_time="$seconds" -max_len=8192 -rss_limit_mb=2048 -timeout=10 -verbosity=0
        -artifact_prefix="build-fuzz/crashes/$target-")
    [[ -d $corpus ]] && arguments+=("$found/$target" "$corpus") || arguments+=("$found/$target")
    if ! "build-fuzz/$target" "${arguments[@]}" >"$found/log" 2>&1; then
        cat "$found/log" >&2
        echo "$target failed; its input is in build-fuzz/crashes" >&2
        exit 1
    fi
    echo "$target: $seconds s, $(find "$found/$target" -type f | wc -l) new inputs, no failure"
done
