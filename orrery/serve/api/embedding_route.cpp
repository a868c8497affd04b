// OpenAI's embeddings.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "orrery/serve/api/base64.h"
#include "orrery/serve/api/embedding.h"
#include "orrery/serve/api/embedding_request.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/json_text.h"
#include "orrery/serve/api/prompts.h"
#include "orrery/serve/api/routes.h"

namespace orrery::serve {
namespace {

struct Work {
  std::vector<std::vector<text::TokenId>> texts;
  int64_t tokens = 0;
  bool base64 = false;
};

std::string body_of(const Exchange& exchange, Model& model, const Work& work) {
  std::string body = "{\"object\":\"list\",\"data\":[";
  for (size_t i = 0; i < work.texts.size(); ++i) {
    if (exchange.gone()) return "";
    const std::vector<float> values = embedding(model, work.texts[i]);
    body += fmt::format("{}{{\"object\":\"embedding\",\"index\":{},\"embedding\":{}}}", i == 0 ? "" : ",", i,
                        work.base64 ? "\"" + base64(std::as_bytes(std::span(values))) + "\"" : float_list(values));
  }
  return body + fmt::format("],\"model\":{},\"usage\":{{\"prompt_tokens\":{},\"total_tokens\":{}}}}}",
                            json_string(model.name), work.tokens, work.tokens);
}

Work embedding_work(const Model& model, const EmbeddingRequest& request) {
  const int64_t size = model.engine.spec().hidden_size;
  if (request.dimensions && *request.dimensions != size)
    throw Refusal(400, "dimensions",
                  {.doing = "read the request",
                   .where = "dimensions",
                   .found = std::to_string(*request.dimensions),
                   .expected = fmt::format("{}, this model's, or nothing", size)});
  Work work{.base64 = request.base64};
  for (const auto& input : request.inputs) {
    work.texts.push_back(tokens_of(model, input, "input"));
    work.tokens += static_cast<int64_t>(work.texts.back().size());
  }
  return work;
}

void answer_embedding(const std::shared_ptr<Exchange>& exchange, Service& service, const EmbeddingRequest& request,
                      const std::shared_ptr<Model>& model) {
  auto work = std::make_shared<const Work>(embedding_work(*model, request));
  service.compute(exchange, openai_error, [exchange, &service, model, work] {
    std::string body = body_of(*exchange, *model, *work);
    exchange->post([exchange, &service, model, work, body = std::move(body)] {
      exchange->record.model = model->name;
      exchange->record.prompt_tokens = work->tokens;
      service.metrics.of(model->name).prompt_tokens += static_cast<uint64_t>(work->tokens);
      if (!exchange->gone()) exchange->respond({.body = body});
    });
  });
}

}  // namespace

void add_embedding_route(Router& router, Service& service) {
  router.add("POST /v1/embeddings", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    service.prepare(exchange, openai_error, [exchange, &service] {
      const EmbeddingRequest request(parse_body(exchange->take_body()));
      service.prepare_with(exchange, openai_error, request.model, [exchange, &service, request](const auto& model) {
        answer_embedding(exchange, service, request, model);
      });
    });
  });
}

}  // namespace orrery::serve
