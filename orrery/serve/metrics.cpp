#include "orrery/serve/metrics.h"

#include <fmt/format.h>

namespace orrery::serve {
namespace {

std::string label_of(const std::string& model) {
  std::string escaped;
  for (char c : model) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return "model_name=\"" + escaped + "\"";
}

void head(std::string& out, const std::string& name, const char* type, const char* help) {
  out += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

}  // namespace

void Histogram::observe(double seconds) {
  size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
  ++counts_[bucket];
  sum_ += seconds;
  ++total_;
}

void Histogram::write(std::string& out, const std::string& name, const std::string& labels) const {
  uint64_t sum = 0;
  for (size_t i = 0; i < kBounds.size(); ++i) {
    sum += counts_[i];
    out += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, kBounds[i], sum);
  }
  out += fmt::format("{0}_bucket{{{1},le=\"+Inf\"}} {2}\n{0}_sum{{{1}}} {3}\n{0}_count{{{1}}} {2}\n", name, labels,
                     total_, sum_);
}

std::string Metrics::text(const std::vector<Open>& open, int connections) const {
  std::string out;
  const auto per_model = [&](const std::string& name, const char* type, const char* help, auto value) {
    head(out, name, type, help);
    for (const auto& [model, metrics] : models_)
      out += fmt::format("{}{{{}}} {}\n", name, label_of(model), value(metrics));
  };
  const auto per_engine = [&](const std::string& name, const char* type, const char* help, auto value) {
    head(out, name, type, help);
    for (const Open& one : open) out += fmt::format("{}{{{}}} {}\n", name, label_of(one.model), value(one));
  };
  const auto histogram = [&](const std::string& name, const char* help, Histogram ModelMetrics::*member) {
    head(out, name, "histogram", help);
    for (const auto& [model, metrics] : models_) (metrics.*member).write(out, name, label_of(model));
  };
  using M = ModelMetrics;
  histogram("vllm:time_to_first_token_seconds", "From a request's arrival to its first token.",
            &M::time_to_first_token);
  histogram("vllm:inter_token_latency_seconds", "From a token to the next.", &M::inter_token_latency);
  histogram("vllm:e2e_request_latency_seconds", "From a request's arrival to its last token.", &M::request_latency);
  histogram("vllm:request_queue_time_seconds", "From a request's arrival to its first step.", &M::queue_time);
  per_engine("vllm:num_requests_running", "gauge", "Sequences in the batch.",
             [](const Open& o) { return o.load.running; });
  per_engine("vllm:num_requests_waiting", "gauge", "Sequences that wait for a place in it.",
             [](const Open& o) { return o.load.waiting + o.queued; });
  per_engine("vllm:kv_cache_usage_perc", "gauge", "Share of the cache that sequences hold, 0 to 1.", [](const Open& o) {
    return o.load.pages == 0 ? 0.0 : static_cast<double>(o.load.pages_in_use) / static_cast<double>(o.load.pages);
  });
  per_engine("vllm:prefix_cache_queries_total", "counter", "Prompt tokens looked up in the cache.",
             [](const Open& o) { return o.load.prompt_tokens; });
  per_engine("vllm:prefix_cache_hits_total", "counter", "Prompt tokens found in the cache.",
             [](const Open& o) { return o.load.cached_tokens; });
  per_model("vllm:prompt_tokens_total", "counter", "Prompt tokens of finished requests.",
            [](const M& m) { return m.prompt_tokens; });
  per_model("vllm:generation_tokens_total", "counter", "Tokens of finished answers.",
            [](const M& m) { return m.completion_tokens; });
  head(out, "vllm:request_success_total", "counter", "Finished answers, by reason.");
  for (const auto& [model, metrics] : models_)
    for (const auto& [reason, count] : metrics.finished)
      out +=
          fmt::format("vllm:request_success_total{{{},finished_reason=\"{}\"}} {}\n", label_of(model), reason, count);
  per_model("llamacpp:prompt_tokens_total", "counter", "Prompt tokens of finished requests.",
            [](const M& m) { return m.prompt_tokens; });
  per_model("llamacpp:prompt_seconds_total", "counter", "Seconds until first tokens.",
            [](const M& m) { return m.prompt_seconds; });
  per_model("llamacpp:tokens_predicted_total", "counter", "Tokens of finished answers.",
            [](const M& m) { return m.completion_tokens; });
  per_model("llamacpp:tokens_predicted_seconds_total", "counter", "Seconds from first tokens to last ones.",
            [](const M& m) { return m.decode_seconds; });
  per_model("llamacpp:prompt_tokens_seconds", "gauge", "Prompt tokens per second.", [](const M& m) {
    return m.prompt_seconds > 0 ? static_cast<double>(m.prompt_tokens) / m.prompt_seconds : 0;
  });
  per_model("llamacpp:predicted_tokens_seconds", "gauge", "Tokens of an answer per second.", [](const M& m) {
    return m.decode_seconds > 0 ? static_cast<double>(m.completion_tokens) / m.decode_seconds : 0;
  });
  per_engine("llamacpp:requests_processing", "gauge", "Sequences in the batch.",
             [](const Open& o) { return o.load.running; });
  per_engine("llamacpp:requests_deferred", "gauge", "Sequences that wait for a place in it.",
             [](const Open& o) { return o.load.waiting + o.queued; });
  head(out, "orrery_http_responses_total", "counter", "Responses, by status.");
  for (const auto& [status, count] : responses_)
    out += fmt::format("orrery_http_responses_total{{status=\"{}\"}} {}\n", status, count);
  head(out, "orrery_connections", "gauge", "Open connections.");
  out += fmt::format("orrery_connections {}\n", connections);
  return out;
}

}  // namespace orrery::serve
