#!/usr/bin/env bash
# museum-power.sh TABLE: the page around the table of `isrsim museum power`.
set -euo pipefail
cat <<'PAGE'
# How much search each exhibit takes

Made by `make power`. Random search without the script of an exhibit, from each of 20 fixed base seeds, until it finds the
wrong rules: how many seeds it ran, and how much time of a processor that took, as the median with a confidence interval of
at least 95 % by order statistics (the 6th and the 15th of 20 values). Each base has its own range of a million seeds.
`rules`: the variant of the exhibit whose rules were searched. `breaks`: the invariants that
showed it. `shrunk`: how many steps the shortest known history has.

PAGE
cat "$1"
