#!/usr/bin/env bash
# Installs what is missing of tools/packages.apt: as root, or by sudo where that needs no password; else prints the
# command. With an argument only those packages that are named.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=("$@")
if ((${#wanted[@]} == 0)); then
    mapfile -t wanted < tools/packages.apt
fi
missing=()
for package in "${wanted[@]}"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]} > 0)) || exit 0

install=(apt-get install --yes --no-install-recommends "${missing[@]}")
if ((EUID == 0)); then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    echo "These Debian packages are missing. Install them and try again:" >&2
    echo "  sudo ${install[*]}" >&2
    exit 1
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" "${install[@]}" >&2 || {
    "${as_root[@]}" apt-get update >&2
    "${as_root[@]}" "${install[@]}" >&2
}
