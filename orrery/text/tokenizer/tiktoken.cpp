#include "orrery/text/tokenizer/tiktoken.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "orrery/base/error.h"
#include "orrery/text/tokenizer/base64.h"
#include "orrery/text/tokenizer/bpe.h"
#include "orrery/text/tokenizer/byte_level.h"
#include "orrery/text/tokenizer/pipeline.h"
#include "orrery/text/tokenizer/pre_kinds.h"
#include "orrery/text/tokenizer/special_names.h"

namespace orrery::text {

namespace {

constexpr size_t kMaxTokens = 1 << 22;
constexpr int kSpecialTokens = 256;  // after the ranks

/// Llama 3.1's special tokens by their place after the ranks; those without a name here are reserved.
std::vector<std::string> special_names() {
  std::vector<std::string> names(kSpecialTokens);
  names[0] = "<|begin_of_text|>";
  names[1] = "<|end_of_text|>";
  names[4] = "<|finetune_right_pad_id|>";
  names[6] = "<|start_header_id|>";
  names[7] = "<|end_header_id|>";
  names[8] = "<|eom_id|>";
  names[9] = "<|eot_id|>";
  names[10] = "<|python_tag|>";
  int reserved = 0;
  for (std::string& name : names)
    if (name.empty()) name = fmt::format("<|reserved_special_token_{}|>", reserved++);
  return names;
}

/// The words in the order of their ranks, which are their ids.
std::vector<std::string> read_words(std::string_view text, const std::string& name) {
  std::vector<std::string> words;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::string where = fmt::format("{}, line {}", name, number);
    const auto refuse = [&](std::string found, std::string expected) {
      throw Error({.doing = "read a tiktoken vocabulary",
                   .where = where,
                   .found = std::move(found),
                   .expected = std::move(expected)});
    };
    const size_t space = line.find(' ');
    if (space == line.npos) refuse("one word", "a token in Base64 and its rank");
    size_t rank = 0;
    const auto [stop, failure] = std::from_chars(line.data() + space + 1, line.data() + line.size(), rank);
    if (failure != std::errc() || stop != line.data() + line.size() || rank != words.size() || rank >= kMaxTokens)
      refuse("the rank " + std::string(line.substr(space + 1)), fmt::format("{}, the next", words.size()));
    words.push_back(decode_base64(line.substr(0, space), where));
    if (words.back().empty()) refuse("an empty token", "one byte at least");
  }
  return words;
}

}  // namespace

bool is_tiktoken(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  const size_t space = line.find(' ');
  if (space == 0 || space == line.npos || space % 4 != 0) return false;
  const std::string_view word = line.substr(0, space), rank = line.substr(space + 1);
  const auto is_base64 = [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '/' || c == '='; };
  return std::ranges::all_of(word, is_base64) && (rank == "0" || rank == "0\r");
}

TiktokenVocabulary read_tiktoken(std::string_view text, const std::string& name) {
  return {read_words(text, name), special_names()};
}

std::unique_ptr<Tokenizer> load_tiktoken(std::string_view text, const std::string& name) {
  const auto [words, special] = read_tiktoken(text, name);
  const auto ranks = static_cast<TokenId>(words.size());
  const PreKind& kind = *find_pre_kind("llama-bpe");

  PipelineTokenizer::Parts parts;
  parts.by_word = std::make_unique<PieceIndex>(*parts.bytes, words.size());
  std::string piece;
  for (const std::string& word : words) {
    piece.clear();
    append_byte_level(piece, word);
    const TokenId id = parts.pieces->add(piece);
    parts.bytes->add(word);
    parts.by_word->insert(id);
  }
  parts.special.assign(words.size() + special.size(), false);
  for (const std::string& token : special) {
    const TokenId id = parts.pieces->add(token);
    parts.bytes->add(token);
    parts.special[id] = true;
    parts.raw_added.add({.content = token, .id = id, .special = true});
  }
  auto bpe = std::make_unique<Bpe>(*parts.bytes, *parts.by_word, BpeOptions{.bytes = true, .ignore_merges = true});
  bpe->add_merges_by_id();
  bpe->finish();
  parts.model = std::move(bpe);
  parts.pre_tokenizer = make_split(kind.patterns.front(), SplitBehavior::kIsolated, false);
  parts.by_piece = PieceIndex(*parts.pieces, words.size() + special.size());
  for (TokenId id = 0; id < ranks + kSpecialTokens; ++id) parts.by_piece.insert(id);
  parts.prefix = {ranks};

  auto tokenizer = std::make_unique<PipelineTokenizer>(std::move(parts));
  tokenizer->bos = ranks;
  tokenizer->eos = ranks + 1;
  tokenizer->pad = ranks + 4;
  tokenizer->add_bos = true;
  find_end_of_generation(*tokenizer, {});
  return tokenizer;
}

}  // namespace orrery::text
