#include "cli/chat/chat_state.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/answer.h"
#include "cli/chat_prompt.h"
#include "cli/io.h"
#include "orrery/base/error.h"

namespace orrery::cli {
namespace {

// The conversation as tokens, its oldest turns left out until an answer of a decent length fits behind it.
std::vector<text::TokenId> prompt_that_fits(ChatState& chat) {
  const text::Tokenizer& tokenizer = chat.engine.checkpoint().tokenizer();
  const int64_t context = chat.engine.options().context;
  const int64_t wanted = chat.request.max_tokens > 0 ? std::min(chat.request.max_tokens, context / 2) : context / 4;
  for (size_t left_out = 0;; left_out += 2) {
    std::vector<text::TokenId> tokens = chat_prompt(tokenizer, chat.conversation.messages(left_out));
    const bool last = left_out + 2 >= chat.conversation.turns.size();
    if (!last && static_cast<int64_t>(tokens.size()) + wanted > context) continue;
    if (left_out > 0 && !std::exchange(chat.warned_of_length, true))
      print_error("(the conversation outgrew the context: the model no longer sees its beginning)\n");
    return tokens;
  }
}

void answer_last_question(ChatState& chat) {
  text::Request request = chat.request;
  request.prompt = prompt_that_fits(chat);
  const Answer answer = take_answer(chat.engine, std::move(request), InterruptScope::Watch::kCtrlC, print);
  print(answer.finish == text::FinishReason::kCancelled ? " ^C\n" : answer.text.ends_with('\n') ? "" : "\n");
  chat.last = answer.stats;
  if (answer.text.empty() && answer.finish == text::FinishReason::kCancelled) {
    chat.conversation.turns.pop_back();  // stopped before it began: as if it had not been asked
    return;
  }
  if (answer.finish == text::FinishReason::kLength) print_error("(stopped at the length limit)\n");
  chat.conversation.turns.push_back({"assistant", answer.text});
  if (chat.show_stats) print_error(stats_text(answer.stats) + "\n");
}

}  // namespace

void ask(ChatState& chat, const std::string& question) {
  chat.conversation.turns.push_back({"user", question});
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
