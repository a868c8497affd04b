// OpenAI's Responses API, without anything stored: the request, as a chat's.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "orrery/serve/api/chat_request.h"

namespace orrery::serve {

class ResponsesRequest {
 public:
  /// Throws Refusal naming the field that is wrong, or not supported.
  explicit ResponsesRequest(const nlohmann::ordered_json& body);

  std::shared_ptr<const ChatRequest> chat;
  nlohmann::ordered_json echo;  ///< what the response repeats of the request

  /// A refusal of the chat's, in this API's names ("messages[1].content" is "input[0].content").
  Refusal renamed(const Refusal& refusal) const;

 private:
  nlohmann::ordered_json read_input(Fields& fields);
  void read_item(const nlohmann::ordered_json& item, const std::string& path, nlohmann::ordered_json& messages);
  void add_message(nlohmann::ordered_json message, const std::string& path, nlohmann::ordered_json& messages);

  std::vector<std::string> sources_;  // of each message
  std::string thought_;               // of a reasoning item, for the answer that follows it
};

}  // namespace orrery::serve
