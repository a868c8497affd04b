#!/usr/bin/env bash
# Builds the peer, llama.cpp, for this processor: from the source inside the pinned source package (setup/downloads.txt), into the
# cache (peer/build, programs in peer/build/bin). Does nothing when it is there. JOBS=N says how many compilers run at once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peer=${XDG_CACHE_HOME:-$HOME/.cache}/orrery/peer
programs=(llama-server llama-bench llama-batched-bench llama-perplexity llama-quantize llama-completion llama-tokenize)

[ -e "$peer/build/done-with-server" ] && exit
"$here/../setup/fetch.sh" peer
# Native code, as a user who builds it for speed would; the rest of the project (web page, tests) is left out. But for AMX: GCC before 13
# drops the stores to most of a tile configuration (its _tile_loadconfig reads 8 of 64 bytes, as far as the optimizer knows), and ggml's
# AMX code ends in a general protection fault.
flags=
[ "$(c++ -dumpversion | cut -d. -f1)" -ge 13 ] || flags="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
case $(uname -m) in x86_64) ;; *) flags= ;; esac
cmake -S "$peer/llama.cpp-0.3.36" -B "$peer/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags" -DBUILD_SHARED_LIBS=OFF \
  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=ON -DLLAMA_BUILD_APP=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
  -DLLAMA_OPENSSL=OFF -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" \
  -DCMAKE_C_COMPILER_LAUNCHER="$(command -v ccache || true)" >"$peer/configure.log" || { cat "$peer/configure.log"; exit 1; }
cmake --build "$peer/build" -j "${JOBS:-$(nproc)}" --target "${programs[@]}"
touch "$peer/build/done-with-server"
