#!/usr/bin/env bash
# Puts the arm64 builds of the libraries that the kernels and their tests link into the cache, once per list of libraries
# (sysroot-arm64-CHECKSUM); prints where.
# They come from this system's own Debian mirror, through an apt state of their own: the system itself is left as it is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery
libraries=$(awk '$1 == "build" && $2 ~ /^(lib.*|nlohmann.*)-dev$/ {print $2}' "$here/../../setup/packages.txt")
sysroot=$cache/sysroot-arm64-$(cksum <<<"$libraries" | cut -d' ' -f1)
[ -d "$sysroot" ] && { echo "$sysroot"; exit; }

echo "setup: fetching arm64 libraries for the cross build (once; they go to $sysroot)" >&2
mkdir -p "$cache"
tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
mkdir -p "$tmp"/{lists/partial,archives/partial,root/usr/lib}
ln -s usr/lib "$tmp/root/lib"
touch "$tmp/status"
options=(-qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::Lists="$tmp/lists" -o Dir::State::status="$tmp/status"
         -o Dir::Cache="$tmp" -o Dir::Cache::archives="$tmp/archives" -o APT::Sandbox::User=root -o Debug::NoLocking=1
         -o APT::Install-Recommends=0 -o Acquire::Retries=3)
apt-get "${options[@]}" update >"$tmp/log" 2>&1 || true  # a foreign mirror in the list may lack arm64; install says what is missing
apt-get "${options[@]}" --yes --download-only install $libraries >>"$tmp/log" 2>&1 || { tail -n 20 "$tmp/log" >&2; exit 1; }
for package in "$tmp"/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$tmp/root"
done
mv -T "$tmp/root" "$sysroot"
echo "$sysroot"
