#include "orrery/serve/app.h"

#include <fmt/format.h>
#include <signal.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "orrery/base/log.h"
#include "orrery/serve/api/chat_writer.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/json_text.h"
#include "orrery/serve/api/openapi.h"
#include "orrery/serve/api/routes.h"
#include "orrery/serve/store/store.h"

namespace orrery::serve {
namespace {

// Who can reach the server can use it, unless it asks for keys.
void check_address(const std::string& address, const ServeOptions& options) {
  if (is_loopback(address)) return;
  if (options.gate.keys_file.empty())
    throw Error({.doing = "serve",
                 .where = "address " + address,
                 .found = "no API keys, where other machines can reach it",
                 .expected = "--api-keys FILE",
                 .advice = "orrery serve --make-key NAME makes a key and its line"});
  if (options.http.certificate.empty())
    log(LogLevel::kWarning,
        "keys and texts travel readable without TLS: give --certificate and --private-key, or put a proxy with TLS "
        "before this");
}

// What SIGHUP cannot change, of what is to be another.
std::string changed_for_good(const ServeOptions& now, const ServeOptions& next) {
  std::string names;
  const auto add = [&](const char* name, bool same) {
    if (!same) names += (names.empty() ? "" : ", ") + std::string(name);
  };
  add("address", now.http.address == next.http.address);
  add("port", now.http.port == next.http.port);
  add("certificate", now.http.certificate == next.http.certificate);
  add("private_key", now.http.private_key == next.http.private_key);
  add("studio", now.studio == next.studio);
  add("database", now.database == next.database);
  return names;
}

class App {
 public:
  App(const ServeOptions& options, std::function<ServeOptions()> read)
      : read_(std::move(read)),
        options_(options),
        gate_(options.gate, is_loopback(options.http.address)),
        server_(options.http, handlers()),
        service_(options.models, options.memory_bytes, options.queue) {
    add_chat_route(router_, service_);
    add_completion_route(router_, service_);
    add_responses_route(router_, service_);
    add_embedding_route(router_, service_);
    add_infill_route(router_, service_);
    add_model_routes(router_, service_);
    add_token_routes(router_, service_);
    add_ollama_routes(router_, service_);
    service_.version = options.version;
    service_.body_bytes = options.http.body_bytes;
    if (options.studio) {
      service_.store = std::make_unique<Store>(options.database);
      add_studio_routes(router_, service_);
    }
    add_own_routes();
  }

  void run(const std::function<void(const std::string&, uint16_t)>& ready) {
    std::thread opener([this] { open_models(); });
    server_.run([this](int signal) { on_signal(signal); }, [&] { ready(options_.http.address, server_.port()); });
    opener.join();
    service_.shelf.cancel_all();  // answers that were cut off know the server
    server_.settle();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  HttpHandlers handlers() {
    return {.handle = [this](const std::shared_ptr<Exchange>& exchange) { handle(exchange); },
            .refuse = [](int status, const std::string& message) { return openai_error(status, message); },
            .finished = [this](const Exchange& exchange) { finished(exchange); }};
  }

  void open_models() {
    try {
      service_.shelf.open_pinned();
      ready_ = true;
    } catch (...) {
      failure_ = std::current_exception();
      server_.stop();
    }
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) return reload();
    if (draining_) return server_.stop();  // asked twice
    draining_ = true;
    log(LogLevel::kInfo, "no new requests; running answers end");
    server_.drain(options_.drain_time);
  }

  // All of it is read before any of it counts, in the worker: files take their time.
  void reload() {
    service_.worker.post([this, address = options_.http.address] {
      try {
        ServeOptions next = read_();
        check_address(address, next);
        std::vector<ApiKey> keys = read_keys(next.gate);
        service_.shelf.check(next.models);
        server_.post([this, next = std::move(next), keys = std::move(keys)] { change(next, keys); });
      } catch (const Error& error) {
        log(LogLevel::kError, fmt::format("settings stay as they were: {}", error.what()));
      }
    });
  }

  void change(const ServeOptions& next, const std::vector<ApiKey>& keys) {
    if (draining_) return;
    gate_.replace(next.gate, keys);
    server_.limit(next.http.connections, next.http.body_bytes);
    service_.queue = next.queue;
    service_.body_bytes = next.http.body_bytes;
    service_.shelf.replace(next.models, next.memory_bytes);
    options_.drain_time = next.drain_time;
    options_.log_requests = next.log_requests;
    const std::string fixed = changed_for_good(options_, next);
    if (!fixed.empty()) log(LogLevel::kWarning, "only a restart changes " + fixed);
    log(LogLevel::kInfo, "settings and API keys were read again");
  }

  void handle(const std::shared_ptr<Exchange>& exchange) {
    const Request& request = exchange->request();
    exchange->record.id = new_id("req-");
    exchange->add_headers({{"X-Request-Id", exchange->record.id}, {"X-Content-Type-Options", "nosniff"}});
    exchange->add_headers(gate_.cors_headers(request));
    try {
      if (auto answer = gate_.preflight(request)) return exchange->respond(*std::move(answer));
      exchange->record.key = gate_.admit(request);
      const Router::Match match = router_.match(request.method, request.path);
      exchange->record.route = match.handler ? match.pattern : request.method;
      if (draining_ && request.path != "/health" && request.path != "/metrics")
        return exchange->respond(openai_error(503, "the server is going down", "shutting_down"));
      if (match.handler) return (*match.handler)(exchange, match.values);
      if (match.methods.empty())
        return exchange->respond(openai_error(404, "there is nothing at " + request.path, "not_found"));
      Response response =
          openai_error(405, request.path + " does not have the method " + request.method, "method_not_allowed");
      std::string allowed;
      for (const std::string& method : match.methods) allowed += (allowed.empty() ? "" : ", ") + method;
      response.headers.emplace_back("Allow", allowed);
      exchange->respond(std::move(response));
    } catch (const std::exception& error) {
      if (!exchange->answered()) exchange->respond(openai_error(error));
    }
  }

  void add_own_routes() {
    const auto status = [](const char* text) { return nlohmann::ordered_json{{"status", text}}.dump(); };
    router_.add("GET /health", [=](const auto& exchange, const auto&) { exchange->respond({.body = status("ok")}); });
    router_.add("GET /ready", [=, this](const auto& exchange, const auto&) {
      if (ready_) return exchange->respond({.body = status("ok")});
      exchange->respond(openai_error(503, "models are being opened", "loading"));
    });
    router_.add("GET /openapi.json", [](const auto& exchange, const auto&) {
      exchange->respond({.body = std::string(openapi_document())});
    });
    router_.add("GET /metrics", [this](const auto& exchange, const auto&) {
      std::vector<Metrics::Open> open;
      for (const auto& listing : service_.shelf.list())
        if (listing.model)
          open.push_back({listing.name, listing.model->engine.load(), listing.model->turnstile.waiting()});
      exchange->respond({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                         .body = service_.metrics.text(open, server_.open_connections())});
    });
  }

  void finished(const Exchange& exchange) {
    const Exchange::Record& record = exchange.record;
    const int status = exchange.gone() ? 499 : record.status;  // nginx's number for a client that left
    service_.metrics.count_response(status);
    if (!record.key.empty()) gate_.count_tokens(record.key, record.prompt_tokens + record.completion_tokens);
    if (!options_.log_requests) return;
    const double seconds = std::chrono::duration<double>(Exchange::Clock::now() - record.arrived).count();
    std::string line = fmt::format(
        "{{\"time\":{},\"request\":\"{}\",\"peer\":{},\"method\":{},\"path\":{},\"status\":{},\"bytes\":{},\"seconds\":"
        "{:.4f}",
        unix_seconds(), record.id, json_string(exchange.request().peer), json_string(exchange.request().method),
        json_string(exchange.request().path), status, record.bytes, seconds);
    if (!record.key.empty()) line += ",\"key\":" + json_string(record.key);
    if (!record.model.empty())
      line +=
          fmt::format(",\"model\":{},\"prompt_tokens\":{},\"cached_tokens\":{},\"completion_tokens\":{}",
                      json_string(record.model), record.prompt_tokens, record.cached_tokens, record.completion_tokens);
    std::cerr << line + "}\n";
  }

  const std::function<ServeOptions()> read_;
  ServeOptions options_;
  Router router_;
  std::atomic<bool> ready_{false};
  bool draining_ = false;
  std::exception_ptr failure_;
  Gate gate_;
  HttpServer server_;
  Service service_;  // after the server: what it ends tells the server
};

}  // namespace

void serve(const std::function<ServeOptions()>& read, const std::function<void(const std::string&, uint16_t)>& ready) {
  const ServeOptions options = read();
  check_address(options.http.address, options);
  App(options, read).run(ready);
}

}  // namespace orrery::serve
