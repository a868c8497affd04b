#include "orrery/kernels/quantize/codes.h"

namespace orrery::kernels {
namespace {

// 128 elements share 32 bytes of two-bit codes: element 32 s + i of them sits in byte i at bit 2 s.
void unpack_two_bits(const uint8_t* bytes, uint8_t* codes) {
  for (int half = 0; half < 2; ++half) {
    for (int s = 0; s < 4; ++s) {
      for (int i = 0; i < 32; ++i) codes[128 * half + 32 * s + i] = bytes[32 * half + i] >> (2 * s) & 3;
    }
  }
}
void pack_two_bits(const uint8_t* codes, uint8_t* bytes) {
  for (int half = 0; half < 2; ++half) {
    const uint8_t* from = codes + 128 * half;
    for (int i = 0; i < 32; ++i) {
      bytes[32 * half + i] = static_cast<uint8_t>((from[i] & 3) | (from[32 + i] & 3) << 2 | (from[64 + i] & 3) << 4 |
                                                  (from[96 + i] & 3) << 6);
    }
  }
}

// 64 elements share 32 bytes: the first 32 lie in the lower halves.
void unpack_four_bits(const uint8_t* bytes, uint8_t* codes) {
  for (int quarter = 0; quarter < 4; ++quarter) {
    for (int i = 0; i < 32; ++i) {
      codes[64 * quarter + i] = bytes[32 * quarter + i] & 15;
      codes[64 * quarter + 32 + i] = bytes[32 * quarter + i] >> 4;
    }
  }
}
void pack_four_bits(const uint8_t* codes, uint8_t* bytes) {
  for (int quarter = 0; quarter < 4; ++quarter) {
    const uint8_t* from = codes + 64 * quarter;
    for (int i = 0; i < 32; ++i) {
      bytes[32 * quarter + i] = static_cast<uint8_t>((from[i] & 15) | (from[32 + i] & 15) << 4);
    }
  }
}

// One bit of each element, worth `value` in its code: element 32 s + i sits in byte i at bit s.
void add_bits(const uint8_t* bytes, int value_shift, uint8_t* codes) {
  for (int s = 0; s < 8; ++s) {
    for (int i = 0; i < 32; ++i) codes[32 * s + i] |= static_cast<uint8_t>((bytes[i] >> s & 1) << value_shift);
  }
}
void pack_bits(const uint8_t* codes, int value_shift, uint8_t* bytes) {
  std::memset(bytes, 0, 32);
  for (int s = 0; s < 8; ++s) {
    for (int i = 0; i < 32; ++i) bytes[i] |= static_cast<uint8_t>((codes[32 * s + i] >> value_shift & 1) << s);
  }
}

// Eight pairs of six bits in twelve bytes: the first four scales and minima lie whole in bytes 0-7; the last four's
// lower halves lie in bytes 8-11 and their two upper bits on top of bytes 0-7.
GroupScales unpack_six_bits(const uint8_t* bytes) {
  GroupScales scales = {};
  for (int i = 0; i < 4; ++i) {
    scales.scale[i] = bytes[i] & 63;
    scales.min[i] = bytes[4 + i] & 63;
    scales.scale[4 + i] = static_cast<uint8_t>((bytes[8 + i] & 15) | (bytes[i] >> 6) << 4);
    scales.min[4 + i] = static_cast<uint8_t>(bytes[8 + i] >> 4 | (bytes[4 + i] >> 6) << 4);
  }
  return scales;
}
void pack_six_bits(const GroupScales& scales, uint8_t* bytes) {
  for (int i = 0; i < 4; ++i) {
    const uint8_t scale = scales.scale[4 + i], min = scales.min[4 + i];
    bytes[i] = static_cast<uint8_t>(scales.scale[i] | (scale >> 4) << 6);
    bytes[4 + i] = static_cast<uint8_t>(scales.min[i] | (min >> 4) << 6);
    bytes[8 + i] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
  }
}

}  // namespace

void unpack_codes(const BlockQ2_K& block, uint8_t* codes) { unpack_two_bits(block.qs, codes); }
void pack_codes(const uint8_t* codes, BlockQ2_K& block) { pack_two_bits(codes, block.qs); }

void unpack_codes(const BlockQ3_K& block, uint8_t* codes) {
  unpack_two_bits(block.qs, codes);
  add_bits(block.qh, 2, codes);
}
void pack_codes(const uint8_t* codes, BlockQ3_K& block) {
  pack_two_bits(codes, block.qs);
  pack_bits(codes, 2, block.qh);
}

void unpack_codes(const BlockQ4_K& block, uint8_t* codes) { unpack_four_bits(block.qs, codes); }
void pack_codes(const uint8_t* codes, BlockQ4_K& block) { pack_four_bits(codes, block.qs); }

void unpack_codes(const BlockQ5_K& block, uint8_t* codes) {
  unpack_four_bits(block.qs, codes);
  add_bits(block.qh, 4, codes);
}
void pack_codes(const uint8_t* codes, BlockQ5_K& block) {
  pack_four_bits(codes, block.qs);
  pack_bits(codes, 4, block.qh);
}

// 128 elements share 64 bytes of lower halves (elements 0-63 low, 64-127 high) and 32 bytes of upper two bits.
void unpack_codes(const BlockQ6_K& block, uint8_t* codes) {
  unpack_two_bits(block.qh, codes);
  for (int half = 0; half < 2; ++half) {
    uint8_t* to = codes + 128 * half;
    for (int i = 0; i < 64; ++i) {
      to[i] = static_cast<uint8_t>(to[i] << 4 | (block.ql[64 * half + i] & 15));
      to[64 + i] = static_cast<uint8_t>(to[64 + i] << 4 | block.ql[64 * half + i] >> 4);
    }
  }
}
void pack_codes(const uint8_t* codes, BlockQ6_K& block) {
  uint8_t upper[256];
  for (int i = 0; i < 256; ++i) upper[i] = codes[i] >> 4;
  pack_two_bits(upper, block.qh);
  for (int half = 0; half < 2; ++half) {
    const uint8_t* from = codes + 128 * half;
    for (int i = 0; i < 64; ++i) {
      block.ql[64 * half + i] = static_cast<uint8_t>((from[i] & 15) | (from[64 + i] & 15) << 4);
    }
  }
}

GroupScales unpack_scales(const BlockQ2_K& block) {
  GroupScales scales;
  for (int i = 0; i < 16; ++i) {
    scales.scale[i] = block.scales[i] & 15;
    scales.min[i] = block.scales[i] >> 4;
  }
  return scales;
}
void pack_scales(const GroupScales& scales, BlockQ2_K& block) {
  for (int i = 0; i < 16; ++i) block.scales[i] = static_cast<uint8_t>(scales.scale[i] | scales.min[i] << 4);
}

GroupScales unpack_scales(const BlockQ4_K& block) { return unpack_six_bits(block.scales); }
GroupScales unpack_scales(const BlockQ5_K& block) { return unpack_six_bits(block.scales); }
void pack_scales(const GroupScales& scales, BlockQ4_K& block) { pack_six_bits(scales, block.scales); }
void pack_scales(const GroupScales& scales, BlockQ5_K& block) { pack_six_bits(scales, block.scales); }

// Sixteen of six bits, plus 32: lower halves in bytes 0-7 (the first eight low), the upper two bits in bytes 8-11,
// every fourth scale in one byte.
SignedScales unpack_scales(const BlockQ3_K& block) {
  SignedScales scales;
  for (int i = 0; i < 16; ++i) {
    const int low = block.scales[i % 8] >> (i < 8 ? 0 : 4) & 15;
    const int high = block.scales[8 + i % 4] >> (2 * (i / 4)) & 3;
    scales.scale[i] = static_cast<int8_t>((low | high << 4) - 32);
  }
  return scales;
}
void pack_scales(const SignedScales& scales, BlockQ3_K& block) {
  std::memset(block.scales, 0, sizeof(block.scales));
  for (int i = 0; i < 16; ++i) {
    const int code = scales.scale[i] + 32;
    block.scales[i % 8] |= static_cast<uint8_t>((code & 15) << (i < 8 ? 0 : 4));
    block.scales[8 + i % 4] |= static_cast<uint8_t>((code >> 4) << (2 * (i / 4)));
  }
}

SignedScales unpack_scales(const BlockQ6_K& block) {
  SignedScales scales;
  std::memcpy(scales.scale, block.scales, 16);
  return scales;
}
void pack_scales(const SignedScales& scales, BlockQ6_K& block) { std::memcpy(block.scales, scales.scale, 16); }

}  // namespace orrery::kernels
