#include "orrery/text/tokenizer/normalizer_json.h"

#include <utf8proc.h>

#include <algorithm>

#include "orrery/text/tokenizer/base64.h"
#include "orrery/text/tokenizer/byte_level.h"
#include "orrery/text/tokenizer/crate_characters.h"
#include "orrery/text/tokenizer/map_characters.h"
#include "orrery/text/tokenizer/regex.h"
#include "orrery/text/tokenizer/rewrite.h"
#include "orrery/text/tokenizer/unicode.h"
#include "orrery/text/tokenizer/unicode_forms.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<NormalizerPtr> parts) : parts_(std::move(parts)) {}
  void apply(std::string& text) const override {
    const size_t before = text.size();
    for (const auto& part : parts_) {
      part->apply(text);
      check_growth(before, text.size(), "normalizer");
    }
  }

 private:
  std::vector<NormalizerPtr> parts_;
};

class Form final : public Normalizer {
 public:
  explicit Form(UnicodeForm form) : form_(form) {}
  void apply(std::string& text) const override { normalize_unicode(text, form_); }

 private:
  UnicodeForm form_;
};

/// A normalizer without state.
template <void (*kApply)(std::string&)>
class Plain final : public Normalizer {
 public:
  void apply(std::string& text) const override { kApply(text); }
};

void strip_accents(std::string& text) {
  keep_characters(text, [](char32_t code) { return !is_accent(code); });
}

/// SentencePiece's NMT rules: no controls, and what is like a space is one.
void normalize_nmt(std::string& text) {
  map_characters(text, [](std::string& out, char32_t code, std::string_view utf8) {
    const bool dropped = (code >= 0x01 && code <= 0x08) || code == 0x0B || (code >= 0x0E && code <= 0x1F) ||
                         code == 0x7F || code == 0x8F || code == 0x9F;
    const bool space = code == 0x09 || code == 0x0A || code == 0x0C || code == 0x0D || code == 0x1680 ||
                       (code >= 0x200B && code <= 0x200F) || code == 0x2028 || code == 0x2029 || code == 0x2581 ||
                       code == 0xFEFF || code == 0xFFFD;
    if (!dropped) out += space ? " " : utf8;
  });
}

void to_byte_level(std::string& text) {
  std::string out;
  append_byte_level(out, text);
  text = std::move(out);
}

class PrependPrefix final : public Normalizer {
 public:
  explicit PrependPrefix(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(std::string& text) const override {
    if (!text.empty()) text.insert(0, prefix_);
  }

 private:
  std::string prefix_;
};

class ReplaceString final : public Normalizer {
 public:
  ReplaceString(std::string pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(std::string& text) const override { replace_all(text, pattern_, content_); }

 private:
  std::string pattern_, content_;
};

class ReplaceRegex final : public Normalizer {
 public:
  ReplaceRegex(std::string_view pattern, std::string content) : regex_(pattern), content_(std::move(content)) {}
  void apply(std::string& text) const override {
    std::string out;
    size_t at = 0;
    for (Regex::Search search(regex_, text); search.next(); at = search.end()) {
      out.append(text, at, search.begin() - at).append(content_);
    }
    text = std::move(out.append(text, at));
  }

 private:
  Regex regex_;
  std::string content_;
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(std::string& text) const override {
    size_t begin = 0, end = text.size();
    while (left_ && begin < end && is_space(decode_utf8(text.data() + begin).code)) begin += utf8_length(text[begin]);
    while (right_ && begin < end) {
      size_t last = end - 1;
      while (is_utf8_continuation(text[last])) --last;
      if (!is_space(decode_utf8(text.data() + last).code)) break;
      end = last;
    }
    text = text.substr(begin, end - begin);
  }

 private:
  bool left_, right_;
};

/// The map applied as huggingface/tokenizers does: to whole grapheme clusters of up to five bytes, by the first key
/// that each starts with, else to their characters.
class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(Charsmap map) : map_(std::move(map)) {}
  void apply(std::string& text) const override {
    std::string out;
    out.reserve(text.size());
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::string_view cluster = rest.substr(0, cluster_length(rest));
      rest.remove_prefix(cluster.size());
      if (cluster.size() == 1 && map_.is_plain(static_cast<unsigned char>(cluster[0]))) {
        out += cluster;
        continue;
      }
      if (const auto match = map_.shortest(cluster); match && cluster.size() < 6) {
        out += match->replacement;
        continue;
      }
      for (size_t at = 0; at < cluster.size();) {
        const std::string_view character = cluster.substr(at, utf8_length(cluster[at]));
        const auto match = map_.shortest(character);
        out += match ? match->replacement : character;
        at += character.size();
      }
    }
    text = std::move(out);
  }

 private:
  static size_t cluster_length(std::string_view text) {
    if (text.size() == 1) return 1;
    if (static_cast<unsigned char>(text[0]) < 128 && static_cast<unsigned char>(text[1]) < 128) {
      return text[0] == '\r' && text[1] == '\n' ? 2 : 1;
    }
    Utf8Char before = decode_utf8(text.data());
    size_t length = before.length;
    utf8proc_int32_t state = 0;
    while (length < text.size()) {
      const Utf8Char after = decode_utf8(text.data() + length);
      if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before.code),
                                           static_cast<utf8proc_int32_t>(after.code), &state)) {
        break;
      }
      length += after.length;
      before = after;
    }
    return length;
  }

  Charsmap map_;
};

BertNorm bert_from_json(const JsonView& json) {
  BertNorm norm{.clean = json.boolean("clean_text", true),
                .space_chinese = json.boolean("handle_chinese_chars", true),
                .lowercase = json.boolean("lowercase", true)};
  norm.strip_accents = json.boolean("strip_accents", norm.lowercase);
  return norm;
}

NormalizerPtr replace_normalizer(const JsonView& json) {
  const JsonView pattern = json.at("pattern");
  const std::string& content = json.at("content").string();
  if (const auto literal = pattern.find("String"); literal && !literal->string().empty()) {
    return std::make_unique<ReplaceString>(literal->string(), content);
  }
  return std::make_unique<ReplaceRegex>(pattern_from_json(pattern), content);
}

/// The steps of nested Sequences, in order.
void flatten_normalizers(const JsonView& json, std::vector<NormalizerPtr>& parts, int depth = 0) {
  if (json.at("type").string() != "Sequence") {
    parts.push_back(normalizer_from_json(json));
    return;
  }
  if (depth == kMaxJsonNesting) json.fail("sequences nested too deeply", "a flat list");
  for (const JsonView& part : json.at("normalizers").elements()) flatten_normalizers(part, parts, depth + 1);
}

}  // namespace

std::string pattern_from_json(const JsonView& json) {
  if (const auto regex = json.find("Regex")) return regex->string();
  std::string escaped;
  for (char c : json.at("String").string()) {
    if (std::string_view("\\.+*?()|[]{}^$#&-~/ ").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

NormalizerPtr normalizer_from_json(const JsonView& json) {
  const std::string& type = json.at("type").string();
  if (type == "Sequence") {
    std::vector<NormalizerPtr> parts;
    flatten_normalizers(json, parts);
    return std::make_unique<NormalizerSequence>(std::move(parts));
  }
  if (type == "NFC") return std::make_unique<Form>(UnicodeForm::kNfc);
  if (type == "NFD") return std::make_unique<Form>(UnicodeForm::kNfd);
  if (type == "NFKC") return std::make_unique<Form>(UnicodeForm::kNfkc);
  if (type == "NFKD") return std::make_unique<Form>(UnicodeForm::kNfkd);
  if (type == "Lowercase") return std::make_unique<Plain<lowercase>>();
  if (type == "StripAccents") return std::make_unique<Plain<strip_accents>>();
  if (type == "Nmt") return std::make_unique<Plain<normalize_nmt>>();
  if (type == "ByteLevel") return std::make_unique<Plain<to_byte_level>>();
  if (type == "Prepend") return std::make_unique<PrependPrefix>(json.at("prepend").string());
  if (type == "Replace") return replace_normalizer(json);
  if (type == "Strip")
    return std::make_unique<Strip>(json.boolean("strip_left", true), json.boolean("strip_right", true));
  if (type == "BertNormalizer") return make_bert_normalizer(bert_from_json(json));
  if (type == "Precompiled") {
    const JsonView map = json.at("precompiled_charsmap");
    return std::make_unique<Precompiled>(Charsmap(decode_base64(map.string(), map.where()), map.where()));
  }
  json.fail("the normalizer " + type,
            "Sequence, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Nmt, Prepend, Replace, Strip, BertNormalizer, "
            "Precompiled "
            "or ByteLevel");
}

}  // namespace orrery::text
