// SentencePiece's precompiled normalisation: a double array of what to replace, and the replacements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::text {

/// The blob that NormalizerSpec.precompiled_charsmap, tokenizer.json's Precompiled and
/// tokenizer.ggml.precompiled_charsmap hold: uint32 bytes of the array, the array (darts-clone's units), then
/// NUL-terminated replacements. Immutable.
class Charsmap {
 public:
  Charsmap() = default;
  /// Throws Error naming `where` when the sizes lie. Wrong links inside the array are found when they are followed, and
  /// match nothing.
  Charsmap(std::string_view blob, const std::string& where);
  bool empty() const { return units_.empty(); }

  struct Match {
    std::string_view replacement;
    size_t length;  ///< bytes of the text that it replaces
  };
  /// The longest key that the text starts with.
  std::optional<Match> longest(std::string_view text) const { return find(text, false); }
  /// The shortest one.
  std::optional<Match> shortest(std::string_view text) const { return find(text, true); }
  /// True for ASCII bytes that stay as they are wherever another ASCII byte (or nothing) follows.
  bool is_plain(unsigned char byte) const { return byte < 128 && plain_[byte]; }

 private:
  std::optional<Match> find(std::string_view text, bool first) const;
  /// Follows `byte` from a node; false where there is no such child. `leaf`: a key ends there, and the node holds its
  /// value.
  bool step(uint32_t& node, unsigned char byte, bool& leaf) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
  bool plain_[128] = {};
};

}  // namespace orrery::text
