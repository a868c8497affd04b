#!/usr/bin/env bash
# Proves the set-up from nothing: a bare Debian 12 (debootstrap, in a folder), git, make and sudo; an ordinary user clones this
# repository's HEAD and types `make run`, then `make test`; then a second clone runs without a network. Prints what each took.
#
#   sudo setup/prove-debian.sh [FOLDER]     needs root, debootstrap, 6 GB under FOLDER (default: a new one in /var/tmp, removed after)
#
# The mirror, its proxy, pip's configuration (pip.conf, PIP_INDEX_URL, PIP_CERT), local certificates and name servers are taken from
# this system.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" = 0 ] || { echo "prove: needs root, for debootstrap and chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "prove: install debootstrap first" >&2; exit 1; }
root=${1:-$(mktemp -d /var/tmp/orrery-bare.XXXXXX)}
chmod 755 "$root"
suite=bookworm
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" | head -n 1)
[ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)

cleanup() {
  umount "$root/dev/pts" "$root/proc" 2>/dev/null || true
  [ $# = 0 ] || rm -rf --one-file-system "$root"
}
trap 'cleanup ${made:+remove}' EXIT
[ $# = 0 ] && made=1

timed() {
  local TIMEFORMAT=$'\n'"prove: $1: %0R s (processor: %0U s user, %0S s system)"$'\n'
  shift
  time "$@"
}
clean=(env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)
for name in PIP_INDEX_URL PIP_CERT; do [ -z "${!name:-}" ] || clean+=("$name=${!name}"); done
bare() { "${clean[@]}" chroot "$root" "$@"; }
as_user() { bare su user -c "cd $1 && $2"; }

bootstrap() { debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" || { tail "$root.log"; exit 1; }; }
timed "debootstrap" bootstrap
rm -f "$root.log"
mount -t proc proc "$root/proc"
mount -t devpts -o newinstance,ptmxmode=0666,gid=5,mode=0620 devpts "$root/dev/pts"  # the tests of chat open terminals
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/hosts "$root/etc/hosts"
apt-config dump | grep -i '^Acquire::.*proxy' >"$root/etc/apt/apt.conf.d/99proxy" || true
[ -f /etc/pip.conf ] && cp /etc/pip.conf "$root/etc/pip.conf"
mkdir -p "$root/usr/local/share/ca-certificates"
cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"

bare apt-get update -qq -o APT::Sandbox::User=root
bare env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends -o Dpkg::Use-Pty=0 git make sudo >/dev/null
bare useradd --create-home --uid 1000 --shell /bin/bash user
echo 'user ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/user"
git clone --quiet --no-hardlinks "$here" "$root/home/user/orrery"
bare chown -R user:user /home/user/orrery

timed "make run, from nothing" as_user '~/orrery' 'make run'
timed "make run, again" as_user '~/orrery' 'make run PROMPT="What is 2 + 2?"'
as_user '~' 'git clone --quiet orrery second'
timed "a second clone, without a network" unshare --net "${clean[@]}" chroot "$root" su user -c 'cd ~/second && make run'
timed "make test" as_user '~/orrery' 'make test'
