#!/usr/bin/env bash
# Runs the tests of a build folder and says how many were skipped and why: tests/run.sh FOLDER [ctest options].
# The report lies in FOLDER/tests.xml (JUnit). Exits as ctest does.
set -uo pipefail
folder=$1
shift
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1 second_deadlock_stack=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$(cd "$(dirname "$0")" && pwd)/lsan.supp:print_suppressions=0}
[ ! -x /usr/lib/llvm-16/bin/llvm-symbolizer ] || export ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-16/bin/llvm-symbolizer  # clang needs it for names, gcc does not
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}
export OMP_WAIT_POLICY=PASSIVE  # programs run beside each other
rm -f "$folder/tests.xml"
ctest --test-dir "$folder" -j "${JOBS:-$(nproc)}" --no-tests=error --output-on-failure --output-junit tests.xml "$@" |
  grep -vE '^ *Start +[0-9]+: |\.\. +Passed |\(Skipped\)$|^The following tests did not run:$|\*\*\*Skipped'
status=${PIPESTATUS[0]}
[ -f "$folder/tests.xml" ] && awk -f "$(dirname "$0")/skipped.awk" "$folder/tests.xml"
exit "$status"
