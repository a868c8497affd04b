// A trie over bytes in one hash table: built in the time of its keys' bytes, one probe per step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace orrery::text {

/// Maps byte strings to ids and walks them byte by byte. Immutable once built; safe from many threads.
class ByteTrie {
 public:
  ByteTrie();
  using Node = uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNone = ~Node{0};
  static constexpr int32_t kNoValue = -1;

  /// `value` >= 0. A key inserted twice keeps its first value. Throws Error where keys would need 2^28 nodes.
  void insert(std::string_view key, int32_t value);
  bool empty() const { return values_.size() <= 1; }

  Node step(Node node, unsigned char byte) const {
    if (node == kRoot) return root_[byte];
    if (slots_.empty()) return kNone;
    const uint64_t key = key_of(node, byte);
    for (size_t slot = hash(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot] >> kNodeBits == key) return static_cast<Node>(slots_[slot] & kNodeMask);
      if (slots_[slot] == kFree) return kNone;
    }
  }
  int32_t value(Node node) const { return values_[node]; }

  struct Match {
    int32_t value = kNoValue;
    size_t length = 0;
  };
  /// The longest key that `text` starts with.
  Match longest(std::string_view text) const;

 private:
  // A slot is one number: parent, byte, child.
  static constexpr int kNodeBits = 28;
  static constexpr uint64_t kNodeMask = (uint64_t{1} << kNodeBits) - 1;
  static constexpr uint64_t kFree = ~uint64_t{0};
  static uint64_t key_of(Node node, unsigned char byte) { return uint64_t{node} << 8 | byte; }
  size_t hash(uint64_t key) const { return (key * 0x9E3779B97F4A7C15u) >> shift_; }
  void grow(size_t capacity);
  void place(uint64_t packed);
  Node add_child(Node node, unsigned char byte);

  Node root_[256];
  std::vector<uint64_t> slots_;
  std::vector<int32_t> values_;
  size_t mask_ = 0, used_ = 0;
  int shift_ = 63;
};

}  // namespace orrery::text
