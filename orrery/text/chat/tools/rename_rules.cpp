#include "orrery/text/chat/tools/rename_rules.h"

namespace orrery::text {

namespace {

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'; }

// Where the literal, character class, token or count that begins at `at` ends; `at` where none begins.
size_t after_quoted(std::string_view gbnf, size_t at) {
  constexpr std::string_view kOpen = "\"[<{", kClose = "\"]>}";
  const size_t kind = kOpen.find(gbnf[at]);
  if (kind == kOpen.npos) return at;
  for (++at; at < gbnf.size() && gbnf[at] != kClose[kind]; ++at)
    if (gbnf[at] == '\\' && kind < 2) ++at;
  return at + 1;
}

}  // namespace

std::string renamed_rules(std::string_view gbnf, std::string_view prefix) {
  std::string out;
  for (size_t at = 0; at < gbnf.size();) {
    size_t end = after_quoted(gbnf, at);
    if (end == at && is_word(gbnf[at])) {
      out += prefix;
      while (end < gbnf.size() && is_word(gbnf[end])) ++end;
    }
    if (end == at) ++end;
    out += gbnf.substr(at, end - at);
    at = end;
  }
  return out;
}

}  // namespace orrery::text
