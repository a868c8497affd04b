#!/usr/bin/env bash
# Every golden model that GGUF can hold, converted both ways and opened by others: llama-cpp-python reads the GGUF file, transformers the
# hub folder made from that file, and both must give this build's logits within 1e-3 (float32). Their packages go into a Python
# environment of their own in the cache (several GB, for torch names its CUDA libraries; built once). Needs ../shared.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
golden=${ORRERY_GOLDEN:-$root/../shared/golden}
[ -d "$golden/text" ] || { echo "oracles: no golden models in $golden: skipped"; exit 0; }
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery
python=$cache/oracles/bin/python
if [ ! -e "$cache/oracles/done" ]; then
  python3 -m venv "$cache/oracles"
  # llama.cpp is built from its source package, text models only.
  CMAKE_ARGS="-DLLAVA_BUILD=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_CURL=OFF" nice "$python" -m pip install --quiet -r "$here/requirements.txt"
  touch "$cache/oracles/done"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
exec "$python" "$here/compare.py" "$root/build/bin" "$golden/text" "$root/../shared/data/weights/rwkv-tiny/tiny-rwkv-7v0-834K-FP32.bin" "$work"
