#!/usr/bin/env bash
# Runs every fuzz target of build-fuzz for some seconds, from its corpus: tests/fuzz/run.sh SECONDS. What it finds new goes to
# build-fuzz/corpus; an input that crashes, takes over a second or over 100 MB is kept in build-fuzz and ends the run.
set -euo pipefail
cd "$(dirname "$0")/../.."
for program in build-fuzz/bin/fuzz_*; do
  name=${program##*/fuzz_}
  mkdir -p "build-fuzz/corpus/$name"
  echo "fuzz: $name, $1 seconds"
  "$program" -max_total_time="$1" -timeout=1 -malloc_limit_mb=100 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="build-fuzz/$name-" "build-fuzz/corpus/$name" "tests/fixtures/corpus/$name"
done
