#!/usr/bin/env bash
# check.sh PACKAGES FOLDER, called by run.sh: requests that keep to the document and such that break it in one place, for the server to
# answer as the document says. FOLDER is for what schemathesis writes.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$2" || exit 1
check() {
  "$1/bin/python" -m schemathesis.cli run "$ORRERY_BASE_URL/openapi.json" --header "Authorization: Bearer $ORRERY_KEY" --seed 1 --generation-deterministic \
    --phases coverage,fuzzing --checks all --max-failures 20 --no-color "${@:2}"
}
heavy='^/(v1/((chat/)?completions|responses)|infill|api/(chat|generate))$'
fitting='^/(apply-template|detokenize|v1/embeddings)$'
failed=0
# Whether a prompt fits, a token exists or a template takes a conversation stands in no schema: what is refused although it keeps to
# the document is no finding on those paths.
check "$1" --exclude-path-regex "$heavy|$fitting" --max-examples 20 || failed=1
check "$1" --include-path-regex "$fitting" --exclude-checks positive_data_acceptance --max-examples 20 || failed=1
# An answer takes its time: only requests that must be refused.
check "$1" --include-path-regex "$heavy" --mode negative --max-examples 40 || failed=1
# Those paths' answers, of a few requests that are good.
PYTHONDONTWRITEBYTECODE=1 "$1/bin/python" "$here/answers.py" || failed=1
exit $failed
