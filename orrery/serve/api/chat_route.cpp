#include "orrery/serve/api/chat_work.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/routes.h"

namespace orrery::serve {
namespace {

void answer_chat(const std::shared_ptr<Exchange>& exchange, Service& service, const ChatRequest& chat,
                 const std::shared_ptr<Model>& model) {
  auto work = std::make_shared<ChatWork>(chat_work(chat, *model, *exchange));
  exchange->post([exchange, &service, model, work, stream = chat.generation->stream] {
    if (exchange->gone()) return;
    const text::Tokenizer& tokenizer = model->engine.checkpoint().tokenizer();
    auto writer = stream ? chat_stream_writer(exchange, tokenizer, std::move(work->options))
                         : chat_whole_writer(exchange, tokenizer, std::move(work->options));
    std::make_shared<Answers>(exchange, model, std::move(work->requests), std::move(writer), service.metrics)->start();
  });
}

}  // namespace

void add_chat_route(Router& router, Service& service) {
  router.add("POST /v1/chat/completions", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    service.prepare(exchange, openai_error, [exchange, &service] {
      const auto chat = std::make_shared<const ChatRequest>(parse_body(exchange->take_body()));
      prepare_chat(exchange, service, openai_error, chat->model, *chat,
                   [exchange, &service, chat](const auto& model) { answer_chat(exchange, service, *chat, model); });
    });
  });
}

}  // namespace orrery::serve
