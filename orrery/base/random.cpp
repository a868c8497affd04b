#include "orrery/base/random.h"

#include <cmath>
#include <numeric>
#include <random>
#include <utility>

namespace orrery {

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b), uint32_t(a >> 32) ^ counter[3] ^ key[1],
               uint32_t(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

namespace {

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

}  // namespace

RandomStream::RandomStream(uint64_t seed, std::string_view name) : seed_(seed), name_hash_(fnv1a(name)) {}

uint64_t RandomStream::operator()() {
  const uint64_t index = position_ / 2;
  if (index != block_index_) {
    const auto out =
        philox4x32({uint32_t(index), uint32_t(index >> 32), uint32_t(name_hash_), uint32_t(name_hash_ >> 32)},
                   {uint32_t(seed_), uint32_t(seed_ >> 32)});
    block_ = {uint64_t{out[1]} << 32 | out[0], uint64_t{out[3]} << 32 | out[2]};
    block_index_ = index;
  }
  return block_[position_++ % 2];
}

double RandomStream::uniform() { return double((*this)() >> 11) * 0x1p-53; }

double RandomStream::normal() {
  const double length = std::sqrt(-2 * std::log1p(-uniform()));  // log1p: 0 may be drawn, 1 never is
  return length * std::cos(2 * M_PI * uniform());
}

std::vector<size_t> RandomStream::permutation(size_t size) {
  std::vector<size_t> order(size);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = size; i > 1; --i) std::swap(order[i - 1], order[static_cast<size_t>(uniform() * double(i))]);
  return order;
}

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace orrery
