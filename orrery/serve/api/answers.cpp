#include "orrery/serve/api/answers.h"

#include <algorithm>
#include <utility>

#include "orrery/base/error.h"

namespace orrery::serve {
namespace {

constexpr size_t kMostUnsent = 256 << 10;  // bytes that a slow reader may leave behind
constexpr int64_t kMostUnread = 64;        // events; then the engine lets the answer rest

const char* name(text::FinishReason reason) {
  switch (reason) {
    case text::FinishReason::kStop:
      return "stop";
    case text::FinishReason::kLength:
      return "length";
    case text::FinishReason::kCancelled:
      return "abort";
    default:
      return "error";
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Answers::Answers(std::shared_ptr<Exchange> exchange, std::shared_ptr<Model> model, std::vector<text::Request> requests,
                 std::unique_ptr<AnswerWriter> writer, Metrics& metrics)
    : exchange_(std::move(exchange)),
      model_(std::move(model)),
      choices_(requests.size()),
      writer_(std::move(writer)),
      metrics_(metrics) {
  for (size_t i = 0; i < requests.size(); ++i) choices_[i].request = std::move(requests[i]);
  usage_.prompt_tokens = static_cast<int64_t>(choices_.front().request.prompt.size());
}

Answers::~Answers() = default;

void Answers::start() {
  const auto self = shared_from_this();
  exchange_->record.model = model_->name;
  exchange_->on_gone([self] { self->client_gone(); });
  exchange_->on_drained([self] { self->pump(); });
  writer_->begin();
  const std::string client = exchange_->record.key.empty() ? exchange_->request().peer : exchange_->record.key;
  for (size_t i = 0; i < choices_.size(); ++i)
    choices_[i].ticket =
        model_->turnstile.wait(client, [self, i] { self->exchange_->post([self, i] { self->enter(i); }); });
}

void Answers::enter(size_t i) {
  Choice& choice = choices_[i];
  choice.entered = true;
  if (over_) return leave(choice);
  const auto self = shared_from_this();
  choice.request.on_event = [self] { self->wake(); };
  choice.request.most_unread = kMostUnread;
  try {
    choice.stream = model_->engine.submit(std::move(choice.request));
  } catch (const std::exception& error) {
    choice.ended = true;
    leave(choice);
    fail(dynamic_cast<const Error*>(&error) ? 400 : 500, error.what());
  }
}

// From the engine's thread: many events, one task.
void Answers::wake() {
  if (woken_.exchange(true)) return;
  exchange_->post([self = shared_from_this()] { self->pump(); });
}

void Answers::pump() {
  woken_ = false;
  for (size_t i = 0; i < choices_.size(); ++i) {
    Choice& choice = choices_[i];
    text::StreamEvent event;
    while ((over_ || exchange_->unsent() < kMostUnsent) && !choice.ended && choice.stream.poll(event))
      take(i, std::move(event));
  }
  if (over_ || !all_ended()) return;
  over_ = true;
  metrics_.of(model_->name).request_latency.observe(seconds_since(exchange_->record.arrived));
  exchange_->record.prompt_tokens = usage_.prompt_tokens;
  exchange_->record.cached_tokens = usage_.cached_tokens;
  exchange_->record.completion_tokens = usage_.completion_tokens;
  writer_->done(usage_);
}

void Answers::take(size_t i, text::StreamEvent event) {
  Choice& choice = choices_[i];
  if (choice.enough != text::FinishReason::kNone) {  // what the engine had said before it heard of it
    if (event.finish == text::FinishReason::kNone) return;
    event = {.finish = choice.enough};
  }
  measure(choice, event);
  if (event.finish != text::FinishReason::kNone) {
    choice.ended = true;
    choice.stream = {};  // it knows us
    leave(choice);
    if (event.finish == text::FinishReason::kError) return fail(500, event.error);
    if (event.finish == text::FinishReason::kCancelled) return fail(503, "the server is going down");
  }
  if (over_) return;
  writer_->event(static_cast<int>(i), event);
  if (choice.ended) return;
  choice.enough = writer_->enough(static_cast<int>(i));
  if (choice.enough != text::FinishReason::kNone) choice.stream.cancel();
}

void Answers::measure(Choice& choice, const text::StreamEvent& event) {
  ModelMetrics& metrics = metrics_.of(model_->name);
  const auto now = Clock::now();
  if (event.token >= 0) {
    if (choice.has_token)
      metrics.inter_token_latency.observe(std::chrono::duration<double>(now - choice.last_token).count());
    else
      metrics.time_to_first_token.observe(seconds_since(exchange_->record.arrived));
    choice.has_token = true;
    choice.last_token = now;
  }
  if (event.finish == text::FinishReason::kNone) return;
  const text::RequestStats stats = choice.stream.stats();
  ++metrics.finished[name(event.finish)];
  metrics.queue_time.observe(stats.queue_seconds);
  metrics.prompt_tokens += static_cast<uint64_t>(stats.prompt_tokens);
  metrics.completion_tokens += static_cast<uint64_t>(stats.completion_tokens);
  metrics.prompt_seconds += stats.prompt_seconds - stats.queue_seconds;
  metrics.decode_seconds += stats.decode_seconds;
  usage_.cached_tokens = std::max(usage_.cached_tokens, stats.cached_tokens);
  usage_.completion_tokens += stats.completion_tokens;
  usage_.prompt_seconds = std::max(usage_.prompt_seconds, stats.prompt_seconds);
  usage_.decode_seconds = std::max(usage_.decode_seconds, stats.decode_seconds);
}

void Answers::leave(Choice& choice) {
  if (choice.entered && !std::exchange(choice.left, true)) model_->turnstile.leave();
}

bool Answers::all_ended() const {
  return std::all_of(choices_.begin(), choices_.end(), [](const Choice& choice) { return choice.ended; });
}

// In the queue, in its prompt, in its answer.
void Answers::client_gone() {
  over_ = true;
  for (Choice& choice : choices_) {
    if (choice.entered)
      choice.stream.cancel();
    else if (model_->turnstile.cancel(choice.ticket))
      choice.ended = true;
  }
}

void Answers::fail(int status, const std::string& message) {
  if (std::exchange(over_, true)) return;
  for (Choice& choice : choices_)
    if (choice.entered && !choice.ended) choice.stream.cancel();
  for (Choice& choice : choices_)
    if (!choice.entered && model_->turnstile.cancel(choice.ticket)) choice.ended = true;
  writer_->failed(status, message);
}

}  // namespace orrery::serve
