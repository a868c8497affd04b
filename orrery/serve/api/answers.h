// The answers to one request, from the queue to the last token.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "orrery/serve/http/exchange.h"
#include "orrery/serve/metrics.h"
#include "orrery/serve/models/model.h"

namespace orrery::serve {

struct Usage {
  int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double prompt_seconds = 0, decode_seconds = 0;
};

/// How an API writes what the engine says. Called in the connection's thread.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;
  /// Before anything else, when the request has been accepted.
  virtual void begin() {}
  /// A token, or text alone; the last of a choice says why it ends. Never after failed().
  virtual void event(int choice, const text::StreamEvent& event) = 0;
  /// Asked behind each event: a choice that has all it wants gets one more, its end, for the reason that is returned.
  virtual text::FinishReason enough(int /*choice*/) const { return text::FinishReason::kNone; }
  /// All choices have ended.
  virtual void done(const Usage& usage) = 0;
  /// The engine gave up, or (400) refused. Nothing follows.
  virtual void failed(int status, const std::string& message) = 0;
};

/// One request of the engine per choice; a client that goes away ends them all. Keeps itself alive until they have
/// ended.
class Answers : public std::enable_shared_from_this<Answers> {
 public:
  /// `requests`: one per choice.
  Answers(std::shared_ptr<Exchange> exchange, std::shared_ptr<Model> model, std::vector<text::Request> requests,
          std::unique_ptr<AnswerWriter> writer, Metrics& metrics);
  ~Answers();

  /// In the connection's thread, once.
  void start();

 private:
  using Clock = std::chrono::steady_clock;
  struct Choice {
    text::Request request;
    text::Stream stream;
    uint64_t ticket = 0;
    bool entered = false, left = false, ended = false;
    text::FinishReason enough = text::FinishReason::kNone;
    Clock::time_point last_token;
    bool has_token = false;
  };

  void enter(size_t choice);
  void wake();
  void pump();
  void take(size_t choice, text::StreamEvent event);
  void measure(Choice& choice, const text::StreamEvent& event);
  void leave(Choice& choice);
  void client_gone();
  void fail(int status, const std::string& message);
  bool all_ended() const;

  std::shared_ptr<Exchange> exchange_;
  std::shared_ptr<Model> model_;
  std::vector<Choice> choices_;
  std::unique_ptr<AnswerWriter> writer_;
  Metrics& metrics_;
  Usage usage_;
  std::atomic<bool> woken_{false};
  bool over_ = false;
};

}  // namespace orrery::serve
