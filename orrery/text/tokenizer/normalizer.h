// What tokenizers do to a text before they cut it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "orrery/text/tokenizer/byte_trie.h"
#include "orrery/text/tokenizer/charsmap.h"

namespace orrery::text {

/// Rewrites UTF-8 text in place. Immutable, safe from many threads.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(std::string& text) const = 0;
};

using NormalizerPtr = std::unique_ptr<const Normalizer>;

/// SentencePiece's NormalizerSpec and what else its normaliser looks at (google/sentencepiece,
/// sentencepiece_model.proto).
struct SentencePieceNorm {
  Charsmap charsmap;                      ///< may be empty: the identity
  bool add_dummy_prefix = true;           ///< a space before the text
  bool remove_extra_whitespaces = false;  ///< none at the ends, one between words
  bool escape_whitespaces = true;         ///< spaces become U+2581
  bool whitespace_as_suffix = false;      ///< the dummy space goes behind the text
  ByteTrie user_defined;                  ///< pieces that pass unchanged
};
NormalizerPtr make_sentencepiece_normalizer(SentencePieceNorm norm);

/// BertNormalizer's options (huggingface/tokenizers, normalizers/bert), with its defaults.
struct BertNorm {
  bool clean = true;          ///< controls go, white space becomes spaces
  bool space_chinese = true;  ///< spaces around each CJK ideograph
  bool lowercase = true;
  bool strip_accents = true;  ///< decomposed, without nonspacing marks
};
NormalizerPtr make_bert_normalizer(const BertNorm& norm);

inline constexpr std::string_view kMetaSpace = "\xE2\x96\x81";  ///< U+2581, the space inside SentencePiece's pieces

}  // namespace orrery::text
