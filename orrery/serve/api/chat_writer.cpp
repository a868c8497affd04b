#include "orrery/serve/api/chat_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <random>
#include <utility>

#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/json_text.h"
#include "orrery/serve/api/logprobs.h"

namespace orrery::serve {

std::string new_id(const std::string& prefix) {
  static constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  thread_local std::random_device random;
  std::string id = prefix;
  for (int i = 0; i < 24; ++i) id += kLetters[random() % kLetters.size()];
  return id;
}

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

const char* finish_reason(text::FinishReason reason) {
  return reason == text::FinishReason::kLength ? "length" : "stop";
}

text::FinishReason enough(const text::ToolCallParser& parser) {
  return parser.over() ? text::FinishReason::kStop : text::FinishReason::kNone;
}

std::string usage_json(const Usage& usage) {
  return fmt::format(
      "{{\"prompt_tokens\":{},\"completion_tokens\":{},\"total_tokens\":{},\"prompt_tokens_details\":{{\"cached_"
      "tokens\":{}}}}}",
      usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens + usage.completion_tokens, usage.cached_tokens);
}

std::string timings_json(const Usage& usage) {
  const auto part = [](const char* name, int64_t tokens, double seconds) {
    const double per_token = tokens > 0 ? seconds * 1e3 / static_cast<double>(tokens) : 0;
    const double rate = seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
    return fmt::format("\"{0}_n\":{1},\"{0}_ms\":{2:.3f},\"{0}_per_token_ms\":{3:.3f},\"{0}_per_second\":{4:.2f}", name,
                       tokens, seconds * 1e3, per_token, rate);
  };
  return fmt::format("{{\"cache_n\":{},{},{}}}", usage.cached_tokens,
                     part("prompt", usage.prompt_tokens - usage.cached_tokens, usage.prompt_seconds),
                     part("predicted", usage.completion_tokens, usage.decode_seconds));
}

namespace {

using text::ToolEvent;

// What the engine's event adds to a choice.
std::vector<ToolEvent> parts_of(text::ToolCallParser& parser, const text::StreamEvent& event) {
  std::vector<ToolEvent> parts = parser.push(event.text);
  if (event.finish != text::FinishReason::kNone) std::ranges::move(parser.finish(), std::back_inserter(parts));
  return parts;
}

const char* finish_reason(const text::ToolCallParser& parser, text::FinishReason reason) {
  return reason == text::FinishReason::kStop && parser.calls() > 0 ? "tool_calls" : serve::finish_reason(reason);
}

class ChatStreamWriter : public AnswerWriter {
 public:
  ChatStreamWriter(std::shared_ptr<Exchange> exchange, const text::Tokenizer& tokenizer, ChatAnswerOptions options)
      : exchange_(std::move(exchange)), tokenizer_(tokenizer), options_(std::move(options)) {
    head_ = fmt::format("data: {{\"id\":\"{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},",
                        new_id("chatcmpl-"), unix_seconds(), json_string(options_.model));
    if (options_.include_usage) tail_ = ",\"usage\":null";
  }

  void begin() override {
    exchange_->begin("text/event-stream; charset=utf-8", {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}});
    exchange_->set_keep_alive(": waiting\n\n");
    for (size_t i = 0; i < options_.parsers.size(); ++i)
      chunk(static_cast<int>(i), "{\"role\":\"assistant\",\"content\":\"\"}", "null", "null");
  }

  void event(int choice, const text::StreamEvent& event) override {
    text::ToolCallParser& parser = options_.parsers[choice];
    std::string logprobs = "null";  // they go out with the next piece, which may be empty
    if (options_.logprobs && !event.logprobs.empty()) logprobs = logprobs_json({&event.logprobs, 1}, tokenizer_);
    for (const ToolEvent& part : parts_of(parser, event)) {
      const std::string delta = delta_of(part);
      if (delta.empty()) continue;
      chunk(choice, delta, std::exchange(logprobs, "null"), "null");
    }
    if (logprobs != "null") chunk(choice, "{\"content\":\"\"}", logprobs, "null");
    if (event.finish != text::FinishReason::kNone)
      chunk(choice, "{}", "null", fmt::format("\"{}\"", finish_reason(parser, event.finish)));
  }

  text::FinishReason enough(int choice) const override { return serve::enough(options_.parsers[choice]); }

  void done(const Usage& usage) override {
    if (options_.include_usage)
      exchange_->write(fmt::format("{}\"choices\":[],\"usage\":{},\"timings\":{}}}\n\n", head_, usage_json(usage),
                                   timings_json(usage)));
    exchange_->write("data: [DONE]\n\n");
    exchange_->end();
  }

  void failed(int status, const std::string& message) override {
    exchange_->write("data: " + openai_error(status, message).body + "\n\n");
    exchange_->end();
  }

 private:
  static std::string delta_of(const ToolEvent& part) {
    std::string text;
    append_json_string(text, part.text);
    switch (part.kind) {
      case ToolEvent::Kind::kContent:
        return "{\"content\":" + text + "}";
      case ToolEvent::Kind::kReasoning:
        return "{\"reasoning_content\":" + text + "}";
      case ToolEvent::Kind::kCall:
        return fmt::format(
            "{{\"tool_calls\":[{{\"index\":{},\"id\":{},\"type\":\"function\",\"function\":{{\"name\":{},"
            "\"arguments\":\"\"}}}}]}}",
            part.index, json_string(part.id), json_string(part.name));
      case ToolEvent::Kind::kArguments:
        return fmt::format("{{\"tool_calls\":[{{\"index\":{},\"function\":{{\"arguments\":{}}}}}]}}", part.index, text);
      case ToolEvent::Kind::kCallEnd:
        return "";
    }
    return "";
  }

  void chunk(int choice, std::string_view delta, std::string_view logprobs, std::string_view finish) {
    exchange_->write(
        fmt::format("{}\"choices\":[{{\"index\":{},\"delta\":{},\"logprobs\":{},\"finish_reason\":{}}}]{}}}\n\n", head_,
                    choice, delta, logprobs, finish, tail_));
  }

  std::shared_ptr<Exchange> exchange_;
  const text::Tokenizer& tokenizer_;
  ChatAnswerOptions options_;
  std::string head_, tail_;
};

class ChatWholeWriter : public AnswerWriter {
 public:
  ChatWholeWriter(std::shared_ptr<Exchange> exchange, const text::Tokenizer& tokenizer, ChatAnswerOptions options)
      : exchange_(std::move(exchange)),
        tokenizer_(tokenizer),
        options_(std::move(options)),
        choices_(options_.parsers.size()) {}

  void event(int i, const text::StreamEvent& event) override {
    Choice& choice = choices_[i];
    for (const ToolEvent& part : parts_of(options_.parsers[i], event)) {
      if (part.kind == ToolEvent::Kind::kContent) choice.text += part.text;
      if (part.kind == ToolEvent::Kind::kReasoning) choice.reasoning += part.text;
      if (part.kind == ToolEvent::Kind::kCall) choice.calls.push_back({part.id, part.name, ""});
      if (part.kind == ToolEvent::Kind::kArguments) choice.calls.back().arguments += part.text;
    }
    if (options_.logprobs && !event.logprobs.empty()) choice.logprobs.push_back(event.logprobs);
    if (event.finish != text::FinishReason::kNone) choice.finish = event.finish;
  }

  text::FinishReason enough(int choice) const override { return serve::enough(options_.parsers[choice]); }

  void done(const Usage& usage) override {
    std::string body =
        fmt::format("{{\"id\":\"{}\",\"object\":\"chat.completion\",\"created\":{},\"model\":{},\"choices\":[",
                    new_id("chatcmpl-"), unix_seconds(), json_string(options_.model));
    for (size_t i = 0; i < choices_.size(); ++i) {
      const Choice& choice = choices_[i];
      body +=
          fmt::format("{}{{\"index\":{},\"message\":{},\"logprobs\":{},\"finish_reason\":\"{}\"}}", i == 0 ? "" : ",",
                      i, message_of(choice), options_.logprobs ? logprobs_json(choice.logprobs, tokenizer_) : "null",
                      finish_reason(options_.parsers[i], choice.finish));
    }
    body += fmt::format("],\"usage\":{},\"timings\":{}}}", usage_json(usage), timings_json(usage));
    exchange_->respond({.body = std::move(body)});
  }

  void failed(int status, const std::string& message) override { exchange_->respond(openai_error(status, message)); }

 private:
  struct Call {
    std::string id, name, arguments;
  };
  struct Choice {
    std::string text, reasoning;
    std::vector<Call> calls;
    std::vector<std::vector<text::TokenLogprob>> logprobs;
    text::FinishReason finish = text::FinishReason::kNone;
  };

  static std::string message_of(const Choice& choice) {
    const bool only_calls = choice.text.empty() && !choice.calls.empty();
    std::string message = fmt::format("{{\"role\":\"assistant\",\"content\":{},\"refusal\":null",
                                      only_calls ? "null" : json_string(choice.text));
    if (!choice.reasoning.empty()) message += ",\"reasoning_content\":" + json_string(choice.reasoning);
    std::string calls;
    for (const Call& call : choice.calls)
      calls += fmt::format("{}{{\"id\":{},\"type\":\"function\",\"function\":{{\"name\":{},\"arguments\":{}}}}}",
                           calls.empty() ? "" : ",", json_string(call.id), json_string(call.name),
                           json_string(call.arguments));
    if (!calls.empty()) message += ",\"tool_calls\":[" + calls + "]";
    return message + "}";
  }

  std::shared_ptr<Exchange> exchange_;
  const text::Tokenizer& tokenizer_;
  ChatAnswerOptions options_;
  std::vector<Choice> choices_;
};

}  // namespace

std::unique_ptr<AnswerWriter> chat_stream_writer(std::shared_ptr<Exchange> exchange, const text::Tokenizer& tokenizer,
                                                 ChatAnswerOptions options) {
  return std::make_unique<ChatStreamWriter>(std::move(exchange), tokenizer, std::move(options));
}

std::unique_ptr<AnswerWriter> chat_whole_writer(std::shared_ptr<Exchange> exchange, const text::Tokenizer& tokenizer,
                                                ChatAnswerOptions options) {
  return std::make_unique<ChatWholeWriter>(std::move(exchange), tokenizer, std::move(options));
}

}  // namespace orrery::serve
