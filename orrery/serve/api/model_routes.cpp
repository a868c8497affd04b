#include <nlohmann/json.hpp>

#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/routes.h"
#include "orrery/serve/refusal.h"

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

ordered_json model_entry(const Shelf::Listing& listing) {
  ordered_json model = {{"id", listing.name}, {"object", "model"}, {"created", 0}, {"owned_by", "orrery"}};
  if (listing.model) {
    model["created"] = listing.model->created;
    model["max_model_len"] = listing.model->engine.options().context;
  }
  return model;
}

}  // namespace

void add_model_routes(Router& router, Service& service) {
  router.add("GET /v1/models", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    ordered_json list = {{"object", "list"}, {"data", ordered_json::array()}};
    for (const auto& listing : service.shelf.list()) list["data"].push_back(model_entry(listing));
    exchange->respond({.body = list.dump()});
  });
  router.add("GET /v1/models/{model}",
             [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values& values) {
               for (const auto& listing : service.shelf.list())
                 if (listing.name == values.at("model"))
                   return exchange->respond({.body = model_entry(listing).dump()});
               exchange->respond(
                   openai_error(404, "there is no model \"" + values.at("model") + "\"", "model_not_found", "model"));
             });
}

}  // namespace orrery::serve
