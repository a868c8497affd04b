// A hub folder's tokenizer as GGUF stores one (tokenizer.ggml.*).
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "orrery/formats/gguf.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// llama.cpp's numbering (llama.h, LLAMA_TOKEN_TYPE_…), which is SentencePiece's.
enum class TokenKind : int32_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

struct Vocabulary {
  std::string model;  ///< "gpt2": byte-level BPE; "llama": SentencePiece BPE; "rwkv"
  std::string pre;    ///< how text is split before the merges ("smollm"); "default" for SentencePiece
  std::vector<std::string> tokens;
  std::vector<TokenKind> kinds;
  std::vector<double> scores;       ///< SentencePiece's; empty for byte-level BPE
  std::vector<std::string> merges;  ///< "a b"; empty for SentencePiece
  bool add_space_prefix = false;    ///< SentencePiece's dummy prefix
};

/// Of exactly vocab_size tokens: ids that nothing defines are unused fillers ("[PAD7]"). Reads tokenizer.model where
/// there is one, else tokenizer.json; added tokens also from tokenizer.json, tokenizer_config.json and
/// added_tokens.json. Throws Error for a tokenizer that GGUF cannot express (an unknown pre-tokenizer, Unigram, a
/// normalizer that changes text) and for ids past vocab_size.
Vocabulary read_vocabulary(const std::filesystem::path& folder, int64_t vocab_size);

/// The same of llama2.c's tokenizer.bin.
Vocabulary read_llama2_c_vocabulary(const std::filesystem::path& file, int64_t vocab_size);

/// RWKV's, whose tokens are bytes, escaped as in a Python literal. Of exactly vocab_size tokens.
Vocabulary rwkv_vocabulary(const Tokenizer& tokenizer, int64_t vocab_size);

/// tokenizer.ggml.* for a vocabulary; its strings must outlive the metadata.
void add_vocabulary(const Vocabulary& vocabulary, formats::GgufMetadata& metadata);

/// GGUF's name of a byte-level BPE's pre_tokenizer (tokenizer.json). Throws Error describing one that has none.
std::string pre_kind(const nlohmann::json& pre_tokenizer, const std::string& where);

}  // namespace orrery::text
