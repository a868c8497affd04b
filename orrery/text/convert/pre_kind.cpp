#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/convert/vocabulary.h"

namespace orrery::text {

namespace {
using Json = nlohmann::json;

struct Kind {
  std::string_view name;
  std::vector<std::string_view> steps;
};

/// Pre-tokenizers of hub models, step by step as steps_of() writes them, and what llama.cpp calls them.
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"gpt-2", {"words"}},
      {"smollm", {"digits", "words"}},
      {"llama-bpe",
       {R"(split (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}},
      {"qwen2",
       {R"(split (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}},
      {"tekken",
       {R"(split [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}},
      {"deepseek-llm",
       {R"(split [\r\n])",
        R"(split \s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)",
        R"(split \s?[!-/:-~！-／：-～‘-‟　-。]+)", R"(split \s+$)", R"(split [一-龥ࠀ-一가-퟿]+)", "digits"}},
      {"deepseek-coder",
       {R"(split [\r\n])", R"(split \s?\p{L}+)", R"(split \s?\p{P}+)", R"(split [一-龥ࠀ-一가-퟿]+)", "digits"}},
  };
  return all;
}

/// "digits": each digit alone; "words": GPT-2's regex; "split R": isolate what the regex matches; anything else as its
/// JSON, which no kind has.
void append_steps(const Json& pre_tokenizer, std::vector<std::string>& steps) {
  const std::string type = pre_tokenizer.value("type", "");
  if (type == "Sequence") {
    const Json parts = pre_tokenizer.value("pretokenizers", Json::array());
    for (const Json& part : parts) append_steps(part, steps);
  } else if (type == "Digits" && pre_tokenizer.value("individual_digits", false)) {
    steps.push_back("digits");
  } else if (type == "ByteLevel" && !pre_tokenizer.value("add_prefix_space", true)) {
    if (pre_tokenizer.value("use_regex", true)) steps.push_back("words");
  } else if (type == "Split" && pre_tokenizer.value("behavior", "") == "Isolated" &&
             !pre_tokenizer.value("invert", false) && pre_tokenizer.at("pattern").contains("Regex")) {
    steps.push_back("split " + pre_tokenizer.at("pattern").at("Regex").get<std::string>());
  } else {
    steps.push_back(pre_tokenizer.dump());
  }
}
}  // namespace

std::string pre_kind(const Json& pre_tokenizer, const std::string& where) try {
  std::vector<std::string> steps;
  append_steps(pre_tokenizer, steps);
  for (const Kind& kind : kinds())
    if (std::ranges::equal(kind.steps, steps)) return std::string(kind.name);
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds()) names.push_back(kind.name);
  throw Error({.doing = "write a tokenizer as GGUF",
               .where = where + ", pre_tokenizer",
               .found = fmt::format("{}", fmt::join(steps, ", then ")),
               .expected = fmt::format("that of one of: {}", fmt::join(names, ", "))});
} catch (const Json::exception&) {
  throw Error({.doing = "write a tokenizer as GGUF",
               .where = where + ", pre_tokenizer",
               .found = "fields of unexpected types",
               .expected = "a pre-tokenizer as the tokenizers library writes it"});
}

}  // namespace orrery::text
