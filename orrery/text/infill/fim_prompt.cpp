#include "orrery/text/infill/fim_prompt.h"

#include <algorithm>

namespace orrery::text {

namespace {

using Ids = std::vector<TokenId>;

constexpr Tokenizer::EncodeOptions kPlain = {.add_special = false, .parse_special = false};

void append(Ids& out, const Ids& more) { out.insert(out.end(), more.begin(), more.end()); }

// Without the blank that SentencePiece puts before a text: behind a character that joins nothing, which is then cut off
// (Code Llama's and Mistral's own way).
Ids encode_inside(const Tokenizer& tokenizer, const std::string& text) {
  if (text.empty() || tokenizer.leading_space == Tokenizer::LeadingSpace::kKeep) return tokenizer.encode(text, kPlain);
  const std::string joins_nothing = "☺";
  const Ids before = tokenizer.encode(joins_nothing, kPlain);
  Ids ids = tokenizer.encode(joins_nothing + text, kPlain);
  if (ids.size() < before.size() || !std::equal(before.begin(), before.end(), ids.begin()))
    return tokenizer.encode(text, kPlain);
  ids.erase(ids.begin(), ids.begin() + int64_t(before.size()));
  return ids;
}

Ids extra_files(const Tokenizer& tokenizer, const FimTokens& tokens, const FimRequest& request) {
  Ids out;
  if (request.extra.empty()) return out;
  const auto file = [&](const std::string& filename) {
    out.push_back(*tokens.file);
    append(out, encode_inside(tokenizer, filename + "\n"));
  };
  if (tokens.file && tokens.repo) {
    out.push_back(*tokens.repo);
    append(out, encode_inside(tokenizer, request.repo_name + tokens.repo_end));
  }
  for (const FimFile& extra : request.extra) {
    if (tokens.file) {
      file(extra.filename);
    } else {
      append(out, encode_inside(tokenizer, "\n\n--- snippet ---\n\n"));
    }
    append(out, encode_inside(tokenizer, extra.text));
  }
  if (tokens.file) file(request.filename);
  return out;
}

/// Keeps `limit` tokens, the last or the first; returns how many went.
int64_t limit_to(Ids& ids, int64_t limit, bool keep_last) {
  const auto size = int64_t(ids.size());
  if (limit < 0 || size <= limit) return 0;
  if (keep_last) {
    ids.erase(ids.begin(), ids.end() - limit);
  } else {
    ids.resize(size_t(limit));
  }
  return size - limit;
}

}  // namespace

FimLimits llama_cpp_fim_limits(int64_t batch, int64_t context, int64_t max_tokens, int64_t middle_tokens) {
  return {.prefix = 3 * (batch / 4),
          .suffix = std::max<int64_t>(0, batch / 4 - (2 + middle_tokens)),
          .extra = std::max<int64_t>(0, context - batch - 2 * std::max<int64_t>(0, max_tokens))};
}

FimPrompt fim_prompt(const Tokenizer& tokenizer, const FimTokens& tokens, const FimRequest& request,
                     const FimLimits& limits) {
  FimPrompt out;
  Ids extra = extra_files(tokenizer, tokens, request);
  Ids prefix = tokenizer.encode(request.prefix, kPlain), suffix = encode_inside(tokenizer, request.suffix);
  out.dropped_extra = limit_to(extra, limits.extra, /*keep_last=*/true);
  out.dropped_prefix = limit_to(prefix, limits.prefix, /*keep_last=*/true);
  out.dropped_suffix = limit_to(suffix, limits.suffix, /*keep_last=*/false);

  prefix.insert(prefix.begin(), tokens.prefix);
  append(prefix, encode_inside(tokenizer, request.middle));
  suffix.insert(suffix.begin(), tokens.suffix);

  if (tokenizer.add_bos && tokenizer.bos) out.tokens.push_back(*tokenizer.bos);
  append(out.tokens, extra);
  const bool prefix_first = tokens.order == FimTokens::Order::kPsm;
  append(out.tokens, prefix_first ? prefix : suffix);
  append(out.tokens, prefix_first ? suffix : prefix);
  if (tokens.middle) out.tokens.push_back(*tokens.middle);
  return out;
}

}  // namespace orrery::text
