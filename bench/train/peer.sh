#!/usr/bin/env bash
# The peer of training: TRL with PyTorch, transformers and peft from PyPI, in a Python environment of its own in the cache (trl/; 6 GB, for
# torch names its CUDA libraries), and the last TRL that has PPO beside it (trl-ppo/). Does nothing when they are there with the pinned versions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peer=${XDG_CACHE_HOME:-$HOME/.cache}/orrery/trl
cmp -s "$here/requirements.txt" "$peer/done" && [ -e "$peer-ppo/trl-1.12.0.dist-info" ] && exit
rm -rf "$peer" "$peer-ppo"
python3 -m venv "$peer"
"$peer/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
"$peer/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$peer-ppo" trl==1.12.0
cp "$here/requirements.txt" "$peer/done"
