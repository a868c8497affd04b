#include "orrery/serve/api/chat_writer.h"

#include <fmt/format.h>

#include <chrono>
#include <random>

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

std::string usage_json(const Usage& usage) {
  return fmt::format(
      "{{\"prompt_tokens\":{},\"completion_tokens\":{},\"total_tokens\":{},\"prompt_tokens_details\":{{\"cached_"
      "tokens\":{}}}}}",
      usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens + usage.completion_tokens, usage.cached_tokens);
}

std::string timings_json(const Usage& usage) {
  const auto rate = [](int64_t tokens, double seconds) {
    return seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0;
  };
  const int64_t computed = usage.prompt_tokens - usage.cached_tokens;
  return fmt::format(
      "{{\"cached_n\":{},\"prompt_n\":{},\"prompt_ms\":{:.3f},\"prompt_per_second\":{:.2f},\"predicted_n\":{},"
      "\"predicted_ms\":{:.3f},\"predicted_per_second\":{:.2f}}}",
      usage.cached_tokens, computed, usage.prompt_seconds * 1e3, rate(computed, usage.prompt_seconds),
      usage.completion_tokens, usage.decode_seconds * 1e3, rate(usage.completion_tokens, usage.decode_seconds));
}

namespace {

class ChatStreamWriter : public AnswerWriter {
 public:
  ChatStreamWriter(std::shared_ptr<Exchange> exchange, const text::Tokenizer& tokenizer,
                   const ChatAnswerOptions& options)
      : exchange_(std::move(exchange)), tokenizer_(tokenizer), options_(options) {
    head_ = fmt::format("data: {{\"id\":\"{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},",
                        new_id("chatcmpl-"), unix_seconds(), json_string(options.model));
    if (options_.include_usage) tail_ = ",\"usage\":null";
  }

  void begin() override {
    exchange_->begin("text/event-stream; charset=utf-8", {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}});
    exchange_->set_keep_alive(": waiting\n\n");
    for (int i = 0; i < options_.choices; ++i) chunk(i, "{\"role\":\"assistant\",\"content\":\"\"}", "null", "null");
  }

  void event(int choice, const text::StreamEvent& event) override {
    std::string logprobs = "null";
    if (options_.logprobs && !event.logprobs.empty()) logprobs = logprobs_json({&event.logprobs, 1}, tokenizer_);
    if (!event.text.empty() || logprobs != "null") {
      std::string delta = "{\"content\":";
      append_json_string(delta, event.text);
      chunk(choice, delta + "}", logprobs, "null");
    }
    if (event.finish != text::FinishReason::kNone)
      chunk(choice, "{}", "null", fmt::format("\"{}\"", finish_reason(event.finish)));
  }

  void done(const Usage& usage) override {
    if (options_.include_usage)
      exchange_->write(fmt::format("{}\"choices\":[],\"usage\":{},\"timings\":{}}}\n\n", head_, usage_json(usage),
                                   timings_json(usage)));
    exchange_->write("data: [DONE]\n\n");
    exchange_->end();
  }

  void failed(const std::string& message) override {
    exchange_->write("data: " + openai_error(500, message).body + "\n\n");
    exchange_->end();
  }

 private:
  void chunk(int choice, std::string_view delta, std::string_view logprobs, std::string_view finish) {
    exchange_->write(
        fmt::format("{}\"choices\":[{{\"index\":{},\"delta\":{},\"logprobs\":{},\"finish_reason\":{}}}]{}}}\n\n", head_,
                    choice, delta, logprobs, finish, tail_));
  }

  std::shared_ptr<Exchange> exchange_;
  const text::Tokenizer& tokenizer_;
  const ChatAnswerOptions options_;
  std::string head_, tail_;
};

class ChatWholeWriter : public AnswerWriter {
 public:
  ChatWholeWriter(std::shared_ptr<Exchange> exchange, const text::Tokenizer& tokenizer,
                  const ChatAnswerOptions& options)
      : exchange_(std::move(exchange)), tokenizer_(tokenizer), options_(options), choices_(options.choices) {}

  void event(int i, const text::StreamEvent& event) override {
    Choice& choice = choices_[i];
    choice.text += event.text;
    if (options_.logprobs && !event.logprobs.empty()) choice.logprobs.push_back(event.logprobs);
    if (event.finish != text::FinishReason::kNone) choice.finish = event.finish;
  }

  void done(const Usage& usage) override {
    std::string body =
        fmt::format("{{\"id\":\"{}\",\"object\":\"chat.completion\",\"created\":{},\"model\":{},\"choices\":[",
                    new_id("chatcmpl-"), unix_seconds(), json_string(options_.model));
    for (size_t i = 0; i < choices_.size(); ++i) {
      const Choice& choice = choices_[i];
      body += fmt::format(
          "{}{{\"index\":{},\"message\":{{\"role\":\"assistant\",\"content\":{},\"refusal\":null}},\"logprobs\":{},"
          "\"finish_reason\":\"{}\"}}",
          i == 0 ? "" : ",", i, json_string(choice.text),
          options_.logprobs ? logprobs_json(choice.logprobs, tokenizer_) : "null", finish_reason(choice.finish));
    }
    body += fmt::format("],\"usage\":{},\"timings\":{}}}", usage_json(usage), timings_json(usage));
    exchange_->respond({.body = std::move(body)});
  }

  void failed(const std::string& message) override { exchange_->respond(openai_error(500, message)); }

 private:
  struct Choice {
    std::string text;
    std::vector<std::vector<text::TokenLogprob>> logprobs;
    text::FinishReason finish = text::FinishReason::kNone;
  };
  std::shared_ptr<Exchange> exchange_;
  const text::Tokenizer& tokenizer_;
  const ChatAnswerOptions options_;
  std::vector<Choice> choices_;
};

}  // namespace

std::unique_ptr<AnswerWriter> chat_stream_writer(std::shared_ptr<Exchange> exchange, const text::Tokenizer& tokenizer,
                                                 const ChatAnswerOptions& options) {
  return std::make_unique<ChatStreamWriter>(std::move(exchange), tokenizer, options);
}

std::unique_ptr<AnswerWriter> chat_whole_writer(std::shared_ptr<Exchange> exchange, const text::Tokenizer& tokenizer,
                                                const ChatAnswerOptions& options) {
  return std::make_unique<ChatWholeWriter>(std::move(exchange), tokenizer, options);
}

}  // namespace orrery::serve
