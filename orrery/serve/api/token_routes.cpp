// llama.cpp's paths for looking at prompts.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "orrery/serve/api/chat_request.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/routes.h"

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

using Make = std::function<ordered_json(const Model&)>;

// A request that is answered by the worker at once. `read` takes the fields and says what to make of a model.
void add_reader(Router& router, Service& service, const std::string& path, std::function<Make(Fields&)> read) {
  router.add("POST " + path, [&service, read](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    service.prepare(exchange, openai_error, [exchange, &service, read] {
      const ordered_json body = parse_body(exchange->take_body());
      Fields fields(body);
      const std::string name = fields.text("model").value_or("");
      const Make make = read(fields);
      fields.finish();
      service.prepare_with(exchange, openai_error, name, [exchange, make](const std::shared_ptr<Model>& model) {
        exchange->post([exchange, body = make(*model).dump(-1, ' ', false, ordered_json::error_handler_t::replace)] {
          if (!exchange->gone()) exchange->respond({.body = body});
        });
      });
    });
  });
}

Make read_tokenize(Fields& fields) {
  const std::string content = fields.text_or_throw("content");
  const text::Tokenizer::EncodeOptions options{.add_special = fields.flag("add_special").value_or(false),
                                               .parse_special = fields.flag("parse_special").value_or(true)};
  const bool pieces = fields.flag("with_pieces").value_or(false);
  return [=](const Model& model) {
    const text::Tokenizer& tokenizer = model.engine.checkpoint().tokenizer();
    ordered_json tokens = ordered_json::array();
    for (text::TokenId id : tokenizer.encode(content, options)) {
      if (pieces)
        tokens.push_back({{"id", id}, {"piece", std::string(tokenizer.bytes(id, true))}});
      else
        tokens.push_back(id);
    }
    return ordered_json{{"tokens", tokens}};
  };
}

Make read_detokenize(Fields& fields) {
  std::vector<text::TokenId> tokens;
  for (const ordered_json& id : fields.array_or_throw("tokens")) {
    if (!id.is_number_integer() || id < 0 || id > INT32_MAX) fields.refuse("tokens", "another value", "token ids");
    tokens.push_back(id.get<text::TokenId>());
  }
  return [=](const Model& model) {
    const text::Tokenizer& tokenizer = model.engine.checkpoint().tokenizer();
    for (text::TokenId id : tokens)
      if (id >= tokenizer.size())
        throw Refusal(400, "tokens",
                      {.doing = "decode tokens",
                       .where = "tokens",
                       .found = fmt::format("{}", id),
                       .expected = fmt::format("0 to {}", tokenizer.size() - 1)});
    return ordered_json{{"content", tokenizer.decode(tokens, true)}};
  };
}

Make read_template(Fields& fields) {
  const ordered_json messages = read_messages(fields.array_or_throw("messages"), "messages", nullptr);
  const bool generate = fields.flag("add_generation_prompt").value_or(true);
  ordered_json values;
  if (const ordered_json* given = fields.object("chat_template_kwargs")) values = *given;
  return [=](const Model& model) {
    return ordered_json{{"prompt", model.chat.prompt(messages, nullptr, generate, values)}};
  };
}

}  // namespace

void add_token_routes(Router& router, Service& service) {
  add_reader(router, service, "/tokenize", read_tokenize);
  add_reader(router, service, "/detokenize", read_detokenize);
  add_reader(router, service, "/apply-template", read_template);
}

}  // namespace orrery::serve
