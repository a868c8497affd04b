// A conversation under way, and what can be done to it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/chat/conversation.h"
#include "orrery/text/engine/engine.h"

namespace orrery::cli {

struct ChatState {
  text::Engine& engine;
  Conversation conversation;
  text::Request request;                        ///< options of every answer; its prompt stays empty
  std::string documents = {};                   ///< of files, to be put before the next question
  std::optional<text::RequestStats> last = {};  ///< of the last answer
  bool show_stats = false;                      ///< after every answer
  std::vector<text::TokenId> tokens = {};       ///< the last prompt and its answer
  size_t forgotten = 0;                         ///< turns at the beginning that the model no longer sees
};

/// Asks the model and prints its answer as it comes; both join the conversation. Ctrl-C keeps the answer so far. On
/// Error the question is taken back, with the documents before it.
void ask(ChatState& chat, const std::string& question);
/// Answers the last question again. Throws Error when there is none.
void regenerate(ChatState& chat);

/// "/help", …: what begins with "/".
std::vector<std::string> slash_command_names();
/// Runs "/name rest". False when the conversation is to end. Throws Error for an unknown command or a wrong argument.
bool run_slash_command(ChatState& chat, const std::string& line);

}  // namespace orrery::cli
