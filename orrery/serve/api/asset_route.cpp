#include "orrery/serve/api/asset_route.h"

namespace orrery::serve {

void add_asset(Router& router, const std::string& path, const web::Asset& asset, const char* policy) {
  router.add("GET " + path, [&asset, policy](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    Response response{.content_type = std::string(asset.content_type),
                      .headers = {{"ETag", std::string(asset.etag)},
                                  {"Cache-Control", "no-cache"},
                                  {"Content-Security-Policy", policy},
                                  {"Referrer-Policy", "no-referrer"}}};
    if (!asset.encoding.empty()) response.headers.emplace_back("Content-Encoding", asset.encoding);
    if (exchange->request().header("if-none-match") == asset.etag)
      response.status = 304;
    else
      response.body = std::string(asset.bytes);
    exchange->respond(std::move(response));
  });
}

}  // namespace orrery::serve
