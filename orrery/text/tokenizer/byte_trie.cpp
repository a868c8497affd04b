#include "orrery/text/tokenizer/byte_trie.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "orrery/base/error.h"

namespace orrery::text {

ByteTrie::ByteTrie() : values_{kNoValue} { std::fill(std::begin(root_), std::end(root_), kNone); }

void ByteTrie::grow(size_t capacity) {
  std::vector<uint64_t> old = std::exchange(slots_, std::vector<uint64_t>(capacity, kFree));
  mask_ = capacity - 1;
  shift_ = 64 - std::countr_zero(capacity);
  for (uint64_t moved : old) {
    if (moved != kFree) place(moved);
  }
}

void ByteTrie::place(uint64_t packed) {
  size_t slot = hash(packed >> kNodeBits);
  while (slots_[slot] != kFree) slot = (slot + 1) & mask_;
  slots_[slot] = packed;
}

ByteTrie::Node ByteTrie::add_child(Node node, unsigned char byte) {
  const auto child = static_cast<Node>(values_.size());
  if (child >= kNodeMask) {
    throw Error(
        {.doing = "read a tokenizer", .found = "a vocabulary of more than 2^28 bytes", .expected = "a smaller one"});
  }
  values_.push_back(kNoValue);
  if (node == kRoot) return root_[byte] = child;
  if (++used_ * 2 > slots_.size()) grow(std::max<size_t>(64, slots_.size() * 2));
  place(key_of(node, byte) << kNodeBits | child);
  return child;
}

void ByteTrie::insert(std::string_view key, int32_t value) {
  Node node = kRoot;
  for (char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    const Node child = step(node, byte);
    node = child != kNone ? child : add_child(node, byte);
  }
  if (node != kRoot && values_[node] == kNoValue) values_[node] = value;
}

ByteTrie::Match ByteTrie::longest(std::string_view text) const {
  Match best;
  Node node = kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    node = step(node, static_cast<unsigned char>(text[i]));
    if (node == kNone) break;
    if (values_[node] != kNoValue) best = {values_[node], i + 1};
  }
  return best;
}

}  // namespace orrery::text
