// llama.cpp's /infill: code for a gap, as editors ask for it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "orrery/serve/api/answers.h"
#include "orrery/serve/api/chat_writer.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/infill_request.h"
#include "orrery/serve/api/json_text.h"
#include "orrery/serve/api/line_limits.h"
#include "orrery/serve/api/routes.h"

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

struct InfillOptions {
  bool stream = false, answers = true, tokens = false, cut = false;
  int64_t prompt_tokens = 0, indent = 0;
  double seconds = 0;
  std::vector<std::string> response_fields, stop;
};

// {"timings/prompt_n": 3, …}: the named fields of an answer, those of objects in it by their path.
ordered_json only_fields(const ordered_json& answer, const std::vector<std::string>& paths) {
  ordered_json out = ordered_json::object();
  for (const std::string& path : paths) {
    const ordered_json* at = &answer;
    for (size_t begin = 0; at != nullptr && begin <= path.size();) {
      const size_t end = std::min(path.find('/', begin), path.size());
      const auto next = at->is_object() ? at->find(path.substr(begin, end - begin)) : at->end();
      at = at->is_object() && next != at->end() ? &*next : nullptr;
      begin = end + 1;
    }
    if (at != nullptr) out[path] = *at;
  }
  return out;
}

class InfillWriter : public AnswerWriter {
 public:
  InfillWriter(std::shared_ptr<Exchange> exchange, std::shared_ptr<Model> model, InfillOptions options)
      : exchange_(std::move(exchange)),
        model_(std::move(model)),
        options_(std::move(options)),
        limits_(options_.indent, options_.seconds) {}

  void begin() override {
    if (!options_.stream) return;
    exchange_->begin("text/event-stream; charset=utf-8", {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}});
    exchange_->set_keep_alive(": waiting\n\n");
  }

  void event(int, const text::StreamEvent& event) override {
    if (!options_.answers) return;
    if (!first_) first_ = Clock::now();
    std::string text = limits_.push(event.text, std::chrono::duration<double>(Clock::now() - *first_).count());
    if (event.token >= 0) tokens_.push_back(event.token);
    if (event.finish != text::FinishReason::kNone) {
      text += limits_.finish();
      finish_ = event.finish;
    }
    has_new_line_ |= text.find('\n') != std::string::npos;
    if (!options_.stream) {
      content_ += text;
    } else if (!text.empty()) {
      ordered_json piece = {{"index", 0},
                            {"content", text},
                            {"tokens", new_tokens()},
                            {"stop", false},
                            {"tokens_predicted", tokens_.size()},
                            {"tokens_evaluated", options_.prompt_tokens}};
      write(piece);
    }
  }

  text::FinishReason enough(int) const override {
    return limits_.reached() ? text::FinishReason::kLength : text::FinishReason::kNone;
  }

  void done(const Usage& usage) override {
    const bool ended = finish_ == text::FinishReason::kStop;
    const std::string word = ended ? stopping_word() : "";
    ordered_json answer = {{"index", 0},
                           {"content", content_},
                           {"tokens", new_tokens()},
                           {"model", model_->name},
                           {"stop", true},
                           {"stop_type", !ended         ? "limit"
                                         : word.empty() ? "eos"
                                                        : "word"},
                           {"stopping_word", word},
                           {"tokens_predicted", options_.answers ? usage.completion_tokens : 0},
                           {"tokens_evaluated", usage.prompt_tokens},
                           {"tokens_cached", usage.cached_tokens},
                           {"has_new_line", has_new_line_},
                           {"truncated", options_.cut},
                           {"timings", ordered_json::parse(timings_json(usage))}};
    if (!options_.response_fields.empty()) answer = only_fields(answer, options_.response_fields);
    if (!options_.stream) return exchange_->respond({.body = dumped(answer)});
    write(answer);
    exchange_->end();
  }

  void failed(int status, const std::string& message) override {
    if (!options_.stream) return exchange_->respond(openai_error(status, message));
    exchange_->write("data: " + openai_error(status, message).body + "\n\n");
    exchange_->end();
  }

 private:
  using Clock = std::chrono::steady_clock;

  // return_tokens: those that no event has told yet.
  ordered_json new_tokens() {
    ordered_json tokens = ordered_json::array();
    for (; options_.tokens && told_ < tokens_.size(); ++told_) tokens.push_back(tokens_[told_]);
    return tokens;
  }
  // The earliest of the stop texts in what the model wrote.
  std::string stopping_word() const {
    const std::string written = model_->engine.checkpoint().tokenizer().decode(tokens_);
    size_t first = std::string::npos;
    std::string found;
    for (const std::string& stop : options_.stop) {
      const size_t at = stop.empty() ? std::string::npos : written.find(stop);
      if (at >= first) continue;
      first = at;
      found = stop;
    }
    return found;
  }
  void write(const ordered_json& json) { exchange_->write("data: " + dumped(json) + "\n\n"); }

  std::shared_ptr<Exchange> exchange_;
  std::shared_ptr<Model> model_;
  const InfillOptions options_;
  LineLimits limits_;
  std::optional<Clock::time_point> first_;
  std::string content_;
  std::vector<text::TokenId> tokens_;
  size_t told_ = 0;
  bool has_new_line_ = false;
  text::FinishReason finish_ = text::FinishReason::kLength;
};

void answer_infill(const std::shared_ptr<Exchange>& exchange, Service& service, const InfillRequest& infill,
                   const std::shared_ptr<Model>& model) {
  text::Request request = infill.generation->request(*model);
  const bool cut = set_gap(request, *model, infill.gap, infill_limits(*model, infill), "input_prefix") > 0;
  request.grammar = infill.form.grammar(*model);
  request.cache_prompt = true;
  InfillOptions options{.stream = infill.generation->stream,
                        .answers = infill.answers,
                        .tokens = infill.tokens,
                        .cut = cut,
                        .prompt_tokens = static_cast<int64_t>(request.prompt.size()),
                        .indent = infill.indent,
                        .seconds = infill.seconds,
                        .response_fields = infill.response_fields,
                        .stop = infill.generation->stop};
  exchange->post(
      [exchange, &service, model, requests = std::vector{std::move(request)}, options = std::move(options)]() mutable {
        if (exchange->gone()) return;
        auto writer = std::make_unique<InfillWriter>(exchange, model, std::move(options));
        std::make_shared<Answers>(exchange, model, std::move(requests), std::move(writer), service.metrics)->start();
      });
}

}  // namespace

void add_infill_route(Router& router, Service& service) {
  router.add("POST /infill", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    service.prepare(exchange, openai_error, [exchange, &service] {
      const InfillRequest infill(parse_body(exchange->take_body()));
      service.prepare_with(exchange, openai_error, infill.model, [exchange, &service, infill](const auto& model) {
        answer_infill(exchange, service, infill, model);
      });
    });
  });
}

}  // namespace orrery::serve
