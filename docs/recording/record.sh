#!/usr/bin/env bash
# Makes the README's recording anew: docs/recording/record.sh writes answer.cast (asciinema) and answer.svg beside it.
# Needs asciinema and python3, a release build, and the default model in the cache.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=docs/recording

if [ "${1:-}" = typed ]; then  # what the recorded terminal runs: commands, typed as a person types
  export PATH=$PWD/build/bin:$PATH
  show() {
    printf '$ '
    for ((i = 0; i < ${#1}; ++i)); do printf '%s' "${1:i:1}"; sleep 0.03; done
    sleep 0.3
    printf '\n'
    eval "$1"
    sleep 1.2
  }
  show 'orrery run smollm2 "What is the capital of France?" --temperature 0'
  show 'orrery run smollm2 "Write a four-line poem about a clockmaker." --seed 5 --stats'
  exit
fi

asciinema rec --quiet --overwrite --cols 88 --rows 24 --command "$here/record.sh typed" $here/answer.cast
python3 $here/cast_to_svg.py $here/answer.cast $here/answer.svg
