// Random streams: every draw of the project comes from one of these, so that a seed and a name say everything about it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace orrery {

/// One block of Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", sec. 3.3).
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// The stream `name` of `seed`: Philox4x32-10 with the seed as key; the counter's upper half is the FNV-1a hash of the
/// name, its lower half counts blocks. Streams of different names are independent. Same numbers on every machine. Any
/// position can be reached at once, which is how a killed run resumes. A UniformRandomBitGenerator.
class RandomStream {
 public:
  using result_type = uint64_t;
  RandomStream(uint64_t seed, std::string_view name);

  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return UINT64_MAX; }
  uint64_t operator()();

  /// Uniform in [0, 1): multiples of 2^-53.
  double uniform();
  /// Of mean 0 and variance 1; takes two draws (Box & Muller 1958, the cosine).
  double normal();
  /// 0 … size - 1 in a random order (Fisher & Yates); takes size - 1 draws.
  std::vector<size_t> permutation(size_t size);

  uint64_t position() const { return position_; }  ///< numbers drawn so far
  void seek(uint64_t position) { position_ = position; }

 private:
  uint64_t seed_, name_hash_;
  uint64_t position_ = 0;
  uint64_t block_index_ = UINT64_MAX;  // of block_; none yet
  std::array<uint64_t, 2> block_{};
};

/// A seed from the system's entropy, for where the user gave none.
uint64_t random_seed();

}  // namespace orrery
