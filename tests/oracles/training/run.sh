#!/usr/bin/env bash
# The same training by TRL and by `orrery train`: twenty steps of each method in float32, from the same weights and records, must have the same
# losses within 1e-4, and what is written must open in peft and transformers with the same logits. Methods that `orrery train` does not know
# are skipped, and said so. Options are run.py's. Needs ../shared and the peer's environment (bench/train/peer.sh makes it).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery
[ -d "$root/../shared/data/preference" ] || { echo "oracles: no records in ../shared/data: training skipped"; exit 0; }
"$root/bench/train/peer.sh"
"$root/setup/fetch.sh" smollm2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HOME=$work/hf HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false PYTHONPATH=$root/bench/train
nice "$cache/trl/bin/python" "$here/run.py" "$root/build/bin" "$root/../shared/data" "$cache/models/SmolLM2-135M-Instruct.Q4_1.gguf" "$work" "$@"
