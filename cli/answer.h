// From a request to text on the terminal: what `run` and `chat` share.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/interrupt.h"
#include "orrery/text/engine/engine.h"

namespace orrery::cli {

struct Answer {
  std::string text;
  text::FinishReason finish = text::FinishReason::kNone;
  std::vector<text::TokenId> tokens;
  std::vector<std::vector<text::TokenLogprob>> logprobs;  ///< per token, where they were asked for
  text::RequestStats stats;
  int signal = 0;  ///< what stopped it, with kCancelled
};

/// Hands the text on as it comes. The signals of `watch` stop the answer, which is then kCancelled. Throws Error where
/// the engine reports one.
Answer take_answer(text::Engine& engine, text::Request request, InterruptScope::Watch watch,
                   const std::function<void(std::string_view)>& on_text);

/// Why an answer with kLength ended where it did, in words for a person, with what lets it go on: the context was full,
/// or as many tokens had come as `option` ("--max-tokens") says.
std::string length_note(const text::Engine& engine, const Answer& answer, std::string_view option);

/// "stop", "length", "cancelled".
std::string_view name(text::FinishReason reason);

/// "prompt 31 tokens, 620 /s · answer 120 tokens, 133 /s"
std::string stats_text(const text::RequestStats& stats);
/// The counts and rates under their names, for --json.
nlohmann::ordered_json stats_json(const text::RequestStats& stats);

}  // namespace orrery::cli
