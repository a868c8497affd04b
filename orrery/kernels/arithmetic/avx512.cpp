#include "orrery/kernels/arithmetic/multiply_add.h"

namespace orrery::kernels {

using Vector = float __attribute__((vector_size(64)));

MultiplyAdd multiply_add_avx512() { return {multiply_add<Vector>, 2 * 12 * 16}; }

}  // namespace orrery::kernels
