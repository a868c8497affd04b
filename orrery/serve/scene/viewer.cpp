#include "orrery/serve/scene/viewer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/base/log.h"
#include "orrery/serve/api/asset_route.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/http/server.h"
#include "orrery/serve/refusal.h"
#include "orrery/serve/router.h"
#include "orrery/serve/scene/page.h"
#include "orrery/serve/scene/viewed_scene.h"
#include "orrery/serve/security/gate.h"
#include "orrery/serve/worker.h"

namespace orrery::serve {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using ExchangePointer = std::shared_ptr<Exchange>;

// Spark's code holds WebAssembly and starts its workers from blobs; nothing else may run, and nothing may go elsewhere.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr size_t kPiece = 1 << 20;

std::string content_type_of(std::string_view bytes) {
  if (bytes.starts_with("\xff\xd8")) return "image/jpeg";
  if (bytes.starts_with("\x89PNG")) return "image/png";
  if (bytes.starts_with("RIFF") && bytes.size() > 12 && bytes.substr(8, 4) == "WEBP") return "image/webp";
  throw Refusal(404, "", {.doing = "show a photo", .found = "another file", .expected = "a JPEG, PNG or WebP picture"});
}

// As fast as the client takes them; the scene lives as long.
void send(const ExchangePointer& exchange, std::shared_ptr<const ViewedScene> scene, size_t from) {
  const auto rest = scene->bytes().subspan(from);
  if (rest.empty()) return exchange->end();
  const auto piece = rest.first(std::min(kPiece, rest.size()));
  exchange->on_drained([exchange, scene, next = from + piece.size()] { send(exchange, scene, next); });
  exchange->write({reinterpret_cast<const char*>(piece.data()), piece.size()});
}

class Viewer {
 public:
  explicit Viewer(const ViewOptions& options)
      : file_(scene_file(options.scene)),
        scene_(std::make_shared<const ViewedScene>(file_)),
        cameras_(cameras_of(options.scene, options.cameras)),
        gate_({}, true),
        server_({.port = options.port}, handlers()) {
    add_asset(router_, "/", viewer_asset("/scene/index.html"), kPolicy);
    for (const char* path :
         {"/scene/app.js", "/scene/app.css", "/scene/licences.txt", "/studio/theme.js", "/studio/icon.svg"})
      add_asset(router_, path, viewer_asset(path), kPolicy);
    add("/api/scene/info", [this](const ExchangePointer& exchange, const Router::Values&) {
      refresh();
      return answer(exchange, {.body = info().dump(-1, ' ', false, ordered_json::error_handler_t::replace)});
    });
    add("/api/scene/bytes", [this](const ExchangePointer& exchange, const Router::Values&) {
      exchange->post([exchange, scene = scene_] {
        if (exchange->gone()) return;
        exchange->begin("application/octet-stream");
        send(exchange, scene, 0);
      });
    });
    add("/api/scene/photos/{number}", [this](const ExchangePointer& exchange, const Router::Values& values) {
      return answer(exchange, photo(values.at("number")));
    });
  }

  void run(const std::function<void(const std::string&)>& ready) {
    server_.run([this](int) { server_.stop(); }, [&] { ready(fmt::format("http://127.0.0.1:{}/", server_.port())); });
    server_.settle();
  }

 private:
  HttpHandlers handlers() {
    return {.handle = [this](const ExchangePointer& exchange) { handle(exchange); },
            .refuse = [](int status, const std::string& message) { return openai_error(status, message); },
            .finished = [](const Exchange&) {}};
  }

  void handle(const ExchangePointer& exchange) {
    exchange->add_headers({{"X-Content-Type-Options", "nosniff"}});
    try {
      gate_.admit(exchange->request());
      const Router::Match match = router_.match(exchange->request().method, exchange->request().path);
      if (match.handler) return (*match.handler)(exchange, match.values);
      exchange->respond(openai_error(404, "there is nothing at " + exchange->request().path, "not_found"));
    } catch (const std::exception& error) {
      if (!exchange->answered()) exchange->respond(openai_error(error));
    }
  }

  // In the worker, one after the other: scenes and photos take their time to read.
  void add(const std::string& path, std::function<void(const ExchangePointer&, const Router::Values&)> act) {
    router_.add("GET " + path, [this, act](const ExchangePointer& exchange, const Router::Values& values) {
      worker_.post([=] {
        try {
          act(exchange, values);
        } catch (const std::exception& error) {
          answer(exchange, openai_error(error));
        }
      });
    });
  }

  static void answer(const ExchangePointer& exchange, Response response) {
    exchange->post([exchange, response = std::move(response)] {
      if (!exchange->gone()) exchange->respond(response);
    });
  }

  // What cannot be read now may be half-written: what is there stays, and the next question tries again.
  void refresh() {
    const std::string revision = revision_of(file_);
    if (revision.empty() || revision == scene_->revision()) return;
    try {
      scene_ = std::make_shared<const ViewedScene>(file_);
    } catch (const Error& error) {
      log(LogLevel::kWarning, fmt::format("the scene stays as it was: {}", error.what()));
    }
  }

  ordered_json info() const {
    ordered_json info = scene_->info();
    info["live"] = true;
    info["cameras"] = cameras_json(cameras_, [this](size_t i) {
      return cameras_[i].photo.empty() ? ordered_json() : ordered_json(fmt::format("/api/scene/photos/{}", i));
    });
    return info;
  }

  Response photo(const std::string& number) const {
    for (size_t i = 0; i < cameras_.size(); ++i) {
      if (std::to_string(i) != number || cameras_[i].photo.empty()) continue;
      std::string bytes = read_text(cameras_[i].photo);
      std::string type = content_type_of(bytes);
      return {.content_type = std::move(type), .body = std::move(bytes)};
    }
    throw Refusal(404, "", {.doing = "show a photo", .found = "no camera " + number + " with one"});
  }

  const fs::path file_;
  std::shared_ptr<const ViewedScene> scene_;  // of the worker's thread
  const std::vector<splat::NamedView> cameras_;
  Router router_;
  Gate gate_;
  HttpServer server_;
  Worker worker_;  // last, so that it ends first: its tasks use the others
};

}  // namespace

void view_scene(const ViewOptions& options, const std::function<void(const std::string&)>& ready) {
  Viewer(options).run(ready);
}

}  // namespace orrery::serve
