// OpenAI's first API: text in, text that goes on with it out.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "orrery/serve/api/chat_writer.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/generation.h"
#include "orrery/serve/api/infill_request.h"
#include "orrery/serve/api/json_text.h"
#include "orrery/serve/api/prompts.h"
#include "orrery/serve/api/routes.h"

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

struct Completion {
  explicit Completion(const ordered_json& body) {
    Fields fields(body);
    model = fields.text("model").value_or("");
    prompts = read_prompts(fields, "prompt", 128);
    generation = std::make_shared<GenerationFields>(fields);
    form = AnswerForm::read(fields);
    generation->max_tokens = fields.integer("max_tokens", -1, INT32_MAX).value_or(16);  // OpenAI's default
    if (generation->max_tokens == 0) fields.refuse("max_tokens", "0", "1 or more");
    echo = fields.flag("echo").value_or(false);
    if (const auto top = fields.integer("logprobs", 0, 20)) top_logprobs = static_cast<int32_t>(*top);
    if (echo && top_logprobs >= 0) fields.refuse("echo", "it beside logprobs", "one of them");
    const auto best = fields.integer("best_of", 1, 128);
    if (best && *best != generation->n)
      fields.refuse("best_of", std::to_string(*best), "the same number as n: answers are not ranked");
    suffix = fields.text("suffix").value_or("");
    if (!suffix.empty() && !std::ranges::all_of(prompts, [](const ordered_json& one) { return one.is_string(); }))
      fields.refuse("suffix", "it beside token ids", "texts as prompts");
    fields.ignore({"user"});
    fields.finish();
  }

  std::string model, suffix;
  std::vector<ordered_json> prompts;
  std::shared_ptr<GenerationFields> generation;
  AnswerForm form;
  int32_t top_logprobs = -1;
  bool echo = false;
};

// OpenAI's first form of log-probabilities: parallel lists.
struct Logprobs {
  void add(const std::vector<text::TokenLogprob>& token, const text::Tokenizer& tokenizer, size_t offset) {
    tokens.push_back(std::string(tokenizer.bytes(token.front().token, true)));
    values.push_back(token.front().logprob);
    ordered_json one = ordered_json::object();
    for (size_t i = 1; i < token.size(); ++i)
      one[std::string(tokenizer.bytes(token[i].token, true))] = token[i].logprob;
    top.push_back(std::move(one));
    offsets.push_back(offset);
  }
  std::string json() const {
    return ordered_json{{"tokens", tokens}, {"token_logprobs", values}, {"top_logprobs", top}, {"text_offset", offsets}}
        .dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  }
  ordered_json tokens = ordered_json::array(), values = ordered_json::array(), top = ordered_json::array(),
               offsets = ordered_json::array();
};

struct CompletionOptions {
  std::string model;
  std::vector<std::string> echoes;  // per choice; empty: nothing to echo
  bool stream = false, include_usage = false, logprobs = false;
};

class CompletionWriter : public AnswerWriter {
 public:
  CompletionWriter(std::shared_ptr<Exchange> exchange, std::shared_ptr<Model> model, CompletionOptions options)
      : exchange_(std::move(exchange)),
        model_(std::move(model)),
        options_(std::move(options)),
        choices_(options_.echoes.size()) {
    head_ = fmt::format("{{\"id\":\"{}\",\"object\":\"text_completion\",\"created\":{},\"model\":{},", new_id("cmpl-"),
                        unix_seconds(), json_string(options_.model));
  }

  void begin() override {
    if (!options_.stream) return;
    exchange_->begin("text/event-stream; charset=utf-8", {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}});
    exchange_->set_keep_alive(": waiting\n\n");
  }

  void event(int i, const text::StreamEvent& event) override {
    Choice& choice = choices_[i];
    std::string text = choice.begun ? "" : options_.echoes[i];
    choice.begun = true;
    text += event.text;
    Logprobs logprobs;
    if (options_.logprobs && !event.logprobs.empty())
      (options_.stream ? logprobs : choice.logprobs)
          .add(event.logprobs, model_->engine.checkpoint().tokenizer(), choice.offset);
    choice.offset += text.size();
    if (event.finish != text::FinishReason::kNone) choice.finish = fmt::format("\"{}\"", finish_reason(event.finish));
    if (!options_.stream) {
      choice.text += text;
    } else if (!text.empty() || !logprobs.tokens.empty() || event.finish != text::FinishReason::kNone) {
      const std::string written = logprobs.tokens.empty() ? "null" : logprobs.json();
      exchange_->write(fmt::format("data: {}\"choices\":[{}]{}}}\n\n", head_,
                                   one(i, json_string(text), written, choice.finish),
                                   options_.include_usage ? ",\"usage\":null" : ""));
    }
  }

  void done(const Usage& usage) override {
    if (options_.stream) {
      if (options_.include_usage)
        exchange_->write(fmt::format("data: {}\"choices\":[],\"usage\":{},\"timings\":{}}}\n\n", head_,
                                     usage_json(usage), timings_json(usage)));
      exchange_->write("data: [DONE]\n\n");
      return exchange_->end();
    }
    std::string body = head_ + "\"choices\":[";
    for (size_t i = 0; i < choices_.size(); ++i) {
      if (i > 0) body += ',';
      body += one(static_cast<int>(i), json_string(choices_[i].text),
                  options_.logprobs ? choices_[i].logprobs.json() : "null", choices_[i].finish);
    }
    body += fmt::format("],\"usage\":{},\"timings\":{}}}", usage_json(usage), timings_json(usage));
    exchange_->respond({.body = std::move(body)});
  }

  void failed(int status, const std::string& message) override {
    if (!options_.stream) return exchange_->respond(openai_error(status, message));
    exchange_->write("data: " + openai_error(status, message).body + "\n\n");
    exchange_->end();
  }

 private:
  struct Choice {
    std::string text, finish = "null";
    Logprobs logprobs;
    size_t offset = 0;
    bool begun = false;
  };
  static std::string one(int i, std::string_view text, std::string_view logprobs, std::string_view finish) {
    return fmt::format("{{\"text\":{},\"index\":{},\"logprobs\":{},\"finish_reason\":{}}}", text, i, logprobs, finish);
  }

  std::shared_ptr<Exchange> exchange_;
  std::shared_ptr<Model> model_;
  const CompletionOptions options_;
  std::vector<Choice> choices_;
  std::string head_;
};

void answer_completion(const std::shared_ptr<Exchange>& exchange, Service& service, const Completion& completion,
                       const std::shared_ptr<Model>& model) {
  text::Request request = completion.generation->request(*model);
  request.grammar = completion.form.grammar(*model);
  request.top_logprobs = completion.top_logprobs;
  request.cache_prompt = true;
  std::vector<text::Request> requests;
  CompletionOptions options{.model = model->name,
                            .stream = completion.generation->stream,
                            .include_usage = completion.generation->include_usage,
                            .logprobs = completion.top_logprobs >= 0};
  for (const ordered_json& prompt : completion.prompts) {
    std::string echo;
    if (completion.suffix.empty()) {
      request.prompt = tokens_of(*model, prompt, "prompt");
      if (completion.echo) echo = model->engine.checkpoint().tokenizer().decode(request.prompt);
    } else {
      set_gap(request, *model, {.prefix = prompt, .suffix = completion.suffix}, {}, "suffix");
      if (completion.echo) echo = prompt;
    }
    for (text::Request& one : seeded(request, completion.generation->n)) {
      requests.push_back(std::move(one));
      options.echoes.push_back(echo);
    }
  }
  exchange->post([exchange, &service, model, requests = std::move(requests), options = std::move(options)]() mutable {
    if (exchange->gone()) return;
    auto writer = std::make_unique<CompletionWriter>(exchange, model, std::move(options));
    std::make_shared<Answers>(exchange, model, std::move(requests), std::move(writer), service.metrics)->start();
  });
}

}  // namespace

void add_completion_route(Router& router, Service& service) {
  router.add("POST /v1/completions", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    service.prepare(exchange, openai_error, [exchange, &service] {
      const Completion completion(parse_body(exchange->take_body()));
      service.prepare_with(exchange, openai_error, completion.model,
                           [exchange, &service, completion](const auto& model) {
                             answer_completion(exchange, service, completion, model);
                           });
    });
  });
}

}  // namespace orrery::serve
