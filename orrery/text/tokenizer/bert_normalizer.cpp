#include "orrery/text/tokenizer/crate_characters.h"
#include "orrery/text/tokenizer/map_characters.h"
#include "orrery/text/tokenizer/normalizer.h"
#include "orrery/text/tokenizer/unicode_forms.h"

namespace orrery::text {

namespace {

bool is_chinese(char32_t code) {
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
         (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B81F) ||
         (code >= 0x2B920 && code <= 0x2CEAF) || (code >= 0xF900 && code <= 0xFAFF) ||
         (code >= 0x2F800 && code <= 0x2FA1F);
}

void clean(std::string& text) {
  map_characters(text, [](std::string& out, char32_t code, std::string_view utf8) {
    const bool space = is_space(code);
    if (is_bert_other(code) && code != '\t' && code != '\n' && code != '\r') return;
    out += space ? " " : utf8;
  });
}

void space_chinese(std::string& text) {
  map_characters(text, [](std::string& out, char32_t code, std::string_view utf8) {
    if (is_chinese(code)) out += ' ';
    out += utf8;
    if (is_chinese(code)) out += ' ';
  });
}

void drop_accents(std::string& text) {
  normalize_unicode(text, UnicodeForm::kNfd);
  keep_characters(text, [](char32_t code) { return !is_bert_accent(code); });
}

class Bert final : public Normalizer {
 public:
  explicit Bert(const BertNorm& norm) : norm_(norm) {}
  void apply(std::string& text) const override {
    if (norm_.clean) clean(text);
    if (norm_.space_chinese) space_chinese(text);
    if (norm_.strip_accents) drop_accents(text);
    if (norm_.lowercase) lowercase(text);
  }

 private:
  BertNorm norm_;
};

}  // namespace

NormalizerPtr make_bert_normalizer(const BertNorm& norm) { return std::make_unique<Bert>(norm); }

}  // namespace orrery::text
