#!/usr/bin/env bash
# Builds the peer, llama.cpp, for this processor: from the source inside the pinned source package (setup/downloads.txt), into the
# cache (peer/build, programs in peer/build/bin). Does nothing when it is there. JOBS=N says how many compilers run at once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peer=${XDG_CACHE_HOME:-$HOME/.cache}/orrery/peer
programs=(llama-bench llama-batched-bench llama-perplexity llama-quantize llama-completion llama-tokenize)

[ -e "$peer/build/done" ] && exit
"$here/../setup/fetch.sh" peer
# Native code, as a user who builds it for speed would; the rest of the project (server, web page, tests) is left out.
cmake -S "$peer/llama.cpp-0.3.36" -B "$peer/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF \
  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
  -DLLAMA_OPENSSL=OFF -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" \
  -DCMAKE_C_COMPILER_LAUNCHER="$(command -v ccache || true)" >"$peer/configure.log" || { cat "$peer/configure.log"; exit 1; }
cmake --build "$peer/build" -j "${JOBS:-$(nproc)}" --target "${programs[@]}"
touch "$peer/build/done"
