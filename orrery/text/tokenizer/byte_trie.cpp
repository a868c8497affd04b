#include "orrery/text/tokenizer/byte_trie.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace orrery::text {

ByteTrie::ByteTrie() : values_{kNoValue} { std::fill(std::begin(root_), std::end(root_), kNone); }

void ByteTrie::reserve(size_t key_bytes) {
  values_.reserve(key_bytes + 1);
  grow(std::bit_ceil(std::max<size_t>(64, key_bytes * 2)));
}

void ByteTrie::grow(size_t capacity) {
  if (capacity <= slots_.size()) return;
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(capacity, {kFree, kNone}));
  mask_ = capacity - 1;
  shift_ = 64 - std::countr_zero(capacity);
  for (const Slot& moved : old) {
    if (moved.key == kFree) continue;
    size_t slot = hash(moved.key);
    while (slots_[slot].key != kFree) slot = (slot + 1) & mask_;
    slots_[slot] = moved;
  }
}

ByteTrie::Node ByteTrie::add_child(Node node, unsigned char byte) {
  const auto child = static_cast<Node>(values_.size());
  values_.push_back(kNoValue);
  if (node == kRoot) return root_[byte] = child;
  if (++used_ * 2 > slots_.size()) grow(std::max<size_t>(64, slots_.size() * 2));
  const uint64_t key = key_of(node, byte);
  size_t slot = hash(key);
  while (slots_[slot].key != kFree) slot = (slot + 1) & mask_;
  slots_[slot] = {key, child};
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
