// Cutting a text into the words that a model then encodes one by one.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "orrery/text/tokenizer/function_ref.h"

namespace orrery::text {

/// A part of a text on its way to the model.
struct Part {
  std::string_view text;
  bool at_start;  ///< stands at the very start of what the user gave
};

/// Receives the parts in order; each lives until the call returns.
using PartSink = FunctionRef<void(Part part)>;

/// Immutable, safe from many threads.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Cuts UTF-8 text; parts may also be rewritten, and are never empty.
  virtual void split(Part part, PartSink sink) const = 0;
};

using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;

/// What becomes of the delimiters that a pattern finds (huggingface/tokenizers, SplitDelimiterBehavior).
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

PreTokenizerPtr make_sequence(std::vector<PreTokenizerPtr> stages);
/// Oniguruma's dialect (regex.h); the expressions that scanner.h knows are cut by hand. `invert`: the pattern matches
/// the words.
PreTokenizerPtr make_split(std::string_view pattern, SplitBehavior behavior, bool invert);
/// `maps_bytes`: words come out in GPT-2's byte characters, else as they are (for a model that takes bytes).
PreTokenizerPtr make_byte_level(bool add_prefix_space, bool use_regex, bool maps_bytes);
/// Back from byte characters to bytes.
PreTokenizerPtr make_byte_level_bytes();
PreTokenizerPtr make_digits(bool individual);
PreTokenizerPtr make_punctuation(SplitBehavior behavior);
PreTokenizerPtr make_whitespace();        ///< \w+|[^\w\s]+
PreTokenizerPtr make_whitespace_split();  ///< by White_Space, which is dropped
PreTokenizerPtr make_bert();
PreTokenizerPtr make_char_delimiter(std::string_view delimiter);
PreTokenizerPtr make_fixed_length(int64_t characters);

enum class Prepend { kAlways, kFirst, kNever };
PreTokenizerPtr make_metaspace(std::string_view replacement, Prepend prepend, bool split);

}  // namespace orrery::text
