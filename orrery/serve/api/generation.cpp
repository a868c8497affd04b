#include "orrery/serve/api/generation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

constexpr int64_t kMostChoices = 128, kMostStops = 16;
constexpr double kMax = std::numeric_limits<float>::max();

// {"token id": bias}, OpenAI's, or llama.cpp's [[id, bias], …]; false forbids.
std::vector<std::pair<int64_t, float>> read_logit_bias(Fields& fields) {
  std::vector<std::pair<int64_t, float>> biases;
  const ordered_json* value = fields.any("logit_bias");
  if (value == nullptr) return biases;
  const auto bias_of = [&](const ordered_json& one) {
    if (one == ordered_json(false)) return -std::numeric_limits<float>::infinity();
    if (!one.is_number())
      fields.refuse("logit_bias", one.dump(-1, ' ', true, ordered_json::error_handler_t::replace), "numbers");
    return one.get<float>();
  };
  if (value->is_object()) {
    for (const auto& [name, bias] : value->items()) {
      int64_t id = 0;
      if (std::from_chars(name.data(), name.data() + name.size(), id).ptr != name.data() + name.size() || name.empty())
        fields.refuse("logit_bias", "\"" + name + "\"", "token ids");
      biases.emplace_back(id, bias_of(bias));
    }
  } else if (value->is_array()) {
    for (const ordered_json& pair : *value) {
      if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer())
        fields.refuse("logit_bias", "another form", "{\"id\": bias, …} or [[id, bias], …]");
      biases.emplace_back(pair[0].get<int64_t>(), bias_of(pair[1]));
    }
  } else {
    fields.refuse("logit_bias", "another form", "{\"id\": bias, …}");
  }
  return biases;
}

// "name", [{"name", "weight"}], or {"name": weight}; weight 1 where nothing is said.
std::vector<text::AdapterUse> read_adapters(Fields& fields) {
  std::vector<text::AdapterUse> uses;
  const ordered_json* value = fields.any("lora");
  if (value == nullptr) return uses;
  if (value->is_string()) return {{value->get<std::string>()}};
  if (!value->is_array()) fields.refuse("lora", "another form", "a name, or [{\"name\", \"weight\"}, …]");
  for (size_t i = 0; i < value->size(); ++i) {
    const ordered_json& one = (*value)[i];
    if (one.is_string()) {
      uses.push_back({one.get<std::string>()});
      continue;
    }
    Fields use(one, fmt::format("{}[{}]", fields.at("lora"), i));
    uses.push_back({use.text_or_throw("name"), static_cast<float>(use.number("weight", -1e6, 1e6).value_or(1))});
    use.finish();
  }
  return uses;
}

struct NamedSampler {
  std::string_view name;
  void (*off)(text::SamplingOptions&);
  void (*on)(text::SamplingOptions&) = nullptr;
};

// llama.cpp's names in the order in which ours run. XTC is off unless fields ask for it, which are refused. Its
// "infill" draws among the few tokens of at least a fifth of the probability; ours takes the likeliest.
constexpr NamedSampler kSamplers[] = {
    {"penalties",
     [](text::SamplingOptions& s) {
       s.repeat_penalty = 1;
       s.frequency_penalty = s.presence_penalty = 0;
     }},
    {"dry", [](text::SamplingOptions& s) { s.dry_multiplier = 0; }},
    {"top_n_sigma", [](text::SamplingOptions& s) { s.top_n_sigma = -1; }},
    {"top_k", [](text::SamplingOptions& s) { s.top_k = 0; }},
    {"typ_p", [](text::SamplingOptions& s) { s.typical_p = 1; }},
    {"top_p", [](text::SamplingOptions& s) { s.top_p = 1; }},
    {"min_p", [](text::SamplingOptions& s) { s.min_p = 0; }},
    {"xtc", [](text::SamplingOptions&) {}},
    {"temperature", [](text::SamplingOptions& s) { s.temperature = 1; }},
    {"infill", [](text::SamplingOptions&) {}, [](text::SamplingOptions& s) { s.temperature = 0; }},
};

// llama.cpp's list of the samplers that run: the others are off.
std::vector<std::function<void(text::SamplingOptions&)>> read_samplers(Fields& fields) {
  std::vector<std::function<void(text::SamplingOptions&)>> changes;
  if (fields.array("samplers") == nullptr) return changes;
  size_t at = 0;
  const auto off = [&](size_t end) {
    for (; at < end; ++at) changes.emplace_back(kSamplers[at].off);
  };
  for (const std::string& name : fields.texts("samplers")) {
    const auto found = std::ranges::find(kSamplers, name, &NamedSampler::name);
    std::string names;
    for (const NamedSampler& one : kSamplers) names += fmt::format("{}{}", names.empty() ? "" : ", ", one.name);
    if (found == std::end(kSamplers)) fields.refuse("samplers", "\"" + name + "\"", "some of " + names);
    const auto index = static_cast<size_t>(found - std::begin(kSamplers));
    if (index < at) fields.refuse("samplers", "\"" + name + "\" there", "this order: " + names);
    off(index);
    if (found->on) changes.emplace_back(found->on);
    ++at;
  }
  off(std::size(kSamplers));
  return changes;
}

}  // namespace

GenerationFields::GenerationFields(Fields& fields) {
  const auto number = [&](std::string_view name, double least, double most, float text::SamplingOptions::*member) {
    if (const auto value = fields.number(name, least, most))
      changes_.push_back(
          [member, value](text::SamplingOptions& sampling) { sampling.*member = static_cast<float>(*value); });
  };
  const auto integer = [&](std::string_view name, int64_t least, int64_t most, int32_t text::SamplingOptions::*member) {
    if (const auto value = fields.integer(name, least, most))
      changes_.push_back(
          [member, value](text::SamplingOptions& sampling) { sampling.*member = static_cast<int32_t>(*value); });
  };
  using S = text::SamplingOptions;
  number("temperature", 0, 100, &S::temperature);
  number("top_p", 0, 1, &S::top_p);
  number("min_p", 0, 1, &S::min_p);
  number("typical_p", 0, 1, &S::typical_p);
  number("top_n_sigma", -1, kMax, &S::top_n_sigma);
  number("repeat_penalty", 1e-3, 1e3, &S::repeat_penalty);
  number("repetition_penalty", 1e-3, 1e3, &S::repeat_penalty);
  number("frequency_penalty", -2, 2, &S::frequency_penalty);
  number("presence_penalty", -2, 2, &S::presence_penalty);
  number("dry_multiplier", 0, kMax, &S::dry_multiplier);
  number("dry_base", 1, kMax, &S::dry_base);
  number("mirostat_tau", 0, kMax, &S::mirostat_tau);
  number("mirostat_eta", 0, kMax, &S::mirostat_eta);
  integer("top_k", -1, INT32_MAX, &S::top_k);
  integer("repeat_last_n", -1, INT32_MAX, &S::penalty_last_n);
  integer("dry_allowed_length", 0, INT32_MAX, &S::dry_allowed_length);
  integer("dry_penalty_last_n", -1, INT32_MAX, &S::dry_penalty_last_n);
  integer("mirostat", 0, 2, &S::mirostat);
  if (const auto seed = fields.integer("seed"))
    changes_.push_back([seed](S& sampling) {
      if (*seed != -1) sampling.seed = static_cast<uint64_t>(*seed);  // llama.cpp: -1 draws one
    });
  for (auto& change : read_samplers(fields)) changes_.push_back(std::move(change));  // behind what they undo
  logit_bias_ = read_logit_bias(fields);
  adapters_ = read_adapters(fields);
  ignore_eos_ = fields.flag("ignore_eos").value_or(false);
  n = static_cast<int>(fields.integer("n", 1, kMostChoices).value_or(1));
  stop = fields.texts("stop");
  if (stop.size() > kMostStops)
    fields.refuse("stop", fmt::format("{} texts", stop.size()), fmt::format("at most {}", kMostStops));
  stream = fields.flag("stream").value_or(false);
  if (const ordered_json* options = fields.object("stream_options")) {
    if (!stream) fields.refuse("stream_options", "stream_options", "it only together with \"stream\": true");
    Fields inner(*options, fields.at("stream_options"));
    include_usage = inner.flag("include_usage").value_or(false);
    inner.ignore({"include_obfuscation"});
    inner.finish();
  }
}

text::Request GenerationFields::request(const Model& model) const {
  const int64_t vocabulary = model.engine.spec().vocab_size;
  for (const text::AdapterUse& use : adapters_) {
    if (std::find(model.adapters.begin(), model.adapters.end(), use.name) != model.adapters.end()) continue;
    throw Refusal(400, "lora",
                  {.doing = "read the request",
                   .where = "lora",
                   .found = "\"" + use.name + "\"",
                   .expected = model.adapters.empty() ? "nothing: this model has no adapters"
                                                      : fmt::format("one of {}", fmt::join(model.adapters, ", "))},
                  "adapter_not_found");
  }
  text::Request request{.sampling = sampled(model.engine.checkpoint().sampling(), vocabulary),
                        .max_tokens = max_tokens,
                        .stop = stop,
                        .adapters = adapters_,
                        .ignore_eos = ignore_eos_};
  return request;
}

text::SamplingOptions GenerationFields::sampled(text::SamplingOptions sampling, int64_t vocabulary) const {
  for (const auto& change : changes_) change(sampling);
  for (const auto& [id, bias] : logit_bias_) {
    if (id < 0 || id >= vocabulary)
      throw Refusal(400, "logit_bias",
                    {.doing = "read the request",
                     .where = "logit_bias",
                     .found = fmt::format("token {}", id),
                     .expected = fmt::format("0 to {}", vocabulary - 1)});
    sampling.logit_bias.emplace_back(static_cast<text::TokenId>(id), bias);
  }
  return sampling;
}

AnswerForm AnswerForm::read(Fields& fields) {
  AnswerForm form;
  const auto set = [&](std::string field) {
    if (!form.field.empty()) fields.refuse(field, "it beside " + form.field, "one of them");
    form.field = std::move(field);
  };
  if (const auto grammar = fields.text("grammar"); grammar && !grammar->empty()) {
    set("grammar");
    form.gbnf = *grammar;
  }
  if (const ordered_json* schema = fields.object("json_schema")) {
    set("json_schema");
    form.schema = std::make_shared<ordered_json>(*schema);
  }
  const ordered_json* format = fields.object("response_format");
  if (format == nullptr) return form;
  Fields inner(*format, fields.at("response_format"));
  const std::string type = inner.text_or_throw("type");
  if (type == "json_object") {
    set("response_format");
    const ordered_json* schema = inner.object("schema");  // llama.cpp's
    form.schema = std::make_shared<ordered_json>(schema ? *schema : ordered_json{{"type", "object"}});
  } else if (type == "json_schema") {
    set("response_format.json_schema.schema");
    const ordered_json* named = inner.object("json_schema");
    if (named == nullptr) inner.refuse("json_schema", "nothing", "an object with \"schema\"");
    Fields parts(*named, inner.at("json_schema"));
    parts.ignore({"name", "description", "strict"});  // strict or not, the answer follows the schema
    const ordered_json* schema = parts.object("schema");
    if (schema == nullptr) parts.refuse("schema", "nothing", "a JSON schema");
    form.schema = std::make_shared<ordered_json>(*schema);
    parts.finish();
  } else if (type != "text") {
    inner.refuse("type", "\"" + type + "\"", "text, json_object or json_schema");
  }
  inner.finish();
  return form;
}

std::shared_ptr<const text::Grammar> AnswerForm::grammar(Model& model) const {
  if (free()) return nullptr;
  try {
    return std::make_shared<text::Grammar>(schema ? text::Grammar::from_json_schema(*schema, model.trie())
                                                  : text::Grammar::from_gbnf(gbnf, model.trie()));
  } catch (const Error& error) {
    throw Refusal(400, field, error.parts(), schema ? "invalid_schema" : "invalid_grammar");
  }
}

std::vector<text::Request> seeded(const text::Request& request, int n) {
  std::vector<text::Request> requests(static_cast<size_t>(n), request);
  for (size_t i = 1; i < requests.size(); ++i)
    if (auto& seed = requests[i].sampling.seed) *seed += i;
  return requests;
}

void check_fits(const Model& model, size_t prompt_tokens, const std::string& param) {
  const int64_t context = model.engine.options().context;
  if (static_cast<int64_t>(prompt_tokens) < context) return;
  throw Refusal(400, param,
                {.doing = "answer",
                 .where = param,
                 .found = fmt::format("{} tokens", prompt_tokens),
                 .expected = fmt::format("at most {} in a context of {}", context - 1, context)},
                "context_length_exceeded");
}

}  // namespace orrery::serve
