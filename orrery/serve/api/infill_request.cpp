#include "orrery/serve/api/infill_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

constexpr int64_t kMostBatch = 2048;  // llama.cpp's default

std::vector<text::FimFile> read_files(Fields& fields) {
  std::vector<text::FimFile> files;
  const ordered_json* list = fields.array("input_extra");
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    Fields file((*list)[i], fmt::format("input_extra[{}]", i));
    std::string text = file.text_or_throw("text");
    files.push_back({file.text("filename").value_or("tmp"), std::move(text)});  // llama.cpp's name for one without
    file.ignore({"time"});  // llama.vim's own note of when it saw the text
    file.finish();
  }
  return files;
}

}  // namespace

InfillRequest::InfillRequest(const ordered_json& body) {
  Fields fields(body);
  model = fields.text("model").value_or("");
  gap.prefix = fields.text_or_throw("input_prefix");
  gap.suffix = fields.text_or_throw("input_suffix");
  gap.middle = fields.text("prompt").value_or("");
  gap.extra = read_files(fields);
  generation = std::make_shared<GenerationFields>(fields);
  if (generation->n != 1) fields.refuse("n", std::to_string(generation->n), "1");
  if (generation->include_usage) fields.refuse("stream_options", "include_usage", "nothing: the last event has counts");
  form = AnswerForm::read(fields);
  const auto predict = fields.integer("n_predict", -1, INT32_MAX);
  const auto most = fields.integer("max_tokens", -1, INT32_MAX);
  generation->max_tokens = predict.value_or(most.value_or(-1));
  answers = generation->max_tokens != 0;
  if (!answers) generation->max_tokens = 1;  // the engine's least
  indent = fields.integer("n_indent", 0, INT32_MAX).value_or(0);
  seconds = static_cast<double>(fields.integer("t_max_predict_ms", -1, INT32_MAX).value_or(0)) / 1e3;
  seconds = std::max(seconds, 0.0);
  tokens = fields.flag("return_tokens").value_or(false);
  response_fields = fields.texts("response_fields");
  // What a server with slots is told: prompts share what they have in common here whatever is said. llama.cpp does
  // nothing with t_max_prompt_ms either.
  fields.ignore({"cache_prompt", "id_slot", "t_max_prompt_ms"});
  fields.only("n_probs", 0, "0: /v1/completions has log-probabilities");
  fields.only("timings_per_token", false, "false: the last event has timings");
  fields.finish();
}

int64_t set_gap(text::Request& request, const Model& model, const text::FimRequest& gap, const text::FimLimits& limits,
                const std::string& param) {
  const text::Tokenizer& tokenizer = model.engine.checkpoint().tokenizer();
  try {
    const text::FimTokens tokens = text::find_fim_tokens(tokenizer);
    text::FimPrompt prompt = text::fim_prompt(tokenizer, tokens, gap, limits);
    request.prompt = std::move(prompt.tokens);
    if (!request.ignore_eos) request.end_tokens = tokens.ends;
    check_fits(model, request.prompt.size(), param);
    return prompt.dropped_prefix + prompt.dropped_suffix + prompt.dropped_extra;
  } catch (const Refusal&) {
    throw;
  } catch (const Error& error) {
    throw Refusal(400, param, error.parts(), "no_infill_tokens");
  }
}

text::FimLimits infill_limits(const Model& model, const InfillRequest& infill) {
  const int64_t context = model.engine.options().context, batch = std::min(kMostBatch, context / 2);
  const auto middle =
      static_cast<int64_t>(model.engine.checkpoint()
                               .tokenizer()
                               .encode(infill.gap.middle, {.add_special = false, .parse_special = false})
                               .size());
  return text::llama_cpp_fim_limits(batch, context, infill.generation->max_tokens, middle);
}

}  // namespace orrery::serve
