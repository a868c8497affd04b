// RWKV's "world" tokenizer (BlinkDL/ChatRWKV, tokenizer/rwkv_tokenizer.py): the longest token first, from left to
// right, over bytes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/tokenizer/pipeline.h"

namespace orrery::text {

/// Tokens as GGUF has them: bytes escaped as in a Python literal (\n, \\, \x1f). An `unused` one is in no text.
PipelineTokenizer::Parts build_rwkv(std::span<const std::string_view> tokens, const std::vector<bool>& unused);
/// The tokens as a vocabulary writes them and, one for each, the bytes they stand for; none: in no text.
PipelineTokenizer::Parts build_rwkv(std::span<const std::string> pieces, std::span<const std::string> words);

/// As GGUF writes a token: what is not printable ASCII, and the backslash, escaped.
std::string escape_rwkv(std::string_view bytes);

inline constexpr std::string_view kRwkvVocabulary = "rwkv_vocab_v20230424.txt";

/// The vocabulary as its authors publish it, rwkv_vocab_v20230424.txt: a line for each token, of its id, a Python
/// literal of text or bytes, and the number of bytes. Id 0, which no line has, ends a text; the ids up to `vocab_size`
/// (0: the last line's) that no line has stand for nothing. Throws Error naming the file and the line.
std::unique_ptr<Tokenizer> load_rwkv_vocabulary(std::string_view text, const std::string& name, int64_t vocab_size = 0);

/// The text that load_rwkv_vocabulary reads the same tokens from.
std::string write_rwkv_vocabulary(const Tokenizer& tokenizer);

/// Every byte is the token of its value: the small models of rwkv.cpp's tests. No token ends an answer.
std::unique_ptr<Tokenizer> make_byte_tokenizer();

}  // namespace orrery::text
