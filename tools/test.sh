#!/usr/bin/env bash
# Everything that must hold before a change is done: what `make test` and .ci/run do.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
    printf '\n== %s (%ds)\n' "$1" "$SECONDS"
}

step "packages"
tools/setup.sh
tools/python.sh

step "format"
find core sim faults harness -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror

step "build: gcc Release, clang Release, gcc Debug with sanitizers"
tools/build.sh build
tools/build.sh build-clang
tools/build.sh build-debug

step "C tests, Release"
ctest --test-dir build --output-on-failure --parallel "$(nproc)"
step "C tests, Debug with sanitizers"
ctest --test-dir build-debug --output-on-failure --parallel "$(nproc)"

step "every scenario twice, under sanitizers once"
build/isrsim run scenarios --twice --quiet
find scenarios -name '*.isr.yaml' -print0 | xargs -0 -P "$(nproc)" -n 16 build-debug/isrsim run --quiet
step "random scenarios"
build/isrsim soak --seeds 1..400
for profile in $(sed -n 's/^X([A-Z_]*, \([a-z-]*\), .*/\1/p' faults/profiles.def); do
    build/isrsim fuzz --seeds 1001..1060 --keep-going --profile "$profile"
done
step "the museum: every exhibit is what it says, and random search finds it"
build/isrsim museum verify --quick
step "gcc, clang and Debug give the same hashes"
tools/compare-hashes.sh build/isrsim build-clang/isrsim
tools/compare-hashes.sh build/isrsim build-debug/isrsim 1

step "fuzzing of parsers and decoders"
tools/fuzz.sh "${FUZZ_SECONDS:-10}"
step "valgrind on one short scenario"
valgrind --quiet --error-exitcode=9 build/isrsim run scenarios/museum/20-leader-truncates.isr.yaml --variant correct --quiet

step "Python: types"
/usr/bin/python3 -m mypy
step "Python: the command, the plugin, and every scenario as a test"
.venv/bin/python -m pytest -q -n "$(nproc)"
