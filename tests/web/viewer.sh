#!/usr/bin/env bash
# Drives the viewer of scenes (`orrery scene view`) in a real browser that computes its WebGL in software: tests/web/viewer.sh. The program is
# that of build/ (ORRERY_BUILD names another folder). ORRERY_SCREENSHOTS, ORRERY_TEST_FILTER and what it needs: as in run.sh.
set -euo pipefail
source "$(dirname "$0")/setup.sh"

export ORRERY_PROGRAM=${ORRERY_BUILD:-$root/build}/bin/orrery
[ -f "${ORRERY_BUILD:-$root/build}/web/files/scene/index.html" ] || missing "the viewer was left out of the build: setup/fetch.sh three spark (it needs npm)"
export ORRERY_PATIENCE_MS=${ORRERY_PATIENCE_MS:-60000}
node --test-reporter=spec "$here/viewer.test.mjs"
