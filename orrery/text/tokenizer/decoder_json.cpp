#include "orrery/text/tokenizer/decoder_json.h"

#include <algorithm>

#include "orrery/text/tokenizer/byte_level.h"
#include "orrery/text/tokenizer/normalizer_json.h"
#include "orrery/text/tokenizer/regex.h"
#include "orrery/text/tokenizer/rewrite.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

using Tokens = std::vector<std::string>;

/// A step made from a lambda.
template <typename Apply>
class Step final : public Decoder {
 public:
  explicit Step(Apply apply) : apply_(std::move(apply)) {}
  void apply(Tokens& tokens) const override { apply_(tokens); }

 private:
  Apply apply_;
};

template <typename Apply>
DecoderPtr make_step(Apply apply) {
  return std::make_unique<Step<Apply>>(std::move(apply));
}

void join_bytes(Tokens& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) {
    if (!append_byte_level_bytes(bytes, token)) bytes += token;
  }
  tokens = {repair_utf8(bytes)};
}

void fuse(Tokens& tokens) {
  std::string all;
  for (const std::string& token : tokens) all += token;
  tokens = {std::move(all)};
}

/// Runs of <0x..> become text where they are UTF-8, else one U+FFFD for each.
void join_fallback_bytes(Tokens& tokens) {
  Tokens out;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (is_utf8(bytes)) {
      out.push_back(bytes);
    } else {
      out.insert(out.end(), bytes.size(), std::string(kReplacementCharacter));
    }
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const int byte = fallback_byte(token); byte >= 0) {
      bytes.push_back(static_cast<char>(byte));
      continue;
    }
    flush();
    out.push_back(std::move(token));
  }
  flush();
  tokens = std::move(out);
}

/// WordPiece's clean-up of spaces that English does not have.
void clean_up(std::string& text) {
  static constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) replace_all(text, from, to);
}

DecoderPtr strip_from_json(const JsonView& json, TokenBytes& per_token) {
  const std::string content = json.at("content").string();
  const int64_t start = json.at("start").integer(), stop = json.at("stop").integer();
  if (content.empty()) json.fail("nothing to strip", "one character");
  if (content == " " && start > 0) per_token.drops_one_space = true;
  return make_step([content, start, stop](Tokens& tokens) {
    for (std::string& token : tokens) {
      size_t begin = 0, end = token.size();
      for (int64_t i = 0; i < start && token.compare(begin, content.size(), content) == 0; ++i) begin += content.size();
      for (int64_t i = 0; i < stop && end >= begin + content.size() &&
                          token.compare(end - content.size(), content.size(), content) == 0;
           ++i) {
        end -= content.size();
      }
      token = token.substr(begin, end - begin);
    }
  });
}

DecoderPtr metaspace_decoder(const JsonView& json, TokenBytes& per_token) {
  const std::string replacement = json.string("replacement", "\xE2\x96\x81");
  const bool prepends = json.string("prepend_scheme", "always") != "never" && json.boolean("add_prefix_space", true);
  per_token.replace.emplace_back(replacement, " ");
  per_token.drops_all_spaces |= prepends;
  return make_step([replacement, prepends](Tokens& tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) replace_all(tokens[i], replacement, i == 0 && prepends ? "" : " ");
  });
}

DecoderPtr replace_decoder(const JsonView& json, TokenBytes& per_token) {
  const JsonView pattern = json.at("pattern");
  const std::string content = json.at("content").string();
  if (const auto literal = pattern.find("String"); literal && !literal->string().empty()) {
    const std::string from = literal->string();
    per_token.replace.emplace_back(from, content);
    return make_step([from, content](Tokens& tokens) {
      for (std::string& token : tokens) replace_all(token, from, content);
    });
  }
  return make_step([regex = Regex(pattern_from_json(pattern)), content](Tokens& tokens) {
    for (std::string& token : tokens) {
      std::string out;
      size_t at = 0;
      for (Regex::Search search(regex, token); search.next(); at = search.end()) {
        out.append(token, at, search.begin() - at).append(content);
      }
      token = std::move(out.append(token, at));
    }
  });
}

DecoderPtr word_piece_from_json(const JsonView& json, TokenBytes& per_token) {
  const std::string prefix = json.string("prefix", "##");
  const bool cleanup = json.boolean("cleanup", true);
  per_token.space_before = per_token.drops_one_space = true;
  per_token.continuing_prefix = prefix;
  return make_step([prefix, cleanup](Tokens& tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::string& token = tokens[i];
      if (i > 0) token = token.starts_with(prefix) ? token.substr(prefix.size()) : " " + token;
      if (cleanup) clean_up(token);
    }
  });
}

DecoderPtr bpe_from_json(const JsonView& json, TokenBytes& per_token) {
  const std::string suffix = json.string("suffix", "</w>");
  per_token.replace.emplace_back(suffix, " ");
  return make_step([suffix](Tokens& tokens) {
    for (std::string& token : tokens) replace_all(token, suffix, &token == &tokens.back() ? "" : " ");
  });
}

DecoderPtr ctc_from_json(const JsonView& json) {
  return make_step([pad = json.string("pad_token", "<pad>"), delimiter = json.string("word_delimiter_token", "|"),
                    cleanup = json.boolean("cleanup", true)](Tokens& tokens) {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      replace_all(token, pad, "");
      if (!cleanup) continue;
      clean_up(token);
      replace_all(token, delimiter, " ");
    }
    std::erase(tokens, "");
  });
}

size_t bytes_of(const Tokens& tokens) {
  size_t bytes = 0;
  for (const std::string& token : tokens) bytes += token.size();
  return bytes;
}

class Steps final : public Decoder {
 public:
  explicit Steps(std::vector<DecoderPtr> steps) : steps_(std::move(steps)) {}
  void apply(Tokens& tokens) const override {
    const size_t before = bytes_of(tokens);
    for (const auto& step : steps_) {
      step->apply(tokens);
      check_growth(before, bytes_of(tokens), "decoder");
    }
  }

 private:
  std::vector<DecoderPtr> steps_;
};

void add_steps(const JsonView& json, std::vector<DecoderPtr>& steps, TokenBytes& per_token, int depth = 0) {
  const std::string& type = json.at("type").string();
  if (type == "Sequence") {
    if (depth == kMaxJsonNesting) json.fail("sequences nested too deeply", "a flat list");
    for (const JsonView& part : json.at("decoders").elements()) add_steps(part, steps, per_token, depth + 1);
  } else if (type == "ByteLevel") {
    per_token.byte_level = true;
    steps.push_back(make_step(join_bytes));
  } else if (type == "ByteFallback") {
    per_token.byte_fallback = true;
    steps.push_back(make_step(join_fallback_bytes));
  } else if (type == "Fuse") {
    steps.push_back(make_step(fuse));
  } else if (type == "Strip") {
    steps.push_back(strip_from_json(json, per_token));
  } else if (type == "Replace") {
    steps.push_back(replace_decoder(json, per_token));
  } else if (type == "Metaspace") {
    steps.push_back(metaspace_decoder(json, per_token));
  } else if (type == "WordPiece") {
    steps.push_back(word_piece_from_json(json, per_token));
  } else if (type == "BPEDecoder") {
    steps.push_back(bpe_from_json(json, per_token));
  } else if (type == "CTC") {
    steps.push_back(ctc_from_json(json));
  } else {
    json.fail("the decoder " + type,
              "Sequence, ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, WordPiece, BPEDecoder or CTC");
  }
}

}  // namespace

JsonDecoder decoder_from_json(const std::optional<JsonView>& json) {
  JsonDecoder result;
  if (!json) {
    result.per_token.space_before = result.per_token.drops_one_space = true;
    return result;
  }
  std::vector<DecoderPtr> steps;
  add_steps(*json, steps, result.per_token);
  result.only_byte_level = result.per_token.byte_level && steps.size() == 1;
  if (!result.only_byte_level) result.steps = std::make_unique<Steps>(std::move(steps));
  return result;
}

}  // namespace orrery::text
