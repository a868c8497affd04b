#!/usr/bin/env bash
# Checks the studio's types with TypeScript's compiler (package node-typescript). Without it: says so, exits with 77.
set -euo pipefail
command -v tsc >/dev/null || { printf 'types.sh: Skipped\ntsc is not installed (package node-typescript)\n[  SKIPPED ]\n'; exit 77; }
tsc --noEmit -p "$(dirname "$0")/../../web"
