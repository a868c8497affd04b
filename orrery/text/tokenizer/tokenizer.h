// Text to token ids and back, exactly as the original tokenizers do it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::formats {
class GgufFile;
}

namespace orrery::text {

using TokenId = int32_t;

/// A vocabulary with its algorithm (byte-level BPE, SentencePiece BPE, Unigram, WordPiece, RWKV's trie). Immutable; all
/// members are safe from many threads.
class Tokenizer {
 public:
  struct EncodeOptions {
    bool add_special = true;    ///< add the model's BOS/EOS (its post-processor)
    bool parse_special = true;  ///< "<|im_start|>" in the text is that token; false reads it as plain characters
  };

  virtual ~Tokenizer() = default;

  /// From a hub folder (tokenizer.json, else tokenizer.model, else rwkv_vocab_v20230424.txt; tokenizer_config.json
  /// beside it) or one such file.
  static std::unique_ptr<Tokenizer> open(const std::filesystem::path& path);
  /// From GGUF metadata (tokenizer.ggml.*). Throws Error naming the key for a model or `pre` kind that is not known.
  static std::unique_ptr<Tokenizer> from_gguf(const formats::GgufFile& file);

  /// Text that is no UTF-8 is read with every maximal ill-formed part as U+FFFD, as Python hands it to the originals.
  /// Throws Error where the tokenizer's own regular expression backtracks without end, or a vocabulary without an
  /// unknown token lacks a character.
  virtual std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const = 0;
  std::vector<TokenId> encode(std::string_view text) const { return encode(text, EncodeOptions{}); }
  /// The text of the ids. Special tokens are left out unless `keep_special`. Bytes that are no UTF-8 become U+FFFD.
  virtual std::string decode(std::span<const TokenId> ids, bool keep_special = false) const = 0;
  /// The raw bytes that one token stands for inside a text (no U+FFFD, maybe half a character); empty for special
  /// tokens unless `keep_special`. What streaming, grammars and stop strings work on.
  virtual std::string_view bytes(TokenId id, bool keep_special = false) const = 0;

  virtual int64_t size() const = 0;  ///< ids are 0 … size()-1
  virtual bool is_special(TokenId id) const = 0;
  /// The token written exactly so in the vocabulary ("<|im_end|>"), if any.
  virtual std::optional<TokenId> find(std::string_view piece) const = 0;
  virtual std::string_view piece(TokenId id) const = 0;  ///< as the vocabulary writes it ("Ġthe", "▁the")

  std::optional<TokenId> bos, eos, unk, pad;
  std::vector<TokenId> end_of_generation;  ///< every id that ends an answer (eos, <|im_end|>, <|eot_id|>, …), ascending
  bool add_bos = false, add_eos = false;  ///< what add_special does
  /// What decode() does to spaces at the start of a text: SentencePiece put one there that the user did not write.
  enum class LeadingSpace { kKeep, kDropOne, kDropAll } leading_space = LeadingSpace::kKeep;
  /// Tokens around a gap to be filled, where GGUF metadata names them (infill/fim_tokens.h knows the others).
  struct FillInMiddle {
    std::optional<TokenId> prefix, suffix, middle, pad, repo, file;
  } fim;
  /// The chat template of tokenizer_config.json / chat_template.jinja / GGUF; empty when there is none.
  std::string chat_template;
  bool is_end_of_generation(TokenId id) const;
};

/// Joins token bytes into text and holds back the tail of an unfinished UTF-8 character.
class StreamDecoder {
 public:
  /// `shown`: special tokens whose text is kept in any case.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool keep_special = false, std::vector<TokenId> shown = {});
  /// Text that became complete with this token; empty when the character is still open.
  std::string push(TokenId id);
  /// What is left: an unfinished character as U+FFFD.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool keep_special_;
  std::vector<TokenId> shown_;
  bool at_start_ = true;  // leading spaces may still have to go
  std::string pending_;
};

}  // namespace orrery::text
