#include "orrery/kernels/isa.h"

#include <cstdlib>
#include <string>

#include <hwy/targets.h>

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "orrery/base/error.h"

namespace orrery::kernels {
namespace {

Isa best() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vnni");
  return avx512 ? Isa::kAvx512 : avx2 ? Isa::kAvx2 : Isa::kReference;
#elif defined(__aarch64__) && defined(__linux__)
  const unsigned long needed = HWCAP_ASIMDDP | HWCAP_ASIMDHP;
  return (getauxval(AT_HWCAP) & needed) == needed ? Isa::kNeon : Isa::kReference;
#elif defined(__aarch64__)
  return Isa::kNeon;
#else
  return Isa::kReference;
#endif
}

Isa decide() {
  const Isa have = best();
  const char* wanted = std::getenv("ORRERY_ISA");
  if (wanted == nullptr || *wanted == '\0') return have;
  for (Isa candidate : {Isa::kReference, Isa::kNeon, Isa::kAvx2, Isa::kAvx512}) {
    if (name(candidate) != wanted) continue;
    const bool other_family = (candidate == Isa::kNeon) != (have == Isa::kNeon) && candidate != Isa::kReference;
    if (other_family || candidate > have) break;
    return candidate;
  }
  throw Error({.doing = "choose an instruction set",
               .where = "environment variable ORRERY_ISA",
               .found = wanted,
               .expected = "one of reference, neon, avx2, avx512 that this processor has (its best: " +
                           std::string(name(have)) + ")"});
}

}  // namespace

Isa isa() {
  static const Isa chosen = [] {
    const Isa decided = decide();
    if (decided == Isa::kAvx2) hwy::DisableTargets(HWY_AVX2 - 1);  // better sets are lower bits
    return decided;
  }();
  return chosen;
}

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::kReference:
      return "reference";
    case Isa::kNeon:
      return "neon";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "?";
}

}  // namespace orrery::kernels
