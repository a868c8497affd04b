// The studio: its files, its database, documents for it.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "orrery/serve/api/asset_route.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/fields.h"
#include "orrery/serve/api/routes.h"
#include "orrery/serve/api/uploaded_document.h"
#include "orrery/serve/store/store.h"

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void add_files(Router& router) {
  for (const web::Asset& asset : web::assets())
    if (asset.path == "/" || asset.path.starts_with("/studio/"))
      add_asset(router, std::string(asset.path), asset, kPolicy);
}

int64_t integer_parameter(const Request& request, std::string_view name, int64_t otherwise) {
  const auto text = request.parameter(name);
  if (!text || text->empty()) return otherwise;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size())
    throw Refusal(
        400, std::string(name),
        {.doing = "read the request", .where = std::string(name), .found = *text, .expected = "a whole number"});
  return value;
}

Page page_of(const Request& request) {
  Page page;
  page.limit =
      static_cast<int>(std::clamp<int64_t>(integer_parameter(request, "limit", page.limit), INT32_MIN, INT32_MAX));
  if (const auto before = request.parameter("before"); before && !before->empty())
    page.before = integer_parameter(request, "before", 0);
  return page;
}

Response json_response(const ordered_json& body, int status = 200) {
  return {.status = status, .body = body.dump(-1, ' ', false, ordered_json::error_handler_t::replace)};
}

// What the database's thread makes of a request.
using Act = std::function<Response(Store&, Exchange&, const Router::Values&)>;

void add_studio(Router& router, Service& service, const std::string& pattern, Act act) {
  router.add(pattern, [&service, act](const std::shared_ptr<Exchange>& exchange, const Router::Values& values) {
    service.store_worker.post([&service, act, exchange, values] {
      if (exchange->gone()) return;
      Response response;
      try {
        response = act(*service.store, *exchange, values);
      } catch (const std::exception& error) {
        response = openai_error(error);
      }
      exchange->post([exchange, response = std::move(response)] {
        if (!exchange->gone()) exchange->respond(response);
      });
    });
  });
}

// Line by line, as fast as the client takes them.
void send_preferences(const std::shared_ptr<Exchange>& exchange, Service& service,
                      const std::shared_ptr<PreferenceCursor>& cursor) {
  service.store_worker.post([exchange, &service, cursor] {
    if (exchange->gone()) return;
    std::string lines;
    try {
      lines = service.store->preference_lines(*cursor);
    } catch (const std::exception& error) {
      lines = openai_error(error).body + "\n";
    }
    exchange->post([exchange, &service, cursor, lines = std::move(lines)] {
      if (exchange->gone()) return;
      if (lines.empty()) return exchange->end();
      exchange->on_drained([exchange, &service, cursor] { send_preferences(exchange, service, cursor); });
      exchange->write(lines);
    });
  });
}

Response info(Service& service) {
  ordered_json models = ordered_json::array(), adapters = ordered_json::array();
  for (const auto& listing : service.shelf.list()) {
    models.push_back(
        {{"id", listing.name},
         {"loaded", listing.model != nullptr},
         {"context", listing.model ? ordered_json(listing.model->engine.options().context) : ordered_json()},
         {"sees_pictures", listing.model && listing.model->engine.spec().patches.size > 0}});
    for (const std::string& name : listing.adapters) adapters.push_back(name);
  }
  return json_response({{"version", service.version},
                        {"models", models},
                        {"adapters", adapters},
                        {"limits", {{"body_bytes", service.body_bytes}, {"image_bytes", service.body_bytes}}}});
}

void add_conversations(Router& router, Service& service) {
  const std::string path = "/api/studio/conversations";
  add_studio(router, service, "GET " + path, [](Store& store, Exchange& exchange, const auto&) {
    return json_response(
        store.conversations(exchange.request().parameter("query").value_or(""), page_of(exchange.request())));
  });
  add_studio(router, service, "POST " + path, [](Store& store, Exchange& exchange, const auto&) {
    return json_response(store.create_conversation(parse_body(exchange.take_body())), 201);
  });
  add_studio(router, service, "GET " + path + "/{id}", [](Store& store, Exchange&, const auto& values) {
    return json_response(store.conversation(values.at("id")));
  });
  add_studio(router, service, "PATCH " + path + "/{id}", [](Store& store, Exchange& exchange, const auto& values) {
    return json_response(store.change_conversation(values.at("id"), parse_body(exchange.take_body())));
  });
  add_studio(router, service, "DELETE " + path + "/{id}", [](Store& store, Exchange&, const auto& values) {
    store.delete_conversation(values.at("id"));
    return Response{.status = 204, .content_type = ""};
  });
  add_studio(router, service, "GET " + path + "/{id}/export", [](Store& store, Exchange&, const auto& values) {
    Response response{.body = store.export_conversation(values.at("id"))};
    response.headers.emplace_back("Content-Disposition", "attachment; filename=\"conversation.json\"");
    return response;
  });
  add_studio(router, service, "PUT " + path + "/{id}/messages/{message}",
             [](Store& store, Exchange& exchange, const auto& values) {
               return json_response(
                   store.put_message(values.at("id"), values.at("message"), parse_body(exchange.take_body())));
             });
}

void add_preferences(Router& router, Service& service) {
  const std::string path = "/api/studio/preferences";
  add_studio(router, service, "POST " + path, [](Store& store, Exchange& exchange, const auto&) {
    return json_response(store.add_preference(parse_body(exchange.take_body())), 201);
  });
  add_studio(router, service, "GET " + path, [](Store& store, Exchange& exchange, const auto&) {
    return json_response(store.preferences(page_of(exchange.request())));
  });
  add_studio(router, service, "DELETE " + path + "/{id}", [](Store& store, Exchange&, const auto& values) {
    store.delete_preference(values.at("id"));
    return Response{.status = 204, .content_type = ""};
  });
  router.add("GET " + path + ".jsonl", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    exchange->begin("application/jsonl", {{"Content-Disposition", "attachment; filename=\"preferences.jsonl\""}});
    send_preferences(exchange, service, std::make_shared<PreferenceCursor>());
  });
}

}  // namespace

void add_studio_routes(Router& router, Service& service) {
  add_files(router);
  router.add("GET /api/studio/info", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    exchange->respond(info(service));
  });
  router.add("POST /api/studio/files", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    const std::string name = exchange->request().parameter("name").value_or("");
    service.read_files(exchange, openai_error, [exchange, name] {
      Response response = json_response(document_json(read_uploaded_document(exchange->take_body(), name)));
      exchange->post([exchange, response = std::move(response)] {
        if (!exchange->gone()) exchange->respond(response);
      });
    });
  });
  add_conversations(router, service);
  add_preferences(router, service);
}

}  // namespace orrery::serve
