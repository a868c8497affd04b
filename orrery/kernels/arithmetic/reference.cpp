#include "orrery/kernels/arithmetic/multiply_add.h"

namespace orrery::kernels {

using Vector = float __attribute__((vector_size(16)));

MultiplyAdd multiply_add_reference() { return {multiply_add<Vector>, 2 * 12 * 4}; }

}  // namespace orrery::kernels
