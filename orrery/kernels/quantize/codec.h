// One block type's pair of functions, and where each family of types registers them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "orrery/base/dtype.h"

namespace orrery::kernels {

/// Values of `count` blocks.
using Decode = void (*)(const std::byte* blocks, float* out, size_t count);

/// One block from finite values; `importance` weighs each element's squared error, nullptr for equal weights.
using Encode = void (*)(const float* values, const float* importance, std::byte* block);

/// nullptr where the type is not of the family, or has no encoder.
Decode decode_plain(DType type);   // integers and floats
Decode decode_simple(DType type);  // one scale per block: Q1_0 to Q8_K, FP4, ternary
Decode decode_k(DType type);       // Q2_K to Q6_K
Decode decode_iq(DType type);      // IQ1 to IQ4
Encode encode_simple(DType type);
Encode encode_k(DType type);
Encode encode_iq4(DType type);

/// Lifts a function of one block to `count` of them.
template <class Block, void (*decode)(const Block&, float*)>
void decode_each(const std::byte* blocks, float* out, size_t count) {
  const Block* block = reinterpret_cast<const Block*>(blocks);
  for (size_t i = 0; i < count; ++i) decode(block[i], out + i * Block::kElements);
}

template <class Block, void (*encode)(const float*, const float*, Block&)>
void encode_one(const float* values, const float* importance, std::byte* block) {
  encode(values, importance, *reinterpret_cast<Block*>(block));
}

}  // namespace orrery::kernels
