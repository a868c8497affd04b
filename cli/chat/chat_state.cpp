#include "cli/chat/chat_state.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/answer.h"
#include "cli/chat_prompt.h"
#include "cli/documents.h"
#include "cli/io.h"
#include "orrery/base/error.h"
#include "orrery/text/documents/special_tokens.h"

namespace orrery::cli {
namespace {

// The conversation as tokens. Where an answer of a decent length would not fit behind it, the oldest turns are left out
// until half the context is free: the next questions then find what is left in the cache.
std::vector<text::TokenId> prompt_that_fits(ChatState& chat) {
  const text::Tokenizer& tokenizer = chat.engine.checkpoint().tokenizer();
  const int64_t context = chat.engine.options().context;
  const int64_t wanted = chat.request.max_tokens > 0 ? std::min(chat.request.max_tokens, context / 2) : context / 4;
  if (chat.forgotten >= chat.conversation.turns.size()) chat.forgotten = 0;
  std::vector<text::TokenId> tokens = chat_prompt(tokenizer, chat.conversation.messages(chat.forgotten));
  const size_t before = chat.forgotten;
  const bool endless = chat.engine.options().overflow == text::Overflow::kSinks;
  if (endless || static_cast<int64_t>(tokens.size()) + wanted <= context) return tokens;
  while (static_cast<int64_t>(tokens.size()) > context / 2 && chat.forgotten + 2 < chat.conversation.turns.size()) {
    chat.forgotten += 2;
    tokens = chat_prompt(tokenizer, chat.conversation.messages(chat.forgotten));
  }
  if (chat.forgotten > before)
    print_error(fmt::format("(the context of {} tokens is full: the model no longer sees the first {} messages)\n",
                            context, chat.forgotten));
  return tokens;
}

void answer_last_question(ChatState& chat) {
  text::Request request = chat.request;
  request.prompt = chat.tokens = prompt_that_fits(chat);
  const Answer answer = take_answer(chat.engine, std::move(request), InterruptScope::Watch::kCtrlC, print);
  print(answer.finish == text::FinishReason::kCancelled ? " ^C\n" : answer.text.ends_with('\n') ? "" : "\n");
  chat.last = answer.stats;
  chat.tokens.insert(chat.tokens.end(), answer.tokens.begin(), answer.tokens.end());
  if (answer.text.empty() && answer.finish == text::FinishReason::kCancelled) {
    chat.conversation.turns.pop_back();  // stopped before it began: as if it had not been asked
    return;
  }
  if (answer.finish == text::FinishReason::kLength) print_error(length_note(chat.engine, answer, "/set max-tokens"));
  chat.conversation.turns.push_back({"assistant", answer.text});
  if (chat.show_stats) print_error(stats_text(answer.stats) + "\n");
}

}  // namespace

void ask(ChatState& chat, const std::string& question) {
  const std::string documents = std::exchange(chat.documents, {});
  const std::string quoted = text::spell_special_tokens_apart(documents, chat.engine.checkpoint().tokenizer());
  chat.conversation.turns.push_back({"user", text::with_documents(quoted, question)});
  try {
    answer_last_question(chat);
  } catch (...) {
    chat.conversation.turns.pop_back();
    throw;
  }
}

void regenerate(ChatState& chat) {
  std::vector<Message>& turns = chat.conversation.turns;
  if (turns.empty()) throw Error({.doing = "answer again", .found = "no question so far"});
  if (turns.back().role != "assistant") return answer_last_question(chat);
  const Message previous = turns.back();
  turns.pop_back();
  try {
    answer_last_question(chat);
  } catch (...) {
    turns.push_back(previous);
    throw;
  }
}

}  // namespace orrery::cli
