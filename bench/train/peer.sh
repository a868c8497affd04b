#!/usr/bin/env bash
# The peer of training: TRL with PyTorch, transformers and peft from PyPI, in a Python environment of its own in the cache (trl/; 6 GB, for
# torch names its CUDA libraries). Does nothing when it is there with the pinned versions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peer=${XDG_CACHE_HOME:-$HOME/.cache}/orrery/trl
cmp -s "$here/requirements.txt" "$peer/done" && exit
rm -rf "$peer"
python3 -m venv "$peer"
"$peer/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
cp "$here/requirements.txt" "$peer/done"
