// llama.cpp's /infill: the request.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "orrery/serve/api/generation.h"
#include "orrery/text/infill/fim_prompt.h"

namespace orrery::serve {

struct InfillRequest {
  /// Throws Refusal naming the field that is wrong, or not supported.
  explicit InfillRequest(const nlohmann::ordered_json& body);

  std::string model;
  text::FimRequest gap;
  std::shared_ptr<GenerationFields> generation;
  AnswerForm form;
  int64_t indent = 0;   ///< n_indent
  double seconds = 0;   ///< t_max_predict_ms; 0: no limit
  bool answers = true;  ///< false (n_predict 0): the prompt is computed, for requests that follow, and that is all
  bool tokens = false;  ///< return_tokens
  std::vector<std::string> response_fields;  ///< empty: all
};

/// The gap's prompt and what ends its answer, in `request`. Returns how many tokens `limits` left out. Throws Refusal
/// (400) naming `param` for a model without such tokens, and where the prompt does not fit.
int64_t set_gap(text::Request& request, const Model& model, const text::FimRequest& gap, const text::FimLimits& limits,
                const std::string& param);

/// What is kept of an /infill request's texts in a model's context: llama.cpp's shares of a batch, which is half of the
/// context, and 2048 tokens at most.
text::FimLimits infill_limits(const Model& model, const InfillRequest& infill);

}  // namespace orrery::serve
