// One loop for all instruction sets: each file that includes it is compiled for its own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace orrery::kernels {
namespace {

/// Reads [words] once and returns their exclusive or. Eight vectors are under way at a time, so that the loads, not the
/// operation, decide the time; the hand-made prefetch crosses page ends, which the processor's own does not.
[[maybe_unused]] uint64_t xor_of_words(const uint64_t* words, size_t count) {
  constexpr size_t kLanes = 64, kAhead = 512;  // words: one round is 512 bytes, 4 KiB ahead
  uint64_t lanes[kLanes] = {};
  for (size_t i = 0; i + kLanes <= count; i += kLanes) {
    for (size_t line = 0; line < kLanes; line += 8) __builtin_prefetch(words + i + kAhead + line);
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] ^= words[i + lane];
  }
  uint64_t all = 0;
  for (uint64_t lane : lanes) all ^= lane;
  for (size_t i = count / kLanes * kLanes; i < count; ++i) all ^= words[i];
  return all;
}

}  // namespace

uint64_t read_words_reference(const uint64_t* words, size_t count);
uint64_t read_words_avx2(const uint64_t* words, size_t count);
uint64_t read_words_avx512(const uint64_t* words, size_t count);

}  // namespace orrery::kernels
