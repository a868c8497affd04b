// tokenizer.json (huggingface/tokenizers): one member per part of the pipeline.
#include <fmt/format.h>

#include <algorithm>

#include "orrery/text/tokenizer/bpe.h"
#include "orrery/text/tokenizer/byte_level.h"
#include "orrery/text/tokenizer/decoder_json.h"
#include "orrery/text/tokenizer/hub_json.h"
#include "orrery/text/tokenizer/loaders.h"
#include "orrery/text/tokenizer/normalizer_json.h"
#include "orrery/text/tokenizer/pipeline.h"
#include "orrery/text/tokenizer/post_processor_json.h"
#include "orrery/text/tokenizer/pre_tokenizer_json.h"
#include "orrery/text/tokenizer/unigram.h"
#include "orrery/text/tokenizer/word_piece.h"

namespace orrery::text {

namespace {

/// The texts of the model's own vocabulary by id; empty where an id is skipped.
std::vector<std::string_view> read_vocabulary(const JsonView& json) {
  std::vector<std::string_view> pieces;
  if (json.value().is_array()) {  // Unigram: [["▁the", -3.2], …]
    for (const JsonView& entry : json.elements()) {
      if (!entry.value().is_array() || entry.value().size() != 2) entry.mistyped("a piece and its score");
      pieces.push_back(entry.elements()[0].string());
    }
    return pieces;
  }
  if (!json.value().is_object()) json.mistyped("pieces and their ids");
  const int64_t limit = static_cast<int64_t>(json.value().size()) * 16 + 65536;  // ids may be skipped, but not wildly
  for (const auto& [piece, value] : json.value().items()) {
    const int64_t id = JsonView(value, json.where() + "." + piece).integer();
    if (id < 0 || id >= limit) json.fail(fmt::format("the id {} of {}", id, piece), fmt::format("0 … {}", limit - 1));
    if (static_cast<size_t>(id) >= pieces.size()) pieces.resize(static_cast<size_t>(id) + 1);
    std::string_view& place = pieces[static_cast<size_t>(id)];
    if (!place.empty()) json.fail(fmt::format("the id {} of both {} and {}", id, place, piece), "ids that differ");
    place = piece;
  }
  return pieces;
}

class Loader {
 public:
  Loader(const nlohmann::json& document, const std::string& name, const HubConfig& config)
      : json_(document, name), model_json_(json_.at("model")), config_(config) {}

  std::unique_ptr<Tokenizer> load() {
    if (const auto normalizer = json_.find("normalizer")) parts_.normalizer = normalizer_from_json(*normalizer);
    JsonPreTokenizer pre_tokenizer = pre_tokenizer_from_json(json_.find("pre_tokenizer"));
    parts_.pre_tokenizer = std::move(pre_tokenizer.stages);
    JsonDecoder decoder = decoder_from_json(json_.find("decoder"));
    if (!decoder.only_byte_level) parts_.decoding = PipelineTokenizer::Decoding::kChain;
    parts_.decoder = std::move(decoder.steps);

    add_pieces(pre_tokenizer.gives_bytes);
    add_added_tokens();
    for (TokenId id = 0; id < parts_.pieces->size(); ++id) {
      const auto other = parts_.decoded_piece.find(id);
      parts_.bytes->add(
          decoder.per_token.bytes(other == parts_.decoded_piece.end() ? (*parts_.pieces)[id] : other->second));
    }
    parts_.by_piece = PieceIndex(*parts_.pieces, static_cast<size_t>(parts_.pieces->size()));
    for (TokenId id = 0; id < parts_.pieces->size(); ++id) {
      if (!(*parts_.pieces)[id].empty()) parts_.by_piece.insert(id);
    }
    parts_.model = read_model(pre_tokenizer.gives_bytes);
    if (const auto post = json_.find("post_processor")) {
      const SurroundingTokens around = post_processor_from_json(*post, parts_.pieces->size());
      parts_.prefix = around.before;
      parts_.suffix = around.after;
    }
    return finish(decoder.per_token);
  }

 private:
  /// Fills the table of pieces and what the model looks words up in.
  void add_pieces(bool gives_bytes) {
    vocabulary_ = read_vocabulary(model_json_.at("vocab"));
    size_t bytes = 0;
    for (std::string_view piece : vocabulary_) bytes += piece.size();
    parts_.pieces->reserve(vocabulary_.size(), bytes);
    for (std::string_view piece : vocabulary_) parts_.pieces->add(piece);
    const PieceTable* words = parts_.pieces.get();
    std::vector<bool> is_word(vocabulary_.size(), true);
    if (gives_bytes) {
      parts_.words = std::make_unique<PieceTable>();
      parts_.words->reserve(vocabulary_.size(), bytes);
      std::string word;
      for (size_t i = 0; i < vocabulary_.size(); ++i) {
        word.clear();
        is_word[i] = append_byte_level_bytes(word, vocabulary_[i]);
        parts_.words->add(word);
      }
      words = parts_.words.get();
    }
    words_ = words;
    by_word_ = PieceIndex(*words, vocabulary_.size());
    for (size_t i = vocabulary_.size(); i-- > 0;) {  // of equals, the last one counts
      if (is_word[i] && !vocabulary_[i].empty()) by_word_.insert(static_cast<TokenId>(i));
    }
    parts_.by_word = std::make_unique<PieceIndex>(std::move(by_word_));
  }

  /// Tokens that the model has keep its id; others follow behind, whatever id the file says, as the original does it.
  void add_added_tokens() {
    parts_.special.assign(vocabulary_.size(), false);
    const auto list = json_.find("added_tokens");
    if (!list) return;
    PieceIndex known(*parts_.pieces, vocabulary_.size());
    for (size_t i = 0; i < vocabulary_.size(); ++i) {
      if (!vocabulary_[i].empty()) known.insert(static_cast<TokenId>(i));
    }
    std::unordered_map<std::string, TokenId> behind;
    for (const JsonView& entry : list->elements()) {
      AddedToken token = added_token_from_json(entry, 0);
      if (token.content.empty()) continue;
      token.id = known.find(token.content);
      if (token.id == kNoToken) {
        const auto [place, added] = behind.try_emplace(token.content, static_cast<TokenId>(parts_.special.size()));
        token.id = place->second;
        if (added) {
          parts_.pieces->add(token.content);
          parts_.special.push_back(false);
        }
      }
      parts_.special[static_cast<size_t>(token.id)] = token.special;
      add_added_token(std::move(token));
    }
  }

  void add_added_token(AddedToken token) {
    if (!token.normalized) return parts_.raw_added.add(std::move(token));
    if (parts_.normalizer) {
      std::string normalized = token.content;
      parts_.normalizer->apply(normalized);
      if (normalized != token.content) parts_.decoded_piece[token.id] = normalized;
      token.content = std::move(normalized);
    }
    parts_.normalized_added.add(std::move(token));
  }

  ModelPtr read_model(bool gives_bytes) {
    std::string type = model_json_.string("type", "");
    if (type.empty())
      type = model_json_.find("merges") ? "BPE" : model_json_.value().contains("unk_id") ? "Unigram" : "WordPiece";
    if (type == "BPE") return read_bpe(gives_bytes);
    if (type == "Unigram") return read_unigram();
    if (type == "WordPiece") return read_word_piece();
    model_json_.fail("the model " + type, "BPE, Unigram or WordPiece");
  }

  std::optional<TokenId> find_word(const std::string& text) const {
    const TokenId id = text.empty() ? kNoToken : parts_.by_word->find(text);
    return id == kNoToken ? std::nullopt : std::optional(id);
  }

  ModelPtr read_bpe(bool gives_bytes) {
    BpeOptions options;
    options.bytes = gives_bytes;
    options.byte_fallback = model_json_.boolean("byte_fallback", false);
    options.fuse_unk = model_json_.boolean("fuse_unk", false);
    options.ignore_merges = model_json_.boolean("ignore_merges", false);
    options.unk = unk_ = find_word(model_json_.string("unk_token", ""));
    options.continuing_subword_prefix = model_json_.string("continuing_subword_prefix", "");
    options.end_of_word_suffix = model_json_.string("end_of_word_suffix", "");
    auto bpe = std::make_unique<Bpe>(*words_, *parts_.by_word, std::move(options));
    const JsonView merges = model_json_.at("merges");
    if (!merges.value().is_array()) merges.mistyped("an array");
    bpe->reserve_merges(merges.value().size());
    std::string left, right;
    size_t i = 0;
    for (const nlohmann::json& merge : merges.value()) {
      const auto where = [&] { return JsonView(merge, fmt::format("{}[{}]", merges.where(), i)); };
      std::string_view a, b;
      if (merge.is_string()) {
        const std::string& text = merge.get_ref<const std::string&>();
        const size_t space = text.find(' ');
        if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
          where().fail(text, "two pieces");
        a = std::string_view(text).substr(0, space);
        b = std::string_view(text).substr(space + 1);
      } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        a = merge[0].get_ref<const std::string&>();
        b = merge[1].get_ref<const std::string&>();
      } else {
        where().mistyped("two pieces");
      }
      left.clear(), right.clear();
      if (gives_bytes && append_byte_level_bytes(left, a) && append_byte_level_bytes(right, b)) a = left, b = right;
      if (!bpe->add_merge(a, b, /*unlisted_too=*/false)) {
        where().fail(merge.dump(), "pieces that are in the vocabulary, as is what they make together");
      }
      ++i;
    }
    bpe->finish();
    return bpe;
  }

  ModelPtr read_unigram() {
    JsonUnigram unigram{.pieces = words_, .index = parts_.by_word.get()};
    unigram.byte_fallback = model_json_.boolean("byte_fallback", false);
    if (const auto unk = model_json_.find("unk_id")) {
      if (unk->integer() < 0 || unk->integer() >= static_cast<int64_t>(vocabulary_.size())) {
        unk->fail(std::to_string(unk->integer()), "the id of a piece");
      }
      unigram.unk = unk_ = static_cast<TokenId>(unk->integer());
    }
    const JsonView vocab = model_json_.at("vocab");
    for (const nlohmann::json& entry : vocab.value()) {
      if (!entry.is_array() || !entry[1].is_number()) vocab.fail(entry.dump(), "a piece and its score");
      unigram.scores.push_back(entry[1].get<double>());
    }
    return make_json_unigram(std::move(unigram));
  }

  ModelPtr read_word_piece() {
    WordPieceOptions options;
    options.continuing_subword_prefix = model_json_.string("continuing_subword_prefix", "##");
    if (const auto most = model_json_.find("max_input_chars_per_word"))
      options.max_input_chars_per_word = most->integer();
    const std::string unk = model_json_.string("unk_token", "[UNK]");
    unk_ = find_word(unk);
    if (!unk_) model_json_.fail("no piece " + unk, "the unknown token in the vocabulary");
    options.unk = *unk_;
    return make_word_piece(*parts_.by_word, std::move(options));
  }

  std::unique_ptr<Tokenizer> finish(const TokenBytes& per_token) {
    const std::vector<TokenId> prefix = parts_.prefix, suffix = parts_.suffix;
    auto tokenizer = std::make_unique<PipelineTokenizer>(std::move(parts_));
    tokenizer->unk = unk_;
    apply_hub_config(config_, *tokenizer);
    const auto holds = [](const std::vector<TokenId>& ids, const std::optional<TokenId>& id) {
      return id && std::find(ids.begin(), ids.end(), *id) != ids.end();
    };
    tokenizer->add_bos = holds(prefix, tokenizer->bos);
    tokenizer->add_eos = holds(suffix, tokenizer->eos);
    using LeadingSpace = Tokenizer::LeadingSpace;
    tokenizer->leading_space = per_token.drops_all_spaces  ? LeadingSpace::kDropAll
                               : per_token.drops_one_space ? LeadingSpace::kDropOne
                                                           : LeadingSpace::kKeep;
    return tokenizer;
  }

  JsonView json_, model_json_;
  const HubConfig& config_;
  std::vector<std::string_view> vocabulary_;
  const PieceTable* words_ = nullptr;
  PieceIndex by_word_;
  std::optional<TokenId> unk_;
  PipelineTokenizer::Parts parts_;
};

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer_json(std::string_view text, const std::string& name,
                                               const HubConfig& config) {
  const nlohmann::json document = parse_hub_json(text, name);
  if (!document.is_object()) JsonView(document, name).mistyped("an object");
  return Loader(document, name, config).load();
}

}  // namespace orrery::text
