#!/usr/bin/env bash
# Installs the system packages of a group of setup/packages.txt that are missing: setup/packages.sh build|format|neon|fuzz|sanitizers|web.
# Debian and Ubuntu, as root or through sudo; elsewhere it lists what to install and stops. ORRERY_SETUP=skip leaves all to you.
set -euo pipefail
group=$1
table=$(cd "$(dirname "$0")" && pwd)/packages.txt
[ "${ORRERY_SETUP:-}" = skip ] && exit

names=$(awk -v group="$group" '$1 == group || group == "all" && !/^#/ {print $2}' "$table")
[ -n "$names" ] || { echo "setup: no packages for '$group' in $table" >&2; exit 1; }

why() { awk -v name="$1" '$2 == name {sub(/^[^ ]+ +[^ ]+ +/, ""); print}' "$table"; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then

  echo "setup: this is neither Debian nor Ubuntu. Install what matches these packages, then run with ORRERY_SETUP=skip:" >&2
  for name in $names; do printf '  %-22s %s\n' "$name" "$(why "$name")" >&2; done
  exit 1
fi

missing=()
present=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $names 2>/dev/null | sed -n 's/^installed //p' || true)
for name in $names; do
  grep -qxF "$name" <<<"$present" || command -v "$name" >/dev/null || missing+=("$name")  # npm comes with nodejs elsewhere
done
[ ${#missing[@]} = 0 ] && exit

echo "setup: installing ${#missing[@]} system packages:"
for name in "${missing[@]}"; do printf '  %-22s %s\n' "$name" "$(why "$name")"; done
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "setup: neither root nor sudo: ask an administrator to install them" >&2; exit 1; }
  echo "setup: sudo will ask for your password, because packages belong to the whole system"
  as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 "$@" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; echo "setup: apt-get $1 failed (its last lines stand above)" >&2; exit 1; }
}
echo "setup: refreshing the list of packages (apt-get update)"
(apt update) || echo "setup: not every package source answered; going on with the lists that are there" >&2
echo "setup: downloading and installing (apt-get install, nothing recommended besides)"
apt install --yes --no-install-recommends "${missing[@]}"
