#include "orrery/text/pictures/fuyu_text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "orrery/base/error.h"

namespace orrery::text {
namespace {

/// A tag as people write it, and the token it is (either may stand in a text).
struct Tag {
  std::string_view written, piece;
  bool opens;
};
constexpr Tag kTags[] = {
    {"<box>", "<0x00>", true}, {"</box>", "<0x01>", false}, {"<point>", "<0x02>", true}, {"</point>", "<0x03>", false}};

struct FoundTag {
  size_t begin, end;
  bool opens;
};

std::optional<FoundTag> find_tag(std::string_view text) {
  std::optional<FoundTag> first;
  for (const Tag& tag : kTags)
    for (const std::string_view spelling : {tag.written, tag.piece})
      if (const size_t at = text.find(spelling); at != text.npos && (!first || at < first->begin))
        first = {at, at + spelling.size(), tag.opens};
  return first;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Rounds a half to the even neighbour, as numpy does.
TokenId coordinate(const Tokenizer& tokenizer, std::string_view number, double scale) {
  const std::string_view digits = trimmed(number);
  double value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure == std::errc() && end == digits.data() + digits.size() && std::abs(value) < 1e9)
    if (const auto token = tokenizer.find(fmt::format("{}", static_cast<int64_t>(std::nearbyint(value / 2 * scale)))))
      return *token;
  throw Error({.doing = "point at a place in a picture",
               .where = std::string(number),
               .found = "no number that the model has a token for",
               .expected = "pixels inside the picture"});
}

void add_place(const Tokenizer& tokenizer, std::string_view text, double scale, std::vector<TokenId>& tokens) {
  std::vector<TokenId> numbers;
  for (std::string_view rest = text;;) {
    const size_t comma = rest.find(',');
    numbers.push_back(coordinate(tokenizer, rest.substr(0, comma), scale));
    if (comma == rest.npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (numbers.size() != 2 && numbers.size() != 4)
    throw Error({.doing = "point at a place in a picture",
                 .where = std::string(text),
                 .found = fmt::format("{} numbers", numbers.size()),
                 .expected = "<point>x, y</point> or <box>top, left, bottom, right</box>"});
  const size_t kind = numbers.size() == 2 ? 2 : 0;
  tokens.push_back(fuyu_token(tokenizer, kTags[kind].piece));
  tokens.insert(tokens.end(), numbers.begin(), numbers.end());
  tokens.push_back(fuyu_token(tokenizer, kTags[kind + 1].piece));
}

}  // namespace

TokenId fuyu_token(const Tokenizer& tokenizer, std::string_view piece) {
  if (const auto token = tokenizer.find(piece)) return *token;
  throw Error({.doing = "write a prompt with a picture",
               .where = "the tokenizer",
               .found = fmt::format("no token {}", piece),
               .expected = "Fuyu's vocabulary"});
}

std::vector<TokenId> fuyu_text_tokens(const Tokenizer& tokenizer, std::string_view text, double scale) {
  std::vector<TokenId> tokens;
  bool is_place = false;
  while (true) {
    const std::optional<FoundTag> tag = find_tag(text);
    const std::string_view piece = text.substr(0, tag ? tag->begin : text.npos);
    if (is_place && !piece.empty()) {
      add_place(tokenizer, piece, scale, tokens);
    } else if (!piece.empty()) {
      const auto more = tokenizer.encode(piece, {.add_special = false});
      tokens.insert(tokens.end(), more.begin(), more.end());
    }
    if (!tag) return tokens;
    is_place = tag->opens;
    text.remove_prefix(tag->end);
  }
}

}  // namespace orrery::text
