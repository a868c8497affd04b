// K-quants' codes and small scales, between their packed bytes and one number each. `codes` [256] in the order of the
// elements.
#pragma once

#include "orrery/kernels/quantize/blocks.h"

namespace orrery::kernels {

/// 0 to 3, 0 to 15 and 0 to 31; Q3_K's are 0 to 7 and mean q - 4, Q6_K's are 0 to 63 and mean q - 32.
void unpack_codes(const BlockQ2_K& block, uint8_t* codes);
void unpack_codes(const BlockQ3_K& block, uint8_t* codes);
void unpack_codes(const BlockQ4_K& block, uint8_t* codes);
void unpack_codes(const BlockQ5_K& block, uint8_t* codes);
void unpack_codes(const BlockQ6_K& block, uint8_t* codes);
void pack_codes(const uint8_t* codes, BlockQ2_K& block);
void pack_codes(const uint8_t* codes, BlockQ3_K& block);
void pack_codes(const uint8_t* codes, BlockQ4_K& block);
void pack_codes(const uint8_t* codes, BlockQ5_K& block);
void pack_codes(const uint8_t* codes, BlockQ6_K& block);

/// The scale and minimum of each group, without d and dmin.
struct GroupScales {
  uint8_t scale[16], min[16];
};
GroupScales unpack_scales(const BlockQ2_K& block);
GroupScales unpack_scales(const BlockQ4_K& block);
GroupScales unpack_scales(const BlockQ5_K& block);
void pack_scales(const GroupScales& scales, BlockQ2_K& block);
void pack_scales(const GroupScales& scales, BlockQ4_K& block);
void pack_scales(const GroupScales& scales, BlockQ5_K& block);

/// The signed scale of each of 16 groups, without d: -32 to 31 in Q3_K, -128 to 127 in Q6_K.
struct SignedScales {
  int8_t scale[16];
};
SignedScales unpack_scales(const BlockQ3_K& block);
SignedScales unpack_scales(const BlockQ6_K& block);
void pack_scales(const SignedScales& scales, BlockQ3_K& block);
void pack_scales(const SignedScales& scales, BlockQ6_K& block);

}  // namespace orrery::kernels
