// The pre-tokenizers that tokenizer.ggml.pre names.
#pragma once

#include <span>
#include <string_view>

namespace orrery::text {

/// A byte-level BPE's way to cut a text: regular expressions (Oniguruma's dialect), each applied to the pieces that the
/// last one left.
struct PreKind {
  std::string_view name;
  std::span<const std::string_view> patterns;
  bool ignore_merges = false;  ///< a word that is a token is that token
  bool add_bos = false;        ///< where the file does not say
  bool metaspace = false;      ///< Gemma 4: spaces become U+2581, and words are characters, not bytes
};

/// nullptr for a name that is not known.
const PreKind* find_pre_kind(std::string_view name);

}  // namespace orrery::text
