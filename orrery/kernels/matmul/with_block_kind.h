// From a block kind known at run time to code compiled for it.
#pragma once

#include "orrery/kernels/matmul/packed_matrix.h"

namespace orrery::kernels {

/// Calls f with the block kind as a compile-time constant.
template <PackedKind kKind>
struct Kind {
  static constexpr PackedKind value = kKind;
};
template <class F>
void with_block_kind(PackedKind kind, const F& f) {
  switch (kind) {
    case PackedKind::kQ4_0:
      return f(Kind<PackedKind::kQ4_0>());
    case PackedKind::kQ4_1:
      return f(Kind<PackedKind::kQ4_1>());
    case PackedKind::kQ5_0:
      return f(Kind<PackedKind::kQ5_0>());
    case PackedKind::kQ5_1:
      return f(Kind<PackedKind::kQ5_1>());
    case PackedKind::kQ8_0:
      return f(Kind<PackedKind::kQ8_0>());
    case PackedKind::kIQ4_NL:
      return f(Kind<PackedKind::kIQ4_NL>());
    case PackedKind::kQ4_K:
      return f(Kind<PackedKind::kQ4_K>());
    case PackedKind::kQ5_K:
      return f(Kind<PackedKind::kQ5_K>());
    case PackedKind::kQ6_K:
      return f(Kind<PackedKind::kQ6_K>());
    default:
      __builtin_unreachable();
  }
}

}  // namespace orrery::kernels
