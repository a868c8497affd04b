#include "orrery/serve/api/chat_request.h"
#include "orrery/serve/api/chat_writer.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/routes.h"

namespace orrery::serve {
namespace {

std::vector<text::Request> requests_of(const ChatRequest& chat, Model& model) {
  text::Request request = chat.generation->request(model);
  request.prompt = chat_tokens(model, chat);
  request.grammar = chat.form.grammar(model);
  request.top_logprobs = chat.top_logprobs;
  request.cache_prompt = true;
  return seeded(request, chat.generation->n);
}

void answer(const std::shared_ptr<Exchange>& exchange, Service& service, const ChatRequest& chat,
            const std::shared_ptr<Model>& model) {
  auto requests = requests_of(chat, *model);
  const ChatAnswerOptions options{.model = model->name,
                                  .choices = chat.generation->n,
                                  .include_usage = chat.generation->include_usage,
                                  .logprobs = chat.top_logprobs >= 0};
  const bool stream = chat.generation->stream;
  exchange->post([exchange, &service, model, requests = std::move(requests), options, stream]() mutable {
    if (exchange->gone()) return;
    const text::Tokenizer& tokenizer = model->engine.checkpoint().tokenizer();
    auto writer =
        stream ? chat_stream_writer(exchange, tokenizer, options) : chat_whole_writer(exchange, tokenizer, options);
    std::make_shared<Answers>(exchange, model, std::move(requests), std::move(writer), service.metrics)->start();
  });
}

}  // namespace

void add_chat_route(Router& router, Service& service) {
  router.add("POST /v1/chat/completions", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    service.prepare(exchange, openai_error, [exchange, &service] {
      const ChatRequest chat(parse_body(exchange->take_body()));
      service.prepare_with(exchange, openai_error, chat.model,
                           [exchange, &service, chat](const auto& model) { answer(exchange, service, chat, model); });
    });
  });
}

}  // namespace orrery::serve
