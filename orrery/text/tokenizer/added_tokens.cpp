#include "orrery/text/tokenizer/added_tokens.h"

#include <algorithm>

#include "orrery/text/tokenizer/unicode.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

size_t character_before(std::string_view text, size_t end) {
  do --end;
  while (end > 0 && is_utf8_continuation(text[end]));
  return end;
}

bool is_word_at(std::string_view text, size_t at) { return is_rust_word(decode_utf8(text.data() + at).code); }

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  return (begin == 0 || !is_word_at(text, character_before(text, begin))) &&
         (end == text.size() || !is_word_at(text, end));
}

size_t before_spaces(std::string_view text, size_t begin) {
  while (begin > 0) {
    const size_t before = character_before(text, begin);
    if (!is_space(decode_utf8(text.data() + before).code)) break;
    begin = before;
  }
  return begin;
}

size_t after_spaces(std::string_view text, size_t end) {
  while (end < text.size() && is_space(decode_utf8(text.data() + end).code)) end += utf8_length(text[end]);
  return end;
}

}  // namespace

void AddedTokens::add(AddedToken token) {
  if (token.content.empty()) return;
  const auto first = static_cast<unsigned char>(token.content[0]);
  if (!starts_[first]) first_bytes_ += token.content[0];
  starts_[first] = true;
  trie_.insert(token.content, static_cast<int32_t>(tokens_.size()));
  tokens_.push_back(std::move(token));
}

size_t AddedTokens::find_first_byte(std::string_view text, size_t from) const {
  if (first_bytes_.size() == 1) return std::min(text.find(first_bytes_[0], from), text.size());
  while (from < text.size() && !starts_[static_cast<unsigned char>(text[from])]) ++from;
  return from;
}

void AddedTokens::split(std::string_view text, bool parse_special, FunctionRef<void(size_t, size_t)> on_text,
                        FunctionRef<void(TokenId)> on_token) const {
  size_t done = 0;
  for (size_t at = 0; !tokens_.empty() && (at = find_first_byte(text, at)) < text.size();) {
    const ByteTrie::Match match = trie_.longest(text.substr(at));
    if (match.length == 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(match.value)];
    size_t begin = at, end = at + match.length;
    at = end;
    if (token.special && !parse_special) continue;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.lstrip) begin = std::max(before_spaces(text, begin), done);
    if (token.rstrip) end = after_spaces(text, end);
    if (done < begin) on_text(done, begin);
    on_token(token.id);
    done = end;
  }
  if (done < text.size()) on_text(done, text.size());
}

}  // namespace orrery::text
