// tokenizer.ggml.*: the tokenizer inside a GGUF file (ggml-org/ggml, docs/gguf.md).
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/tokenizer/bert_gguf.h"
#include "orrery/text/tokenizer/bpe.h"
#include "orrery/text/tokenizer/byte_level.h"
#include "orrery/text/tokenizer/pipeline.h"
#include "orrery/text/tokenizer/pre_kinds.h"
#include "orrery/text/tokenizer/rwkv.h"
#include "orrery/text/tokenizer/sentencepiece_build.h"
#include "orrery/text/tokenizer/special_names.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

using formats::GgufFile;
using formats::GgufValue;

[[noreturn]] void refuse(std::string_view key, std::string found, std::string expected) {
  throw Error({.doing = "read a GGUF tokenizer",
               .where = "tokenizer.ggml." + std::string(key),
               .found = std::move(found),
               .expected = std::move(expected)});
}

class GgufTokenizer {
 public:
  explicit GgufTokenizer(const GgufFile& file) : file_(file) {}

  std::unique_ptr<Tokenizer> load() {
    const std::string model = text("model").value_or("");
    const auto* tokens = file_.get_strings("tokenizer.ggml.tokens");
    if (model.empty()) refuse("model", "nothing", "the tokenizer's kind");
    if (!tokens || tokens->empty()) refuse("tokens", "nothing", "the vocabulary");
    tokens_ = *tokens;
    read_types();
    PipelineTokenizer::Parts parts;
    if (model == "gpt2" || model == "gemma4") {
      parts = build_bpe(model == "gemma4" ? "gemma4" : text("pre").value_or("default"));
    } else if (model == "llama" || model == "t5") {
      parts = build_sentencepiece_parts(model == "llama");
    } else if (model == "rwkv") {
      std::vector<bool> unused;
      for (PieceType type : types_) unused.push_back(type == PieceType::kUnused);
      parts = build_rwkv(tokens_, unused);
    } else if (model == "bert") {
      parts = build_bert_parts();
    } else {
      refuse("model", model, "gpt2, llama, t5, bert, gemma4 or rwkv");
    }
    return finish(std::move(parts), model);
  }

 private:
  static std::string key(std::string_view name) { return "tokenizer.ggml." + std::string(name); }
  std::optional<std::string> text(std::string_view name) const { return file_.get_string(key(name)); }
  std::optional<bool> flag(std::string_view name) const { return file_.get_bool(key(name)); }

  /// A token's id under "<name>_token_id"; -1 and its like mean none.
  std::optional<TokenId> id(std::string_view name, std::optional<TokenId> absent) const {
    const std::string member = std::string(name) + "_token_id";
    const auto value = file_.get_int(key(member));
    const auto size = static_cast<int64_t>(tokens_.size());
    if (!value) return absent && *absent < size ? absent : std::nullopt;
    if (*value == -1 || *value == UINT32_MAX) return std::nullopt;
    if (*value < 0 || *value >= size) refuse(member, std::to_string(*value), fmt::format("an id below {}", size));
    return static_cast<TokenId>(*value);
  }

  void read_types() {
    types_.assign(tokens_.size(), PieceType::kNormal);
    const auto* types = file_.get_ints(key("token_type"));
    if (!types) return;
    if (types->size() < tokens_.size()) {
      refuse("token_type", fmt::format("{} elements", types->size()),
             fmt::format("{}, one for each token", tokens_.size()));
    }
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const int64_t type = (*types)[i];
      if (type >= 1 && type <= 6) types_[i] = static_cast<PieceType>(type);
    }
  }

  bool is_added(size_t i) const {
    return types_[i] == PieceType::kControl || types_[i] == PieceType::kUserDefined || types_[i] == PieceType::kUnknown;
  }

  // byte-level BPE

  PipelineTokenizer::Parts build_bpe(const std::string& pre) {
    const PreKind* kind = find_pre_kind(pre);
    if (!kind) refuse("pre", pre, "a pre-tokenizer that llama.cpp names");
    add_bos_ = kind->add_bos;
    PipelineTokenizer::Parts parts;
    size_t bytes = 0;
    for (std::string_view token : tokens_) bytes += token.size();
    parts.pieces->reserve(tokens_.size(), bytes);
    parts.bytes->reserve(tokens_.size(), bytes);
    parts.by_word = std::make_unique<PieceIndex>(kind->metaspace ? *parts.pieces : *parts.bytes, tokens_.size());
    for (size_t i = 0; i < tokens_.size(); ++i) add_bpe_piece(i, *kind, parts);

    BpeOptions options;
    options.bytes = !kind->metaspace;
    options.byte_fallback = kind->metaspace;
    options.ignore_merges = kind->ignore_merges;
    const PieceTable& words = kind->metaspace ? *parts.pieces : *parts.bytes;
    auto bpe = std::make_unique<Bpe>(words, *parts.by_word, std::move(options));
    if (const auto* merges = file_.get_strings(key("merges"))) {
      add_merges(*merges, *kind, *bpe);
    } else if (pre == "kimi-k2") {
      bpe->add_merges_by_id();  // its ranks are the tokens' ids
    } else {
      refuse("merges", "nothing", "the merges of a BPE");
    }
    bpe->finish();
    parts.model = std::move(bpe);
    parts.pre_tokenizer = make_pre_tokenizer(*kind);
    if (kind->metaspace) {
      parts.normalizer = make_sentencepiece_normalizer({.add_dummy_prefix = false});
    }
    return parts;
  }

  void add_bpe_piece(size_t i, const PreKind& kind, PipelineTokenizer::Parts& parts) {
    const std::string_view token = tokens_[i];
    const TokenId id = parts.pieces->add(token);
    word_.clear();
    if (types_[i] == PieceType::kByte && fallback_byte(token) >= 0) {
      word_ = static_cast<char>(fallback_byte(token));
      parts.bytes->add(word_);
      if (kind.metaspace) parts.by_word->insert(id);
      return;
    }
    if (kind.metaspace) {
      append_spaces(word_, token);
      parts.bytes->add(is_added(i) ? token : std::string_view(word_));
      if (!token.empty()) parts.by_word->insert(id);
      return;
    }
    const bool is_word = !is_added(i) && append_byte_level_bytes(word_, token);
    parts.bytes->add(is_word ? std::string_view(word_) : token);
    if (is_word && !token.empty()) parts.by_word->insert(id);
  }

  static void append_spaces(std::string& out, std::string_view piece) {
    for (size_t at = 0; at < piece.size();) {
      const bool space = piece.substr(at).starts_with(kMetaSpace);
      out += space ? ' ' : piece[at];
      at += space ? kMetaSpace.size() : 1;
    }
  }

  void add_merges(const std::vector<std::string_view>& merges, const PreKind& kind, Bpe& bpe) const {
    bpe.reserve_merges(merges.size());
    std::string left, right;
    for (size_t i = 0; i < merges.size(); ++i) {
      const size_t space = merges[i].find(' ', 1);
      if (space == std::string_view::npos || space + 1 == merges[i].size()) {
        refuse("merges", fmt::format("\"{}\" at {}", merges[i], i), "two pieces with a space between them");
      }
      left = merges[i].substr(0, space), right = merges[i].substr(space + 1);
      if (!kind.metaspace) {
        left.clear(), right.clear();
        if (!append_byte_level_bytes(left, merges[i].substr(0, space)) ||
            !append_byte_level_bytes(right, merges[i].substr(space + 1))) {
          continue;  // of no text
        }
      }
      bpe.add_merge(left, right, /*unlisted_too=*/true);
    }
  }

  static PreTokenizerPtr make_pre_tokenizer(const PreKind& kind) {
    std::vector<PreTokenizerPtr> stages;
    for (std::string_view pattern : kind.patterns)
      stages.push_back(make_split(pattern, SplitBehavior::kIsolated, false));
    return make_sequence(std::move(stages));
  }

  // SentencePiece

  std::vector<float> read_scores() const {
    std::vector<float> scores(tokens_.size(), 0.0f);
    const auto found = file_.metadata().find(key("scores"));
    if (found == file_.metadata().end()) refuse("scores", "nothing", "a score for each token");
    const auto copy = [&](const auto& values) {
      if (values.size() < scores.size()) {
        refuse("scores", fmt::format("{} elements", values.size()),
               fmt::format("{}, one for each token", scores.size()));
      }
      for (size_t i = 0; i < scores.size(); ++i) scores[i] = static_cast<float>(values[i]);
    };
    if (const auto* reals = std::get_if<std::vector<double>>(&found->second.value)) {
      copy(*reals);
    } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&found->second.value)) {
      copy(*integers);
    } else {
      refuse("scores", "another type", "an array of numbers");
    }
    return scores;
  }

  PipelineTokenizer::Parts build_sentencepiece_parts(bool bpe) {
    add_bos_ = bpe;
    add_eos_ = !bpe;
    SentencePieceParts sp;
    sp.algorithm = bpe ? SentencePieceParts::Algorithm::kBpe : SentencePieceParts::Algorithm::kUnigram;
    sp.pieces = tokens_;
    sp.scores = read_scores();
    sp.types = types_;
    sp.byte_fallback = std::find(types_.begin(), types_.end(), PieceType::kByte) != types_.end();
    if (const auto* map = file_.get_ints(key("precompiled_charsmap"))) {
      for (int64_t byte : *map) sp.charsmap.push_back(static_cast<char>(byte));
    }
    sp.add_dummy_prefix = flag("add_space_prefix").value_or(bpe);
    sp.remove_extra_whitespaces = flag("remove_extra_whitespaces").value_or(false);
    using LeadingSpace = Tokenizer::LeadingSpace;
    leading_space_ = sp.remove_extra_whitespaces ? LeadingSpace::kDropAll
                     : sp.add_dummy_prefix       ? LeadingSpace::kDropOne
                                                 : LeadingSpace::kKeep;
    return build_sentencepiece(std::move(sp), "tokenizer.ggml.tokens");
  }

  // WordPiece

  PipelineTokenizer::Parts build_bert_parts() {
    add_bos_ = add_sep_ = true;
    leading_space_ = Tokenizer::LeadingSpace::kDropOne;
    const auto unk = id("unknown", 100);
    if (!unk) refuse("unknown_token_id", "none", "the token of words that cannot be put together");
    BertNorm norm{.lowercase = flag("normalizer.lowercase").value_or(true)};
    norm.strip_accents = flag("normalizer.strip_accents").value_or(norm.lowercase);
    std::vector<bool> added(tokens_.size());
    for (size_t i = 0; i < tokens_.size(); ++i) added[i] = is_added(i);
    return build_bert(tokens_, added, *unk, norm);
  }

  // what all have

  /// Phi-3's markup takes the white space behind it, which GGUF has no field for.
  bool strips_after_markup() const {
    std::string name = file_.get_string("general.name").value_or("");
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    return name.find("phi-3") != name.npos || name.find("phi3") != name.npos;
  }

  void add_added_tokens(PipelineTokenizer::Parts& parts, bool user_defined_too) const {
    const bool strips = strips_after_markup();
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (!is_added(i) || (types_[i] == PieceType::kUserDefined && !user_defined_too)) continue;
      const bool bare = tokens_[i] == "<unk>" || tokens_[i] == "<s>" || tokens_[i] == "<|endoftext|>";
      parts.raw_added.add({.content = std::string(tokens_[i]),
                           .id = static_cast<TokenId>(i),
                           .special = types_[i] != PieceType::kUserDefined,
                           .rstrip = strips && !bare});
    }
  }

  std::unique_ptr<Tokenizer> finish(PipelineTokenizer::Parts parts, const std::string& model) {
    const bool llama = model == "llama", t5 = model == "t5", bert = model == "bert";
    const auto some = [](bool wanted, TokenId id) { return wanted ? std::optional(id) : std::nullopt; };
    const auto bos = id("bos", bert ? id("cls", 101) : some(llama, 1)),
               eos = id("eos", llama ? some(true, 2) : some(t5, 1));
    const auto unknown = std::find(types_.begin(), types_.end(), PieceType::kUnknown);
    const auto unk =
        id("unknown",
           bert ? some(true, 100) : some(unknown != types_.end(), static_cast<TokenId>(unknown - types_.begin())));
    const auto pad = id("padding", some(t5 || bert, 0)), sep = id("seperator", some(bert, 102));  // so it is spelled
    // A file may forget that what ends an answer is markup.
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (types_[i] != PieceType::kControl && types_[i] != PieceType::kByte && tokens_[i] != "</s>" &&
          is_end_name(tokens_[i])) {
        types_[i] = PieceType::kControl;
      }
    }
    parts.special.resize(tokens_.size());
    for (size_t i = 0; i < tokens_.size(); ++i) {
      parts.special[i] = types_[i] == PieceType::kControl || types_[i] == PieceType::kUnknown;
    }
    add_added_tokens(parts, /*user_defined_too=*/!llama && !t5);
    if (!llama && !t5) {
      parts.by_piece = PieceIndex(*parts.pieces, tokens_.size());
      for (size_t i = 0; i < tokens_.size(); ++i) {
        if (!tokens_[i].empty()) parts.by_piece.insert(static_cast<TokenId>(i));
      }
    }
    const bool add_bos = flag("add_bos_token").value_or(add_bos_) && bos;
    const bool add_eos = flag("add_eos_token").value_or(add_eos_) && eos;
    if (add_bos) parts.prefix = {*bos};
    if (add_eos) parts.suffix = {*eos};
    if (add_sep_ && sep) parts.suffix = {*sep};

    auto tokenizer = std::make_unique<PipelineTokenizer>(std::move(parts));
    tokenizer->bos = bos;
    tokenizer->eos = eos;
    tokenizer->unk = unk;
    tokenizer->pad = pad;
    tokenizer->add_bos = add_bos;
    tokenizer->add_eos = add_eos;
    tokenizer->leading_space = leading_space_;
    tokenizer->chat_template = file_.get_string("tokenizer.chat_template").value_or("");
    const auto fim = [&](const char* name, const char* older) { return id(name, id(older, std::nullopt)); };
    tokenizer->fim = {fim("fim_pre", "prefix"),    fim("fim_suf", "suffix"),    fim("fim_mid", "middle"),
                      id("fim_pad", std::nullopt), id("fim_rep", std::nullopt), id("fim_sep", std::nullopt)};
    std::vector<TokenId> ends;
    for (const char* name : {"eot", "eom"}) {
      if (const auto end = id(name, std::nullopt)) ends.push_back(*end);
    }
    find_end_of_generation(*tokenizer, ends);
    return tokenizer;
  }

  const GgufFile& file_;
  std::vector<std::string_view> tokens_;
  std::vector<PieceType> types_;
  bool add_bos_ = false, add_eos_ = false, add_sep_ = false;
  Tokenizer::LeadingSpace leading_space_ = Tokenizer::LeadingSpace::kKeep;
  std::string word_;
};

}  // namespace

std::unique_ptr<Tokenizer> Tokenizer::from_gguf(const formats::GgufFile& file) { return GgufTokenizer(file).load(); }

}  // namespace orrery::text
