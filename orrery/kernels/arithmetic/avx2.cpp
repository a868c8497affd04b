#include "orrery/kernels/arithmetic/multiply_add.h"

namespace orrery::kernels {

using Vector = float __attribute__((vector_size(32)));

MultiplyAdd multiply_add_avx2() { return {multiply_add<Vector>, 2 * 12 * 8}; }

}  // namespace orrery::kernels
