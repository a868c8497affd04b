// What every request for text has in common: sampling, limits, adapters.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "orrery/serve/api/fields.h"
#include "orrery/serve/models/model.h"

namespace orrery::serve {

/// Sampling as a request asks for it; what it leaves open is the model's. OpenAI's names (temperature, top_p, seed,
/// frequency_penalty, presence_penalty, logit_bias), and llama.cpp's and vLLM's (top_k, min_p, typical_p, top_n_sigma,
/// repeat_penalty or repetition_penalty, repeat_last_n, dry_*, mirostat*, samplers, ignore_eos).
class GenerationFields {
 public:
  /// Reads the fields. Throws Refusal.
  explicit GenerationFields(Fields& fields);

  /// The request for a model. Throws Refusal for tokens that it does not have, and adapters that are not there.
  text::Request request(const Model& model) const;

  int n = 1;
  bool stream = false, include_usage = false;
  int64_t max_tokens = -1;
  std::vector<std::string> stop;

 private:
  text::SamplingOptions sampled(text::SamplingOptions sampling, int64_t vocabulary) const;

  std::vector<std::function<void(text::SamplingOptions&)>> changes_;
  std::vector<std::pair<int64_t, float>> logit_bias_;
  std::vector<text::AdapterUse> adapters_;
  bool ignore_eos_ = false;
};

/// Where an answer's form is fixed: response_format (text, json_object, json_schema) and llama.cpp's grammar and
/// json_schema.
struct AnswerForm {
  /// Throws Refusal for several of them at once.
  static AnswerForm read(Fields& fields);
  bool free() const { return gbnf.empty() && schema == nullptr; }
  /// nullptr where the answer is free. Throws Refusal for a grammar or schema that cannot be followed.
  std::shared_ptr<const text::Grammar> grammar(Model& model) const;

  std::string gbnf, field;
  std::shared_ptr<const nlohmann::ordered_json> schema;
};

/// The same request `n` times; with a seed, each has one of its own.
std::vector<text::Request> seeded(const text::Request& request, int n);

/// Throws Refusal (context_length_exceeded) with both sizes for a prompt that does not fit.
void check_fits(const Model& model, size_t prompt_tokens, const std::string& param);

}  // namespace orrery::serve
