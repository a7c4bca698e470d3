#!/usr/bin/env bash
# Makes .venv from Debian's own Python and its packages, with the project's package in it (editable), never from PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."

python=/usr/bin/python3
if [[ -x .venv/bin/python ]] && .venv/bin/python -c 'import isrsim, pytest' 2>/dev/null; then
    exit 0
fi
"$python" -m venv --system-site-packages --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-build-isolation --no-deps --editable .
