#!/usr/bin/env bash
# Builds kernels/ and what it stands on for aarch64 into build-neon and runs their tests under qemu.
set -euo pipefail
cd "$(dirname "$0")/../.."
. /etc/os-release
if [ "$(uname -m)" != x86_64 ] || [ "$ID" != debian ]; then
  echo "neon: the cross build is prepared for Debian on x86-64 only; on ARM itself, make test runs these tests" >&2
  exit
fi
sysroot=$(tests/cross/sysroot.sh)
grep -qs "ORRERY_SYSROOT:.*=$sysroot\$" build-neon/CMakeCache.txt || rm -rf build-neon  # the list of libraries changed
[ -f build-neon/build.ninja ] || cmake -S . -B build-neon -G Ninja -DCMAKE_BUILD_TYPE=Release -DORRERY_BENCH=OFF -DORRERY_TORCH=OFF \
  -DCMAKE_TOOLCHAIN_FILE=tests/cross/aarch64.cmake -DORRERY_SYSROOT="$sysroot"
cmake --build build-neon -j "${JOBS:-$(nproc)}" --target test_base test_kernels
# qemu sets no limit to the memory of what it runs.
tests/run.sh build-neon -E '_NOT_BUILT$|^(Install|Fuzz|Studio|Clients|Viewer|Scene[.]reference|Kernels[.]reference)|^ChildProcess.CannotTakeMoreMemory'
