#include "cli/answer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "orrery/base/error.h"

namespace orrery::cli {
namespace {

double rate(int64_t tokens, double seconds) { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0; }

int64_t computed_prompt_tokens(const text::RequestStats& stats) { return stats.prompt_tokens - stats.cached_tokens; }

}  // namespace

Answer take_answer(text::Engine& engine, text::Request request, InterruptScope::Watch watch,
                   const std::function<void(std::string_view)>& on_text) {
  Answer answer;
  text::Stream stream = engine.submit(std::move(request));
  const InterruptScope interrupt([&stream] { stream.cancel(); }, watch);
  text::StreamEvent event;
  while (stream.next(event)) {
    if (event.token >= 0) answer.tokens.push_back(event.token);
    if (!event.logprobs.empty()) answer.logprobs.push_back(std::move(event.logprobs));
    if (!event.text.empty()) on_text(event.text);
    answer.text += event.text;
    answer.finish = event.finish;
    if (event.finish == text::FinishReason::kError) throw Error({.doing = "answer", .found = event.error});
  }
  answer.stats = stream.stats();
  answer.signal = interrupt.signal();
  return answer;
}

std::string length_note(const text::Engine& engine, const Answer& answer, std::string_view option) {
  const int64_t context = engine.options().context;
  if (answer.stats.prompt_tokens + answer.stats.completion_tokens < context)
    return fmt::format("(stopped after {} tokens; {} N allows more)\n", answer.stats.completion_tokens, option);
  const int64_t possible = engine.spec().context_length;
  return fmt::format("(stopped: the context of {} tokens is full{})\n", context,
                     possible > context ? fmt::format("; --context N allows up to {}", possible) : "");
}

std::string_view name(text::FinishReason reason) {
  switch (reason) {
    case text::FinishReason::kNone:
      return "none";
    case text::FinishReason::kStop:
      return "stop";
    case text::FinishReason::kLength:
      return "length";
    case text::FinishReason::kCancelled:
      return "cancelled";
    case text::FinishReason::kError:
      return "error";
  }
  return "?";
}

namespace {
std::string drafts_text(const text::RequestStats& stats) {
  if (stats.drafted_tokens == 0) return "";
  return fmt::format(" · {} of {} guesses right", stats.accepted_tokens, stats.drafted_tokens);
}
}  // namespace

std::string stats_text(const text::RequestStats& stats) {
  std::string text = fmt::format("prompt {} tokens", stats.prompt_tokens);
  if (stats.cached_tokens > 0) text += fmt::format(" ({} known)", stats.cached_tokens);
  return text +
         fmt::format(", {:.0f} /s · answer {} tokens, {:.1f} /s",
                     rate(computed_prompt_tokens(stats), stats.prompt_seconds), stats.completion_tokens,
                     rate(stats.completion_tokens, stats.decode_seconds)) +
         drafts_text(stats);
}

nlohmann::ordered_json stats_json(const text::RequestStats& stats) {
  return {{"prompt_tokens", stats.prompt_tokens},
          {"cached_tokens", stats.cached_tokens},
          {"completion_tokens", stats.completion_tokens},
          {"drafted_tokens", stats.drafted_tokens},
          {"accepted_tokens", stats.accepted_tokens},
          {"prompt_tokens_per_second", rate(computed_prompt_tokens(stats), stats.prompt_seconds)},
          {"decode_tokens_per_second", rate(stats.completion_tokens, stats.decode_seconds)}};
}

}  // namespace orrery::cli
