#include "orrery/align/learned_tokens.h"

#include <algorithm>
#include <string_view>

#include "orrery/align/encoded.h"

namespace orrery::align {

namespace {
using Json = nlohmann::ordered_json;

struct Span {
  size_t begin, end;  // bytes of the rendered text
};

/// The assistant's turns in what the template makes of all messages. The template is asked for the conversation up to
/// each of them, with and without it.
std::vector<Span> spans_of_turns(const Record& record, const text::Chat& chat, const std::string& whole) {
  std::vector<Span> spans;
  Json before = Json::array();
  for (const Json& message : record.messages) {
    if (message["role"] == "assistant" && before.size() >= record.given) {
      const std::string prompt = chat.prompt(before, record.tools, true, nullptr);
      before.push_back(message);
      const std::string turn = chat.prompt(before, record.tools, false, nullptr);
      if (!turn.starts_with(prompt) || !whole.starts_with(turn))
        refuse_record(record.place, "a chat template that writes earlier turns otherwise when a conversation goes on",
                      "one that goes on where it was, or a conversation of one answer");
      spans.push_back({prompt.size(), turn.size()});
    } else {
      before.push_back(message);
    }
  }
  return spans;
}

/// Where each token begins in the text; ends with the text's size. Empty where the tokens' bytes are not the text.
std::vector<size_t> places_of(const std::vector<text::TokenId>& tokens, const text::Tokenizer& tokenizer,
                              std::string_view text) {
  std::vector<size_t> places;
  std::string bytes;
  for (const text::TokenId token : tokens) {
    places.push_back(bytes.size());
    bytes += tokenizer.bytes(token, true);
  }
  const size_t added = bytes.size() == text.size() + 1 && bytes.starts_with(' ') ? 1 : 0;  // SentencePiece's own space
  if (std::string_view(bytes).substr(added) != text) return {};
  for (size_t& place : places) place -= std::min(place, added);
  places.push_back(text.size());
  return places;
}

LearnedTokens of_conversation(const Record& record, const text::Tokenizer& tokenizer, const text::Chat& chat) {
  const std::string whole = chat.prompt(record.messages, record.tools, false, nullptr);
  LearnedTokens result;
  result.tokens = tokenizer.encode(whole, {.add_special = false});
  result.learned.resize(result.tokens.size());
  const std::vector<size_t> places = places_of(result.tokens, tokenizer, whole);
  if (places.empty())
    refuse_record(record.place, "tokens whose bytes are not the text", "a tokenizer that keeps the text as it is");
  for (const Span& span : spans_of_turns(record, chat, whole)) {
    for (size_t i = 0; i < result.tokens.size(); ++i) {
      if (places[i] < span.begin || places[i] >= span.end) continue;
      result.learned[i] = true;
      if (tokenizer.is_end_of_generation(result.tokens[i])) break;  // what a template writes behind it is its own
    }
  }
  return result;
}

LearnedTokens of_text(const Record& record, const text::Tokenizer& tokenizer) {
  LearnedTokens result;
  result.tokens = encoded_to_the_end(record.text + record.completion, tokenizer);
  const size_t bos = tokenizer.add_bos && !result.tokens.empty() && result.tokens[0] == tokenizer.bos ? 1 : 0;
  const size_t first = record.whole_text ? bos : common_prefix(encoded(record.text, tokenizer), result.tokens);
  result.learned.resize(result.tokens.size(), true);
  std::fill_n(result.learned.begin(), first, false);
  return result;
}

}  // namespace

LearnedTokens learned_tokens(const Record& record, const text::Tokenizer& tokenizer, const text::Chat& chat) {
  return record.messages.empty() ? of_text(record, tokenizer) : of_conversation(record, tokenizer, chat);
}

}  // namespace orrery::align
