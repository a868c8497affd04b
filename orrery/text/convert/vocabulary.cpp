#include "orrery/text/convert/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/text/checkpoint_files.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/tokenizer/byte_level.h"
#include "orrery/text/tokenizer/rwkv.h"
#include "orrery/text/tokenizer/sentencepiece_proto.h"
#include "orrery/text/tokenizer/tiktoken.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;
using Json = nlohmann::json;

Error error(const fs::path& file, std::string found, std::string expected) {
  return Error({.doing = "write a tokenizer as GGUF",
                .where = file.string(),
                .found = std::move(found),
                .expected = std::move(expected)});
}

/// Worse than any piece's.
constexpr double kFillerScore = -10000.0;

/// Fillers, to be defined one by one.
Vocabulary fillers(int64_t vocab_size) {
  Vocabulary vocabulary;
  for (int64_t id = 0; id < vocab_size; ++id) vocabulary.tokens.push_back(fmt::format("[PAD{}]", id));
  vocabulary.kinds.assign(vocab_size, TokenKind::kUnused);
  return vocabulary;
}

void define(Vocabulary& vocabulary, const fs::path& file, int64_t id, const std::string& token, TokenKind kind) {
  if (id < 0 || id >= int64_t(vocabulary.tokens.size()))
    throw error(file, fmt::format("token {} with the id {}", token, id),
                fmt::format("ids below the model's {} tokens", vocabulary.tokens.size()));
  vocabulary.tokens[id] = token;
  vocabulary.kinds[id] = kind;
}

int64_t number_of(const fs::path& file, const std::string& text) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) throw error(file, "the key " + text, "a token's id");
  return number;
}

/// The three places where hub folders list tokens that were added to a trained vocabulary.
void define_added_tokens(Vocabulary& vocabulary, const fs::path& folder) {
  if (const fs::path file = folder / "added_tokens.json"; fs::exists(file)) {
    const Json tokens = read_json_object(file);
    for (const auto& [token, id] : tokens.items()) define(vocabulary, file, id, token, TokenKind::kUserDefined);
  }
  const auto define_one = [&](const fs::path& file, int64_t id, const Json& token) {
    const bool special = token.value("special", false);
    const TokenKind now = id >= 0 && id < int64_t(vocabulary.kinds.size()) ? vocabulary.kinds[id] : TokenKind::kNormal;
    const TokenKind kind = now == TokenKind::kUnknown ? now : special ? TokenKind::kControl : TokenKind::kUserDefined;
    define(vocabulary, file, id, token.at("content"), kind);
  };
  if (const fs::path file = folder / "tokenizer_config.json"; fs::exists(file)) {
    const Json tokens = read_json_object(file).value("added_tokens_decoder", Json::object());
    for (const auto& [id, token] : tokens.items()) define_one(file, number_of(file, id), token);
  }
  if (const fs::path file = folder / "tokenizer.json"; fs::exists(file)) {
    const Json tokens = read_json_object(file).value("added_tokens", Json::array());
    for (const Json& token : tokens) define_one(file, token.at("id"), token);
  }
}

Vocabulary read_sentencepiece(const fs::path& file, std::string_view bytes, int64_t vocab_size) {
  const SentencePieceParts parts = read_sentencepiece_model(bytes, file.string()).parts;
  if (parts.algorithm != SentencePieceParts::Algorithm::kBpe) throw error(file, "a Unigram model", "a BPE model");
  Vocabulary vocabulary = fillers(vocab_size);
  vocabulary.model = "llama";
  vocabulary.pre = "default";
  vocabulary.scores.assign(vocab_size, kFillerScore);
  for (size_t id = 0; id < parts.pieces.size(); ++id) {
    define(vocabulary, file, int64_t(id), std::string(parts.pieces[id]), TokenKind(parts.types[id]));
    vocabulary.scores[id] = parts.scores[id];
  }
  vocabulary.add_space_prefix = parts.add_dummy_prefix && !parts.whitespace_as_suffix;
  return vocabulary;
}

/// The two words that a word is merged from last, where only words of a lower rank count: what its bytes come to before
/// its own merge.
std::optional<std::pair<std::string, std::string>> last_merge(const std::string& word, int64_t rank,
                                                              const std::unordered_map<std::string, int64_t>& ranks) {
  std::vector<std::string> parts;
  for (char byte : word) parts.emplace_back(1, byte);
  while (parts.size() > 2) {
    size_t best = parts.size();
    int64_t lowest = rank;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks.find(parts[i] + parts[i + 1]);
      if (found != ranks.end() && found->second < lowest) lowest = found->second, best = i;
    }
    if (best == parts.size()) return std::nullopt;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + std::ptrdiff_t(best) + 1);
  }
  if (parts.size() != 2) return std::nullopt;
  return std::pair(parts[0], parts[1]);
}

/// Llama 3's vocabulary as Meta has it: ranks of words, of which GGUF wants the merges.
Vocabulary read_tiktoken_vocabulary(const fs::path& file, std::string_view bytes, int64_t vocab_size) {
  const TiktokenVocabulary read = read_tiktoken(bytes, file.string());
  Vocabulary vocabulary = fillers(vocab_size);
  vocabulary.model = "gpt2";
  vocabulary.pre = "llama-bpe";
  std::unordered_map<std::string, int64_t> ranks;
  for (size_t id = 0; id < read.words.size(); ++id) ranks.emplace(read.words[id], int64_t(id));
  const auto written = [](std::string_view word) {
    std::string piece;
    append_byte_level(piece, word);
    return piece;
  };
  for (size_t id = 0; id < read.words.size(); ++id) {
    define(vocabulary, file, int64_t(id), written(read.words[id]), TokenKind::kNormal);
    if (const auto merge = last_merge(read.words[id], int64_t(id), ranks))
      vocabulary.merges.push_back(written(merge->first) + " " + written(merge->second));
  }
  for (size_t i = 0; i < read.special.size(); ++i)
    define(vocabulary, file, int64_t(read.words.size() + i), read.special[i], TokenKind::kControl);
  return vocabulary;
}

/// tokenizer.model of either kind.
Vocabulary read_tokenizer_model(const fs::path& file, int64_t vocab_size) {
  const MappedFile mapped = MappedFile::open(file);
  const std::string_view bytes(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
  return is_tiktoken(bytes) ? read_tiktoken_vocabulary(file, bytes, vocab_size)
                            : read_sentencepiece(file, bytes, vocab_size);
}

/// Both forms that tokenizer.json has merges in. llama.cpp splits a merge at its first space after the first character,
/// so a space inside a part (no byte-level alphabet has one) cannot be said.
std::vector<std::string> read_merges(const fs::path& file, const Json& model) {
  std::vector<std::string> merges;
  const Json listed = model.value("merges", Json::array());
  for (const Json& merge : listed) {
    merges.push_back(merge.is_array() ? merge.at(0).get<std::string>() + " " + merge.at(1).get<std::string>()
                                      : merge.get<std::string>());
    if (std::ranges::count(merges.back(), ' ') != 1) throw error(file, "the merge " + merges.back(), "one space in it");
  }
  return merges;
}

void define_trained_tokens(Vocabulary& vocabulary, const fs::path& file, const Json& model) {
  for (const auto& [token, id] : model.at("vocab").items()) define(vocabulary, file, id, token, TokenKind::kNormal);
}

/// GGUF says nothing of normalizers; Unicode's NFC, which llama.cpp leaves out, changes almost no text.
void refuse_normalizer(const fs::path& file, const Json& normalizer) {
  if (normalizer.is_null() || normalizer.value("type", "") == "NFC") return;
  if (normalizer.value("type", "") == "Sequence") {
    const Json parts = normalizer.value("normalizers", Json::array());
    for (const Json& part : parts) refuse_normalizer(file, part);
    return;
  }
  throw error(file, "the normalizer " + normalizer.value("type", "?"), "none: GGUF has no byte-level BPE with one");
}

Vocabulary read_byte_level_bpe(const fs::path& file, const Json& json, int64_t vocab_size) {
  refuse_normalizer(file, json.value("normalizer", Json()));
  Vocabulary vocabulary = fillers(vocab_size);
  vocabulary.model = "gpt2";
  vocabulary.pre = pre_kind(json.at("pre_tokenizer"), file.string());
  vocabulary.merges = read_merges(file, json.at("model"));
  define_trained_tokens(vocabulary, file, json.at("model"));
  return vocabulary;
}

/// SentencePiece merges the pair whose union scores best, tokenizers the pair that comes first in its list: a token's
/// score is the place of its first merge, counted down.
void score_by_merges(Vocabulary& vocabulary, const std::vector<std::string>& merges) {
  std::map<std::string, double> rank;
  for (size_t i = 0; i < merges.size(); ++i) {
    std::string merged = merges[i];
    merged.erase(merged.find(' '), 1);
    rank.try_emplace(std::move(merged), -double(i));
  }
  vocabulary.scores.assign(vocabulary.tokens.size(), -double(merges.size()));
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id)
    if (const auto entry = rank.find(vocabulary.tokens[id]); entry != rank.end()) vocabulary.scores[id] = entry->second;
}

bool is_byte_piece(const std::string& token) {
  return token.size() == 6 && token.starts_with("<0x") && token.ends_with(">");
}

/// Llama 2's form of tokenizer.json: SentencePiece BPE written as merges.
Vocabulary read_byte_fallback_bpe(const fs::path& file, const Json& json, int64_t vocab_size) {
  const Json& model = json.at("model");
  Vocabulary vocabulary = fillers(vocab_size);
  vocabulary.model = "llama";
  vocabulary.pre = "default";
  define_trained_tokens(vocabulary, file, model);
  score_by_merges(vocabulary, read_merges(file, model));
  const std::string unknown = model.value("unk_token", Json()).is_string() ? model.at("unk_token") : "";
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (is_byte_piece(vocabulary.tokens[id])) vocabulary.kinds[id] = TokenKind::kByte;
    if (!unknown.empty() && vocabulary.tokens[id] == unknown) vocabulary.kinds[id] = TokenKind::kUnknown;
  }
  const std::string normalizer = json.value("normalizer", Json()).dump();
  const std::string metaspace = json.value("pre_tokenizer", Json()).dump();
  vocabulary.add_space_prefix =
      normalizer.find("Prepend") != std::string::npos ||
      (metaspace.find("Metaspace") != std::string::npos && metaspace.find("never") == std::string::npos);
  return vocabulary;
}

bool is_byte_level(const Json& json) {
  return json.value("pre_tokenizer", Json()).dump().find("ByteLevel") != std::string::npos;
}

Vocabulary read_tokenizer_json(const fs::path& file, int64_t vocab_size) {
  const Json json = read_json_object(file);
  const Json model = json.value("model", Json::object());
  // Older files leave the type out; only BPE has merges.
  if (model.value("type", model.contains("merges") ? "BPE" : "") != "BPE")
    throw error(file, "a tokenizer of type " + model.value("type", "?"), "BPE");
  if (is_byte_level(json)) return read_byte_level_bpe(file, json, vocab_size);
  if (model.value("byte_fallback", false)) return read_byte_fallback_bpe(file, json, vocab_size);
  throw error(file, "BPE on characters", "byte-level BPE, or BPE with byte_fallback");
}

}  // namespace

Vocabulary read_vocabulary(const fs::path& folder, int64_t vocab_size) try {
  const bool sentencepiece = fs::exists(folder / "tokenizer.model");
  Vocabulary vocabulary = sentencepiece ? read_tokenizer_model(folder / "tokenizer.model", vocab_size)
                                        : read_tokenizer_json(folder / "tokenizer.json", vocab_size);
  define_added_tokens(vocabulary, folder);
  return vocabulary;
} catch (const Json::exception& failure) {
  throw error(folder / "tokenizer.json", failure.what(), "the fields that the tokenizers library writes");
}

Vocabulary read_llama2_c_vocabulary(const fs::path& file, int64_t vocab_size) {
  const Llama2cPieces read = read_llama2_c_pieces(file);
  Vocabulary vocabulary = fillers(vocab_size);
  vocabulary.model = "llama";
  vocabulary.pre = "default";
  vocabulary.add_space_prefix = true;
  vocabulary.scores.assign(vocab_size, kFillerScore);
  for (size_t id = 0; id < read.pieces.size(); ++id) {
    define(vocabulary, file, int64_t(id), read.pieces[id], TokenKind(read.types[id]));
    vocabulary.scores[id] = read.scores[id];
  }
  return vocabulary;
}

Vocabulary rwkv_vocabulary(const Tokenizer& tokenizer, int64_t vocab_size) {
  Vocabulary vocabulary = fillers(vocab_size);
  vocabulary.model = "rwkv";
  for (int64_t id = 0; id < std::min(vocab_size, tokenizer.size()); ++id) {
    const std::string_view bytes = tokenizer.bytes(TokenId(id));
    if (bytes.empty()) continue;
    vocabulary.tokens[id] = escape_rwkv(bytes);
    vocabulary.kinds[id] = TokenKind::kNormal;
  }
  if (tokenizer.eos) {
    vocabulary.tokens[*tokenizer.eos] = "<s>";
    vocabulary.kinds[*tokenizer.eos] = TokenKind::kControl;
  }
  return vocabulary;
}

void add_vocabulary(const Vocabulary& vocabulary, formats::GgufMetadata& metadata) {
  using formats::GgufValue;
  const auto views = [](const std::vector<std::string>& texts) {
    return std::vector<std::string_view>(texts.begin(), texts.end());
  };
  metadata["tokenizer.ggml.model"] = GgufValue::string(vocabulary.model);
  if (!vocabulary.pre.empty()) metadata["tokenizer.ggml.pre"] = GgufValue::string(vocabulary.pre);
  metadata["tokenizer.ggml.tokens"] = GgufValue::strings(views(vocabulary.tokens));
  std::vector<int64_t> kinds;
  for (TokenKind kind : vocabulary.kinds) kinds.push_back(int64_t(kind));
  metadata["tokenizer.ggml.token_type"] = GgufValue::i32s(std::move(kinds));
  if (!vocabulary.scores.empty()) metadata["tokenizer.ggml.scores"] = GgufValue::f32s(vocabulary.scores);
  if (!vocabulary.merges.empty()) metadata["tokenizer.ggml.merges"] = GgufValue::strings(views(vocabulary.merges));
  if (vocabulary.model == "llama")
    metadata["tokenizer.ggml.add_space_prefix"] = GgufValue::boolean(vocabulary.add_space_prefix);
}

}  // namespace orrery::text
