#include "orrery/serve/api/chat_work.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/responses_request.h"
#include "orrery/serve/api/responses_writer.h"
#include "orrery/serve/api/routes.h"

namespace orrery::serve {
namespace {

std::shared_ptr<ChatWork> response_work(const ResponsesRequest& request, Model& model, const Exchange& exchange) {
  try {
    return std::make_shared<ChatWork>(chat_work(*request.chat, model, exchange));
  } catch (const Refusal& refusal) {
    throw request.renamed(refusal);
  }
}

void answer_response(const std::shared_ptr<Exchange>& exchange, Service& service, const ResponsesRequest& request,
                     const std::shared_ptr<Model>& model) {
  const auto work = response_work(request, *model, *exchange);
  ResponsesOptions options{.model = model->name, .echo = request.echo, .stream = request.chat->generation->stream};
  exchange->post([exchange, &service, model, work, options = std::move(options)]() mutable {
    if (exchange->gone()) return;
    auto writer = responses_writer(exchange, std::move(work->options.parsers.front()), std::move(options));
    std::make_shared<Answers>(exchange, model, std::move(work->requests), std::move(writer), service.metrics)->start();
  });
}

}  // namespace

void add_responses_route(Router& router, Service& service) {
  router.add("POST /v1/responses", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    service.prepare(exchange, openai_error, [exchange, &service] {
      const ResponsesRequest request(parse_body(exchange->take_body()));
      prepare_chat(
          exchange, service, openai_error, request.chat->model, *request.chat,
          [exchange, &service, request](const auto& model) { answer_response(exchange, service, request, model); });
    });
  });
}

}  // namespace orrery::serve
