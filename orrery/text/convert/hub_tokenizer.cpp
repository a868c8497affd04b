#include "orrery/text/convert/hub_tokenizer.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/convert/vocabulary.h"
#include "orrery/text/tokenizer/pre_kinds.h"
#include "orrery/text/tokenizer/rwkv.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;
using formats::GgufFile;

[[noreturn]] void refuse_vocabulary(const std::string& where, std::string found, std::string expected) {
  throw Error({.doing = "write a hub folder's tokenizer",
               .where = where,
               .found = std::move(found),
               .expected = std::move(expected)});
}

void write_file(const fs::path& file, const std::string& text) {
  AtomicFile out(file);
  out.write(text);
  out.commit();
}

/// The kind of token `id` in tokenizer.ggml.token_type, kNormal where there is no list.
TokenKind kind_of(const std::vector<int64_t>* kinds, size_t id) {
  return kinds && id < kinds->size() ? TokenKind((*kinds)[id]) : TokenKind::kNormal;
}

bool is_added(TokenKind kind) { return kind == TokenKind::kControl || kind == TokenKind::kUserDefined; }

OrderedJson added_token(size_t id, std::string_view content, TokenKind kind) {
  return {{"id", id},
          {"content", content},
          {"single_word", false},
          {"lstrip", false},
          {"rstrip", false},
          {"normalized", false},
          {"special", kind == TokenKind::kControl}};
}

/// What the patterns of a kind are in the tokenizers library's words.
OrderedJson pre_tokenizer_of(const PreKind& kind) {
  static const PreKind& gpt2 = *find_pre_kind("gpt-2");
  OrderedJson steps = OrderedJson::array();
  bool regex = false;
  for (std::string_view pattern : kind.patterns) {
    const bool last = pattern.data() == kind.patterns.back().data();
    if (pattern == R"(\p{N})") {
      steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
    } else if (last && pattern == gpt2.patterns.front()) {
      regex = true;
    } else {
      steps.push_back(
          {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}});
    }
  }
  steps.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", regex}});
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

/// The BOS and EOS that every text gets.
OrderedJson post_processor_of(const Tokenizer& tokenizer) {
  OrderedJson single = OrderedJson::array(), special = OrderedJson::object();
  const auto add = [&](TokenId id) {
    const std::string piece(tokenizer.piece(id));
    single.push_back({{"SpecialToken", {{"id", piece}, {"type_id", 0}}}});
    special[piece] = {{"id", piece}, {"ids", {id}}, {"tokens", {piece}}};
  };
  if (tokenizer.add_bos && tokenizer.bos) add(*tokenizer.bos);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  if (tokenizer.add_eos && tokenizer.eos) add(*tokenizer.eos);
  if (special.empty())
    return {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}, {"use_regex", true}};
  OrderedJson pair = single;
  for (OrderedJson part : single) {
    if (part.contains("Sequence")) part["Sequence"] = {{"id", "B"}, {"type_id", 1}};
    pair.push_back(part);
  }
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
}

void write_byte_level_bpe(const GgufFile& gguf, const Tokenizer& tokenizer, const fs::path& folder,
                          const std::string& where) {
  const std::string name = gguf.get_string("tokenizer.ggml.pre").value_or("default");
  const PreKind* kind = find_pre_kind(name);
  if (kind == nullptr || kind->metaspace)
    refuse_vocabulary(where + ", tokenizer.ggml.pre", name, "a pre-tokenizer on bytes that is known");
  const auto* tokens = gguf.get_strings("tokenizer.ggml.tokens");
  const auto* kinds = gguf.get_ints("tokenizer.ggml.token_type");
  const auto* merges = gguf.get_strings("tokenizer.ggml.merges");
  if (!tokens || !merges) refuse_vocabulary(where, "no tokenizer.ggml.tokens or merges", "both");
  OrderedJson vocab = OrderedJson::object(), added = OrderedJson::array(), pairs = OrderedJson::array();
  for (size_t id = 0; id < tokens->size(); ++id) {
    const TokenKind token_kind = kind_of(kinds, id);
    if (is_added(token_kind)) added.push_back(added_token(id, (*tokens)[id], token_kind));
    if (token_kind != TokenKind::kUnused)  // an added token keeps its id by being here too
      vocab[std::string((*tokens)[id])] = id;
  }
  for (std::string_view merge : *merges) {
    const size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos)
      refuse_vocabulary(where + ", tokenizer.ggml.merges", std::string(merge), "two parts");
    pairs.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  const OrderedJson json = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added},
      {"normalizer", nullptr},
      {"pre_tokenizer", pre_tokenizer_of(*kind)},
      {"post_processor", post_processor_of(tokenizer)},
      {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"ignore_merges", kind->ignore_merges},
        {"vocab", vocab},
        {"merges", pairs}}}};
  write_file(folder / "tokenizer.json", json.dump(1, ' ', false, OrderedJson::error_handler_t::replace));
}

// Protocol Buffers' wire format, as much as sentencepiece_model.proto needs.
void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += char(value | 0x80);
  out += char(value);
}
void put_number(std::string& out, int field, int64_t value) {
  put_varint(out, uint64_t(field) << 3);
  put_varint(out, uint64_t(value));
}
void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, uint64_t(field) << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}
void put_float(std::string& out, int field, float value) {
  put_varint(out, uint64_t(field) << 3 | 5);
  const auto bits = std::bit_cast<uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) out += char(bits >> shift);
}

/// ModelProto: pieces, then a TrainerSpec of a BPE with bytes for what it lacks, then a NormalizerSpec that changes
/// nothing (google/sentencepiece, sentencepiece_model.proto).
void write_sentencepiece(const GgufFile& gguf, const Tokenizer& tokenizer, const fs::path& folder,
                         const std::string& where) {
  const auto* tokens = gguf.get_strings("tokenizer.ggml.tokens");
  const auto* scores = gguf.get_floats("tokenizer.ggml.scores");
  const auto* kinds = gguf.get_ints("tokenizer.ggml.token_type");
  if (!tokens || !scores || scores->size() != tokens->size())
    refuse_vocabulary(where, "no tokenizer.ggml.tokens, or scores of another number", "both, of one length");
  std::string model, trainer, normalizer;
  bool bytes = false;
  for (size_t id = 0; id < tokens->size(); ++id) {
    std::string piece;
    put_bytes(piece, 1, (*tokens)[id]);
    put_float(piece, 2, float((*scores)[id]));
    put_number(piece, 3, int64_t(kind_of(kinds, id)));
    put_bytes(model, 1, piece);
    bytes |= kind_of(kinds, id) == TokenKind::kByte;
  }
  constexpr int64_t kBpe = 2;
  put_number(trainer, 3, kBpe);
  put_number(trainer, 4, int64_t(tokens->size()));
  put_number(trainer, 35, bytes);
  put_number(trainer, 40, tokenizer.unk.value_or(0));
  put_number(trainer, 41, tokenizer.bos.value_or(-1));
  put_number(trainer, 42, tokenizer.eos.value_or(-1));
  put_number(trainer, 43, tokenizer.pad.value_or(-1));
  put_bytes(normalizer, 1, "identity");
  put_number(normalizer, 3, gguf.get_bool("tokenizer.ggml.add_space_prefix").value_or(true));
  put_number(normalizer, 4, false);
  put_number(normalizer, 5, true);
  put_bytes(model, 2, trainer);
  put_bytes(model, 3, normalizer);
  write_file(folder / "tokenizer.model", model);
}

OrderedJson tokenizer_config(const GgufFile& gguf, const Tokenizer& tokenizer, const char* tokenizer_class) {
  OrderedJson config = {{"tokenizer_class", tokenizer_class},
                        {"add_bos_token", tokenizer.add_bos},
                        {"add_eos_token", tokenizer.add_eos},
                        {"clean_up_tokenization_spaces", false}};
  const std::pair<const char*, std::optional<TokenId>> named[] = {{"bos_token", tokenizer.bos},
                                                                  {"eos_token", tokenizer.eos},
                                                                  {"unk_token", tokenizer.unk},
                                                                  {"pad_token", tokenizer.pad}};
  for (const auto& [name, id] : named)
    if (id) config[name] = tokenizer.piece(*id);
  if (!tokenizer.chat_template.empty()) config["chat_template"] = tokenizer.chat_template;
  const auto* tokens = gguf.get_strings("tokenizer.ggml.tokens");
  const auto* kinds = gguf.get_ints("tokenizer.ggml.token_type");
  for (size_t id = 0; tokens && id < tokens->size(); ++id) {
    const TokenKind kind = kind_of(kinds, id);
    if (!is_added(kind)) continue;
    OrderedJson token = added_token(id, (*tokens)[id], kind);
    token.erase("id");
    config["added_tokens_decoder"][std::to_string(id)] = token;
  }
  return config;
}

void copy_files(const fs::path& from, const fs::path& to) {
  for (const char* name :
       {"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "chat_template.jinja", "generation_config.json", "preprocessor_config.json", "processor_config.json",
        "vocab.json", "merges.txt", kRwkvVocabulary.data()})
    if (fs::exists(from / name)) fs::copy_file(from / name, to / name);
}

}  // namespace

void write_hub_tokenizer(const Checkpoint& checkpoint, const fs::path& folder) {
  if (!checkpoint.has_tokenizer()) return;
  const fs::path& path = checkpoint.path();
  if (checkpoint.format() != "gguf") return copy_files(fs::is_directory(path) ? path : path.parent_path(), folder);
  const GgufFile gguf = GgufFile::open(path);
  const Tokenizer& tokenizer = checkpoint.tokenizer();
  const std::string model = gguf.get_string("tokenizer.ggml.model").value_or("");
  const char* tokenizer_class = "PreTrainedTokenizerFast";
  if (model == "gpt2") {
    write_byte_level_bpe(gguf, tokenizer, folder, path.string());
  } else if (model == "llama") {
    tokenizer_class = "LlamaTokenizer";
    write_sentencepiece(gguf, tokenizer, folder, path.string());
  } else if (model == "rwkv") {
    tokenizer_class = "RwkvTokenizer";
    write_file(folder / kRwkvVocabulary, write_rwkv_vocabulary(tokenizer));
  } else {
    refuse_vocabulary(path.string() + ", tokenizer.ggml.model", model, "gpt2, llama or rwkv");
  }
  write_file(
      folder / "tokenizer_config.json",
      tokenizer_config(gguf, tokenizer, tokenizer_class).dump(2, ' ', false, OrderedJson::error_handler_t::replace));
}

}  // namespace orrery::text
