#include "orrery/text/documents/html_tokenizer.h"

#include <algorithm>

#include "orrery/text/documents/html_entities.h"

namespace orrery::text {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool has_raw_text(std::string_view element) {
  constexpr std::string_view kElements[] = {"script", "style",   "textarea", "title",
                                            "iframe", "noembed", "noframes", "xmp"};
  return std::ranges::find(kElements, element) != std::end(kElements);
}

struct Attribute {
  std::string_view name, value;
};

// Takes one attribute of a tag's inside: name, name=value, name='value', name="value". False where none is left.
bool take_attribute(std::string_view& inside, Attribute& attribute) {
  const auto skip = [&](auto belongs) {
    size_t size = 0;
    while (size < inside.size() && belongs(inside[size])) ++size;
    const std::string_view taken = inside.substr(0, size);
    inside.remove_prefix(size);
    return taken;
  };
  skip([](char c) { return is_blank(c) || c == '/'; });
  if (inside.empty() || inside[0] == '>') return false;
  const size_t first = inside[0] == '=';  // an attribute's name may begin with '='
  size_t end = first;
  while (end < inside.size() && !is_blank(inside[end]) &&
         std::string_view("/>=").find(inside[end]) == std::string_view::npos)
    ++end;
  attribute = {.name = inside.substr(0, end)};
  inside.remove_prefix(end);
  skip(is_blank);
  if (inside.empty() || inside[0] != '=') return true;
  inside.remove_prefix(1);
  skip(is_blank);
  if (inside.empty() || (inside[0] != '"' && inside[0] != '\'')) {
    attribute.value = skip([](char c) { return !is_blank(c) && c != '>'; });
    return true;
  }
  const char quote = inside[0];
  inside.remove_prefix(1);
  attribute.value = inside.substr(0, inside.find(quote));
  inside.remove_prefix(std::min(attribute.value.size() + 1, inside.size()));
  return true;
}

}  // namespace

std::string HtmlToken::attribute(std::string_view wanted) const {
  std::string_view inside = attributes;
  for (Attribute found; take_attribute(inside, found);)
    if (equal_letters(found.name, wanted)) return resolve_references(found.value);
  return "";
}

bool HtmlTokenizer::next(HtmlToken& token) {
  if (!raw_.empty()) {
    take_raw_text(token);
    if (!token.text.empty()) return true;
  }
  while (!rest_.empty()) {
    if (rest_[0] == '<') {
      if (take_declaration()) continue;
      if (take_tag(token)) return true;
      if (rest_.empty()) return false;
    }
    // A '<' that opens nothing is text.
    const size_t size = std::min(rest_.find('<', 1), rest_.size());
    token = {.kind = HtmlToken::Kind::kText, .text = rest_.substr(0, size)};
    rest_.remove_prefix(size);
    return true;
  }
  return false;
}

// <!-- … -->, <!doctype …>, <? … >, </ … > that closes nothing. An unfinished one takes all that is left.
bool HtmlTokenizer::take_declaration() {
  size_t end;
  if (rest_.starts_with("<!--")) {
    const bool closed_at_once = rest_.starts_with("<!-->") || rest_.starts_with("<!--->");
    end = closed_at_once ? rest_.find('>') : rest_.find("-->", 4);
    if (end != rest_.npos && !closed_at_once) end += 2;
  } else if (rest_.starts_with("<!") || rest_.starts_with("<?") ||
             (rest_.starts_with("</") && rest_.size() > 2 && !is_letter(rest_[2]))) {
    end = rest_.find('>');
  } else {
    return false;
  }
  rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
  return true;
}

// False where it is none; then also at the end of an unfinished one, which takes all that is left.
bool HtmlTokenizer::take_tag(HtmlToken& token) {
  const bool close = rest_.starts_with("</");
  const size_t begin = close ? 2 : 1;
  if (rest_.size() <= begin || !is_letter(rest_[begin])) return false;
  size_t end = begin;
  while (end < rest_.size() && !is_blank(rest_[end]) && rest_[end] != '/' && rest_[end] != '>') ++end;
  token = {.kind = close ? HtmlToken::Kind::kClose : HtmlToken::Kind::kOpen};
  std::ranges::transform(rest_.substr(begin, end - begin), std::back_inserter(token.name), lower);
  std::string_view after = rest_.substr(end);
  for (Attribute passed_over; take_attribute(after, passed_over);) continue;
  if (after.empty()) {
    rest_ = {};
    return false;
  }
  token.attributes = rest_.substr(end, rest_.size() - end - after.size());
  token.self_closing = token.attributes.ends_with('/');
  rest_ = after.substr(1);
  if (!close && has_raw_text(token.name)) raw_ = token.name;
  return true;
}

void HtmlTokenizer::take_raw_text(HtmlToken& token) {
  size_t end = rest_.find("</");
  while (end != rest_.npos && !equal_letters(rest_.substr(end + 2, raw_.size()), raw_)) end = rest_.find("</", end + 2);
  token = {.kind = HtmlToken::Kind::kText, .text = rest_.substr(0, end), .name = raw_};
  rest_.remove_prefix(token.text.size());
  raw_.clear();
}

}  // namespace orrery::text
