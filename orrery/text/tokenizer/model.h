// What turns one word into token ids.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// Immutable, safe from many threads.
class Model {
 public:
  virtual ~Model() = default;
  /// Appends the word's ids. A word is UTF-8, or raw bytes for a byte-level model; never empty.
  virtual void encode(std::string_view word, std::vector<TokenId>& ids) const = 0;
};

using ModelPtr = std::unique_ptr<const Model>;

}  // namespace orrery::text
