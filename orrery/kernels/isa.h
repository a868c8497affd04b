// Which instruction set the kernels run on.
#pragma once

#include <string_view>

namespace orrery::kernels {

/// Ordered per architecture: a later one of the same processor family includes the earlier ones.
enum class Isa { kReference, kNeon, kAvx2, kAvx512 };

/// The best that this processor has, or what the environment variable ORRERY_ISA ("reference", "neon", "avx2",
/// "avx512") lowers it to. Decided once. kAvx512 means F, BW, DQ, VL, VNNI and BF16; kNeon has the dot products and
/// halves of ARMv8.2. Throws Error for a name that is unknown or a set that this processor lacks.
Isa isa();
std::string_view name(Isa isa);

}  // namespace orrery::kernels
