#include <algorithm>

#include "orrery/text/tokenizer/tokenizer.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool keep_special, std::vector<TokenId> shown)
    : tokenizer_(&tokenizer), keep_special_(keep_special), shown_(std::move(shown)) {}

std::string StreamDecoder::push(TokenId id) {
  const bool shown = keep_special_ || std::find(shown_.begin(), shown_.end(), id) != shown_.end();
  std::string_view bytes = tokenizer_->bytes(id, shown);
  if (at_start_ && !bytes.empty()) {
    using LeadingSpace = Tokenizer::LeadingSpace;
    const LeadingSpace rule = tokenizer_->leading_space;
    if (rule != LeadingSpace::kKeep && bytes.starts_with(' ')) bytes.remove_prefix(1);
    while (rule == LeadingSpace::kDropAll && bytes.starts_with(' ')) bytes.remove_prefix(1);
    at_start_ = rule == LeadingSpace::kDropAll && bytes.empty();
  }
  pending_ += bytes;
  std::string text;
  size_t at = 0;
  while (at < pending_.size()) {
    const Utf8Prefix prefix = utf8_prefix(std::string_view(pending_).substr(at));
    if (prefix.kind == Utf8Prefix::Kind::kUnfinished) break;
    if (prefix.kind == Utf8Prefix::Kind::kCharacter) {
      text.append(pending_, at, prefix.length);
    } else {
      text += kReplacementCharacter;
    }
    at += prefix.length;
  }
  pending_.erase(0, at);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text = pending_.empty() ? "" : std::string(kReplacementCharacter);
  pending_.clear();
  return text;
}

}  // namespace orrery::text
