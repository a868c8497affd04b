#include "cli/chat/conversation.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/io.h"
#include "orrery/base/error.h"
#include "orrery/base/file.h"

namespace orrery::cli {

using nlohmann::ordered_json;

bool Conversation::undo() {
  if (turns.empty()) return false;
  if (turns.back().role == "assistant") turns.pop_back();
  if (!turns.empty() && turns.back().role == "user") turns.pop_back();
  return true;
}

ordered_json Conversation::messages(size_t left_out) const {
  ordered_json list = ordered_json::array();
  if (!system.empty()) list.push_back({{"role", "system"}, {"content", system}});
  for (size_t i = left_out; i < turns.size(); ++i)
    list.push_back({{"role", turns[i].role}, {"content", turns[i].content}});
  return list;
}

void Conversation::save(const std::filesystem::path& path, const std::string& model) const {
  AtomicFile file(path);
  const ordered_json document = {{"model", model}, {"messages", messages()}};
  file.write(document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  file.commit();
}

Conversation Conversation::load(const std::filesystem::path& path) {
  const ordered_json document = parse_json(read_text(path), path.string());
  const ordered_json& messages =
      document.is_object() && document.contains("messages") ? document["messages"] : document;
  const auto refuse = [&](const std::string& where, const std::string& expected) {
    return Error({.doing = "load a conversation", .where = path.string() + where, .expected = expected});
  };
  if (!messages.is_array()) throw refuse("", "an array of messages, or an object that holds one as \"messages\"");
  Conversation conversation;
  for (size_t i = 0; i < messages.size(); ++i) {
    const ordered_json& message = messages[i];
    const auto text = [&](const char* key) {
      if (!message.is_object() || !message.contains(key) || !message[key].is_string())
        throw refuse(fmt::format(", message {}", i), fmt::format("a text \"{}\"", key));
      return message[key].get<std::string>();
    };
    Message turn{text("role"), text("content")};
    if (turn.role == "system" && i == 0)
      conversation.system = std::move(turn.content);
    else if (turn.role == "user" || turn.role == "assistant")
      conversation.turns.push_back(std::move(turn));
    else
      throw refuse(fmt::format(", message {}", i), "the role user or assistant, or system for the first");
  }
  return conversation;
}

}  // namespace orrery::cli
