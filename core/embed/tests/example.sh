#!/bin/sh
# The example does what it tells, in a folder of its own.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" "$folder" 400 > "$folder/told"
cat "$folder/told"
grep -q '^400 records read from it, 0 writes refused$' "$folder/told"
