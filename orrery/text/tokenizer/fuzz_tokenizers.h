// What the tokenizers' fuzz targets do with what they loaded.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "orrery/base/error.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// Loads a tokenizer, uses all of it, and lets Error pass: whatever the file says, nothing worse may happen.
inline void fuzz_tokenizer(const std::function<std::unique_ptr<Tokenizer>()>& load) {
  try {
    const auto tokenizer = load();
    const std::string texts[] = {"Hello, wörld's 12345  \n\n x\t字字 😀e\u0301 <s></s><unk><|im_start|>",
                                 "\xff\xc3(\xe5\xad", std::string(300, 'a')};
    for (const std::string& text : texts) {
      for (bool special : {false, true}) {
        const auto ids = tokenizer->encode(text, {.add_special = special, .parse_special = special});
        tokenizer->decode(ids, special);
        StreamDecoder stream(*tokenizer, special);
        for (TokenId id : ids) stream.push(id);
        stream.finish();
      }
    }
    for (TokenId id : {-1, 0, 1, 255, 1 << 30}) {
      tokenizer->find(tokenizer->piece(id));
      tokenizer->bytes(id, true);
      tokenizer->is_special(id);
      tokenizer->is_end_of_generation(id);
    }
  } catch (const Error&) {
  }
}

}  // namespace orrery::text
