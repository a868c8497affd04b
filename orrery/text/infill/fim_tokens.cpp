#include "orrery/text/infill/fim_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "orrery/base/error.h"

namespace orrery::text {

namespace {

using Order = FimTokens::Order;

struct Pieces {
  const char *prefix, *suffix, *middle;
  Order order = Order::kPsm;
  bool has_middle = true;  // false: the vocabulary may have it, but prompts do not
};

constexpr Pieces kFamilies[] = {
    {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},                  // Qwen-Coder, CodeGemma
    {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},                        // StarCoder, Granite, Stable Code
    {"<fim-prefix>", "<fim-suffix>", "<fim-middle>"},                        // SantaCoder
    {"▁<PRE>", "▁<SUF>", "▁<MID>"},                                          // Code Llama
    {"<PRE>", "<SUF>", "<MID>"},                                             // its like
    {"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},                  // DeepSeek-Coder
    {"<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"},               // GLM-4.5
    {"<|prefix|>", "<|suffix|>", "<|middle|>"},                              // Falcon-H1
    {"<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>", Order::kSpm},     // Seed-Coder
    {"[PREFIX]", "[SUFFIX]", "[MIDDLE]", Order::kSpm, /*has_middle=*/false}  // Codestral
};

std::optional<TokenId> first_of(const Tokenizer& tokenizer, std::initializer_list<const char*> pieces) {
  for (const char* piece : pieces)
    if (const auto id = tokenizer.find(piece)) return id;
  return std::nullopt;
}

[[noreturn]] void refuse() {
  std::string looked_for;
  for (const Pieces& family : kFamilies)
    looked_for +=
        fmt::format("{}{} {} {}", looked_for.empty() ? "" : ", ", family.prefix, family.suffix, family.middle);
  throw Error({.doing = "fill in the middle",
               .where = "the model's vocabulary",
               .found = "no tokens for it",
               .expected = "the GGUF keys tokenizer.ggml.fim_pre_token_id, fim_suf_token_id and fim_mid_token_id, or "
                           "tokens such as " +
                           looked_for,
               .advice = "use a model that was trained to complete code, or give a prompt without a suffix"});
}

const Pieces* family_of(const Tokenizer& tokenizer) {
  for (const Pieces& family : kFamilies) {
    if (!tokenizer.find(family.prefix) || !tokenizer.find(family.suffix)) continue;
    if (!family.has_middle || tokenizer.find(family.middle)) return &family;
  }
  return nullptr;
}

void add_ends(FimTokens& tokens, const Tokenizer& tokenizer) {
  tokens.ends = tokenizer.end_of_generation;
  for (const auto id : {std::optional(tokens.prefix), std::optional(tokens.suffix), tokens.middle, tokens.pad,
                        tokens.repo, tokens.file, tokenizer.find("▁<EOT>"), tokenizer.find("<EOT>")})
    if (id) tokens.ends.push_back(*id);
  std::sort(tokens.ends.begin(), tokens.ends.end());
  tokens.ends.erase(std::unique(tokens.ends.begin(), tokens.ends.end()), tokens.ends.end());
}

}  // namespace

FimTokens find_fim_tokens(const Tokenizer& tokenizer) {
  const Tokenizer::FillInMiddle& named = tokenizer.fim;
  const Pieces* family = family_of(tokenizer);
  FimTokens tokens;
  if (named.prefix && named.suffix && named.middle) {
    tokens.prefix = *named.prefix;
    tokens.suffix = *named.suffix;
    tokens.middle = named.middle;
    if (family && tokenizer.find(family->prefix) == named.prefix) tokens.order = family->order;
  } else if (family) {
    tokens.prefix = *tokenizer.find(family->prefix);
    tokens.suffix = *tokenizer.find(family->suffix);
    if (family->has_middle) tokens.middle = tokenizer.find(family->middle);
    tokens.order = family->order;
  } else {
    refuse();
  }
  const auto or_else = [&](std::optional<TokenId> id, std::initializer_list<const char*> pieces) {
    return id ? id : first_of(tokenizer, pieces);
  };
  tokens.pad = or_else(named.pad, {"<|fim_pad|>", "<fim_pad>", "<fim-pad>"});
  tokens.repo = or_else(named.repo, {"<|repo_name|>", "<|fim_repo|>", "<repo_name>", "<reponame>", "<REPO>"});
  tokens.file = or_else(named.file, {"<|file_sep|>", "<|file_separator|>", "<file_sep>", "<filename>"});
  if (tokens.repo && tokenizer.piece(*tokens.repo).starts_with("<|")) tokens.repo_end.push_back('\n');
  add_ends(tokens, tokenizer);
  return tokens;
}

}  // namespace orrery::text
