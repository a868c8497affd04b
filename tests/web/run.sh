#!/usr/bin/env bash
# Drives the studio in a real browser: tests/web/run.sh [BASE_URL|real]. Without an address it starts the stand-in server of web/dev on a free
# port, with the files of build/web (ORRERY_BUILD names another build folder), and stops it afterwards; with "real", the program with the
# default model.
#   ORRERY_SCREENSHOTS=FOLDER  keeps pictures of the page there
#   ORRERY_TEST_FILTER=REGEX   only tests of that name
#   ORRERY_PATIENCE_MS=15000   how long to wait for what must happen; more for a slow model
#   ORRERY_KEY=SECRET          the key of a server that asks for one
# Needs node, npm (once, for playwright-core and axe-core, pinned by package-lock.json) and Debian's chromium; without them it says so and
# exits with 77. A server's first model answers the questions, so words of answers are only compared with the stand-in's.
set -euo pipefail
source "$(dirname "$0")/setup.sh"

files=${ORRERY_BUILD:-$root/build}/web/files
if [ "${1:-}" = real ]; then
  model=${XDG_CACHE_HOME:-$HOME/.cache}/orrery/models/SmolLM2-135M-Instruct.Q4_1.gguf
  [ -f "$model" ] || missing "the default model is missing: setup/fetch.sh smollm2"
  folder=$(mktemp -d)
  "${ORRERY_BUILD:-$root/build}/bin/orrery" serve "$model" --context 1024 --port 0 --database "$folder/studio.db" >"$folder/address" 2>"$folder/log" &
  server=$!
  trap 'kill "$server" 2>/dev/null; wait "$server"; rm -rf "$folder"' EXIT
  for _ in $(seq 600); do grep -q http "$folder/address" && break; sleep 0.1; done
  base=$(grep -o 'http://[0-9.:]*' "$folder/address" | head -n 1)
  [ -n "$base" ] || { cat "$folder/log" >&2; exit 1; }
  export ORRERY_PATIENCE_MS=${ORRERY_PATIENCE_MS:-60000}
elif [ $# = 0 ]; then
  [ -f "$files/index.html" ] || { echo "tests/web: no studio in $files; build the target orrery_web first" >&2; exit 1; }
  address=$(mktemp)
  node "$root/web/dev/server.mjs" --port 0 --files "$files" >"$address" &
  server=$!
  trap 'kill "$server" 2>/dev/null; rm -f "$address"' EXIT
  for _ in $(seq 200); do [ -s "$address" ] && break; sleep 0.05; done
  base=$(head -n 1 "$address")
  [ -n "$base" ] || { echo "tests/web: the stand-in server did not start" >&2; exit 1; }
  export ORRERY_STAND_IN=1
else
  base=$1
fi
export ORRERY_BASE_URL=$base
node --test-reporter=spec "$here/all.mjs"
