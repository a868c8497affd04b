// From tokens back to text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::text {

/// A chain of steps that rewrite the list of tokens' texts (huggingface/tokenizers, tokenizers/src/decoders).
/// Immutable.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

using DecoderPtr = std::unique_ptr<const Decoder>;

/// What a decoder does to one token that stands alone inside a text: enough for streaming.
struct TokenBytes {
  bool byte_level = false;                                   ///< GPT-2's characters are bytes
  bool byte_fallback = false;                                ///< <0xE2> is a byte
  std::vector<std::pair<std::string, std::string>> replace;  ///< texts to replace, in order
  std::string continuing_prefix;                             ///< WordPiece: without it, a space comes first
  bool space_before = false;                                 ///< tokens are joined by spaces
  bool drops_one_space = false, drops_all_spaces = false;    ///< at the start of the text

  std::string bytes(std::string_view piece) const;
};

/// The byte of a piece written <0x0A>, or -1.
int fallback_byte(std::string_view piece);

}  // namespace orrery::text
