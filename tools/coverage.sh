#!/usr/bin/env bash
# How much of the engine the C tests, the scenarios and 200 random seeds run through, line by line. Fails below
# 95 % of core/, and where a line that nothing runs is not explained in tools/coverage-explained.txt.
# usage: tools/coverage.sh [--html FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
least=95

# counters of the objects before would be complained of while the new command makes its completion
[[ ! -d build-coverage ]] || find build-coverage -name '*.gcda' -delete
tools/build.sh build-coverage
find build-coverage -name '*.gcda' -delete
ctest --test-dir build-coverage --output-on-failure --parallel "$(nproc)" --quiet
build-coverage/isrsim run scenarios --quiet
build-coverage/isrsim soak --seeds 1..200 >/dev/null
html=()
[[ ${1:-} == --html ]] && mkdir -p "$2" && html=(--html-details "$2/index.html")
gcovr --root . --filter core/ --exclude 'core/.*/tests/' --exclude 'core/tests/' --exclude 'core/.*/fuzz/' \
    --exclude 'core/embed/example/' --json build-coverage/coverage.json "${html[@]}" \
    build-coverage >/dev/null 2>build-coverage/gcovr.log || { cat build-coverage/gcovr.log >&2; exit 1; }
/usr/bin/python3 tools/coverage.py build-coverage/coverage.json tools/coverage-explained.txt "$least"
