#!/usr/bin/env bash
# Makes the model files that the bench compares on, with the peer's own llama-quantize, from the default model (Q4_1, as it comes):
# F32 (its exact values), F16, Q4_0, Q8_0 and Q4_K_M, in the cache under bench/. Does nothing for those that are there.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery
quantize=$cache/peer/build/bin/llama-quantize
name=SmolLM2-135M-Instruct
mkdir -p "$cache/bench"
ln -sf "../models/$name.Q4_1.gguf" "$cache/bench/$name.Q4_1.gguf"

make_from() {  # source type
  local to=$cache/bench/$name.$2.gguf
  [ -e "$to" ] && return
  echo "bench: making $name.$2.gguf"
  "$quantize" --allow-requantize "$cache/bench/$name.$1.gguf" "$to.part" "$2" >"$to.log" 2>&1 || { tail "$to.log"; exit 1; }
  rm "$to.log"
  mv "$to.part" "$to"
}
make_from Q4_1 F32
for type in F16 Q4_0 Q8_0 Q4_K_M; do make_from F32 "$type"; done
