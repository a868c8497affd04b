#!/usr/bin/env bash
# Clients that people have, against this build's server: tests/clients/run.sh python|node|schema
#   python   the packages openai and ollama
#   node     npm's openai
#   schema   schemathesis: requests made from /openapi.json, and the answers held to it
# Each part's packages are pinned here (requirements.txt, package-lock.json, schema/requirements.txt) and kept in the cache. The server runs
# on a free port of 127.0.0.1 until the end. What is missing is said, and the exit code is 77. ORRERY_BUILD names another build folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
part=${1:?usage: run.sh python|node|schema}
missing() { printf 'run.sh: Skipped\n%s\n[  SKIPPED ]\n' "$1"; exit 77; }
program=${ORRERY_BUILD:-$root/build}/bin/orrery
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery
[ -x "$program" ] || { echo "tests/clients: no $program; build the target orrery first" >&2; exit 1; }
[ -f "$cache/models/SmolLM2-135M-Instruct.Q4_1.gguf" ] || missing "the default model is not in the cache (setup/fetch.sh smollm2)"

# fetched LOCK COMMAND...: the folder of a lock file's packages, filled by COMMAND in it, once.
fetched() {
  local folder
  folder=$cache/clients-$part-$(sha256sum "$1" | cut -c1-12)
  if [ ! -e "$folder/done" ]; then
    mkdir -p "$cache"
    exec 9>"$cache/clients-$part.lock"
    flock 9
    if [ ! -e "$folder/done" ]; then
      rm -rf "$folder"
      mkdir "$folder"
      (cd "$folder" && "${@:2}") >&2 || { rm -rf "$folder"; return 1; }
      touch "$folder/done"
    fi
    exec 9>&-
  fi
  echo "$folder"
}
python_packages() { python3 -m venv . && bin/python -m pip install --quiet --disable-pip-version-check -r "$1"; }
node_packages() { cp "$here/package.json" "$here/package-lock.json" . && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error; }

case $part in
python|schema)
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing "python3 cannot make an environment (package python3-venv)"
  pinned=$here/requirements.txt
  [ "$part" = python ] || pinned=$here/schema/requirements.txt
  packages=$(fetched "$pinned" python_packages "$pinned") || missing "pip could not fetch the clients' packages"
  ;;
node)
  command -v node >/dev/null || missing "node is not installed (package nodejs)"
  command -v npm >/dev/null || missing "npm is not installed; it fetches the client once"
  packages=$(fetched "$here/package-lock.json" node_packages) || missing "npm could not fetch the client"
  ;;
*) echo "tests/clients: no part $part" >&2; exit 2 ;;
esac

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server" || true; } 2>/dev/null; rm -rf "$work"' EXIT
umask 077
for limits in "ann - -" "ben 2 -"; do
  "$program" serve --make-key "${limits%% *}" >"$work/made"
  sed -n 's/^key: *//p' "$work/made" >"$work/${limits%% *}"
  echo "$(sed -n 's/^line: *//p' "$work/made") ${limits#* }" >>"$work/keys"
done
export ORRERY_KEY ORRERY_SHORT_KEY
ORRERY_KEY=$(cat "$work/ann") ORRERY_SHORT_KEY=$(cat "$work/ben")  # ben: two requests a minute
context=1024
[ "$part" != schema ] || context=128  # no answer is longer, whatever a request says
"$program" serve smollm2 --port 0 --threads 2 --database "$work/studio.db" --context $context --api-keys "$work/keys" >"$work/address" 2>"$work/log" &
server=$!
for _ in $(seq 600); do [ -s "$work/address" ] && break; kill -0 "$server" 2>/dev/null || break; sleep 0.05; done
export ORRERY_BASE_URL
ORRERY_BASE_URL=$(head -n 1 "$work/address")
[ -n "$ORRERY_BASE_URL" ] || { echo "tests/clients: the server did not start" >&2; cat "$work/log" >&2; exit 1; }

status=0
case $part in
python) (cd "$here" && PYTHONDONTWRITEBYTECODE=1 "$packages/bin/python" -W ignore::ResourceWarning -m unittest -v openai_test openai_async_test ollama_test) || status=$? ;;
schema) "$here/schema/check.sh" "$packages" "$work" || status=$? ;;
node) ORRERY_CLIENT_MODULES=$packages node --test-reporter=spec "$here/openai.test.mjs" || status=$? ;;
esac
kill -0 "$server" 2>/dev/null || { echo "tests/clients: the server ended by itself" >&2; status=1; }
[ "$status" = 0 ] || { echo "the server's log ends:" >&2; tail -n 20 "$work/log" >&2; }
exit "$status"
