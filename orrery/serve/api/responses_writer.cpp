#include "orrery/serve/api/responses_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "orrery/serve/api/chat_writer.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/json_text.h"

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

using text::ToolEvent;

// One of the response's output.
struct Item {
  enum class Kind { kMessage, kReasoning, kCall };

  Kind kind;
  std::string id, text;  // text: said, thought, or the call's arguments
  std::string call_id, name, status = "in_progress";

  const char* part_type() const { return kind == Kind::kMessage ? "output_text" : "reasoning_text"; }

  ordered_json part() const {
    ordered_json part = {{"type", part_type()}, {"text", text}};
    if (kind == Kind::kMessage) {
      part["annotations"] = ordered_json::array();
      part["logprobs"] = ordered_json::array();
    }
    return part;
  }

  // `begun`: as it is when nothing has been said of it.
  ordered_json json(bool begun = false) const {
    ordered_json content = ordered_json::array();
    if (!begun) content.push_back(part());
    switch (kind) {
      case Kind::kMessage:
        return {{"id", id}, {"type", "message"}, {"status", status}, {"role", "assistant"}, {"content", content}};
      case Kind::kReasoning:
        return {{"id", id},
                {"type", "reasoning"},
                {"status", status},
                {"summary", ordered_json::array()},
                {"content", content}};
      case Kind::kCall:
        return {{"id", id},     {"type", "function_call"}, {"status", status}, {"call_id", call_id},
                {"name", name}, {"arguments", text}};
    }
    return nullptr;
  }
};

class ResponsesWriter : public AnswerWriter {
 public:
  ResponsesWriter(std::shared_ptr<Exchange> exchange, text::ToolCallParser parser, ResponsesOptions options)
      : exchange_(std::move(exchange)), parser_(std::move(parser)), options_(std::move(options)) {}

  void begin() override {
    if (!options_.stream) return;
    exchange_->begin("text/event-stream; charset=utf-8", {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}});
    exchange_->set_keep_alive(": waiting\n\n");
    const std::string response = dumped(this->response("in_progress"));
    send("response.created", "\"response\":" + response);
    send("response.in_progress", "\"response\":" + response);
  }

  void event(int, const text::StreamEvent& event) override {
    bool thought = false;
    std::vector<ToolEvent> parts = parser_.push(event.text);
    if (event.finish != text::FinishReason::kNone) std::ranges::move(parser_.finish(), std::back_inserter(parts));
    for (const ToolEvent& part : parts) {
      take(part);
      thought |= part.kind == ToolEvent::Kind::kReasoning;
    }
    if (event.token >= 0 && thought) ++reasoning_tokens_;
    if (event.finish == text::FinishReason::kNone) return;
    cut_ = event.finish == text::FinishReason::kLength;
    close(cut_ ? "incomplete" : "completed");
  }

  text::FinishReason enough(int) const override { return serve::enough(parser_); }

  void done(const Usage& usage) override {
    ordered_json response = this->response(cut_ ? "incomplete" : "completed");
    if (cut_) response["incomplete_details"] = {{"reason", "max_output_tokens"}};
    response["usage"] = {{"input_tokens", usage.prompt_tokens},
                         {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
                         {"output_tokens", usage.completion_tokens},
                         {"output_tokens_details", {{"reasoning_tokens", reasoning_tokens_}}},
                         {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
    response["completed_at"] = cut_ ? ordered_json() : ordered_json(unix_seconds());
    if (!options_.stream) return exchange_->respond({.body = dumped(response)});
    send(cut_ ? "response.incomplete" : "response.completed", "\"response\":" + dumped(response));
    exchange_->end();
  }

  void failed(int status, const std::string& message) override {
    if (!options_.stream) return exchange_->respond(openai_error(status, message));
    ordered_json response = this->response("failed");
    response["error"] = {{"code", status < 500 ? "invalid_prompt" : "server_error"}, {"message", message}};
    send("response.failed", "\"response\":" + dumped(response));
    exchange_->end();
  }

 private:
  void take(const ToolEvent& part) {
    switch (part.kind) {
      case ToolEvent::Kind::kContent:
        return say(Item::Kind::kMessage, "response.output_text.delta", part.text);
      case ToolEvent::Kind::kReasoning:
        return say(Item::Kind::kReasoning, "response.reasoning_text.delta", part.text);
      case ToolEvent::Kind::kCall:
        close("completed");
        open({.kind = Item::Kind::kCall, .id = new_id("fc_"), .call_id = part.id, .name = part.name});
        return;
      case ToolEvent::Kind::kArguments:
        items_.back().text += part.text;
        return send("response.function_call_arguments.delta",
                    fmt::format("{},\"delta\":{}", place(), quoted(part.text)));
      case ToolEvent::Kind::kCallEnd:
        return close(part.complete ? "completed" : "incomplete");
    }
  }

  void say(Item::Kind kind, std::string_view type, const std::string& text) {
    if (text.empty()) return;
    if (!open_ || items_.back().kind != kind) {
      close("completed");
      open({.kind = kind, .id = new_id(kind == Item::Kind::kMessage ? "msg_" : "rs_")});
    }
    items_.back().text += text;
    const char* more = kind == Item::Kind::kMessage ? ",\"logprobs\":[]" : "";
    send(type, fmt::format("{},\"content_index\":0,\"delta\":{}{}", place(), quoted(text), more));
  }

  void open(Item item) {
    items_.push_back(std::move(item));
    open_ = true;
    const Item& now = items_.back();
    send("response.output_item.added", output_index() + ",\"item\":" + dumped(now.json(true)));
    if (now.kind != Item::Kind::kCall)
      send("response.content_part.added", place() + ",\"content_index\":0,\"part\":" + dumped(now.part()));
  }

  void close(const char* status) {
    if (!std::exchange(open_, false)) return;
    Item& item = items_.back();
    item.status = status;
    if (!options_.stream) return;
    if (item.kind == Item::Kind::kCall) {
      send("response.function_call_arguments.done",
           fmt::format("{},\"name\":{},\"arguments\":{}", place(), quoted(item.name), quoted(item.text)));
    } else {
      send(fmt::format("response.{}.done", item.part_type()),
           fmt::format("{},\"content_index\":0,\"text\":{}{}", place(), quoted(item.text),
                       item.kind == Item::Kind::kMessage ? ",\"logprobs\":[]" : ""));
      send("response.content_part.done", place() + ",\"content_index\":0,\"part\":" + dumped(item.part()));
    }
    send("response.output_item.done", output_index() + ",\"item\":" + dumped(item.json()));
  }

  ordered_json response(const char* status) const {
    ordered_json response = {{"id", id_},
                             {"object", "response"},
                             {"created_at", created_},
                             {"status", status},
                             {"error", nullptr},
                             {"incomplete_details", nullptr},
                             {"model", options_.model},
                             {"output", ordered_json::array()}};
    for (const Item& item : items_) response["output"].push_back(item.json());
    response.update(options_.echo);
    response["usage"] = nullptr;
    return response;
  }

  std::string output_index() const { return fmt::format("\"output_index\":{}", items_.size() - 1); }
  std::string place() const { return fmt::format("\"item_id\":\"{}\",{}", items_.back().id, output_index()); }
  static std::string quoted(const std::string& text) {
    std::string out;
    append_json_string(out, text);
    return out;
  }

  void send(std::string_view type, const std::string& fields) {
    if (!options_.stream) return;
    exchange_->write(fmt::format("event: {0}\ndata: {{\"type\":\"{0}\",\"sequence_number\":{1},{2}}}\n\n", type,
                                 sequence_++, fields));
  }

  std::shared_ptr<Exchange> exchange_;
  text::ToolCallParser parser_;
  const ResponsesOptions options_;
  const std::string id_ = new_id("resp_");
  const int64_t created_ = unix_seconds();
  std::vector<Item> items_;
  bool open_ = false;  // the last one
  bool cut_ = false;
  int64_t reasoning_tokens_ = 0, sequence_ = 0;
};

}  // namespace

std::unique_ptr<AnswerWriter> responses_writer(std::shared_ptr<Exchange> exchange, text::ToolCallParser parser,
                                               ResponsesOptions options) {
  return std::make_unique<ResponsesWriter>(std::move(exchange), std::move(parser), std::move(options));
}

}  // namespace orrery::serve
