// Ollama's API, as far as chatting, writing and listing models go.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <initializer_list>
#include <iterator>
#include <nlohmann/json.hpp>

#include "orrery/serve/api/chat_work.h"
#include "orrery/serve/api/error_form.h"
#include "orrery/serve/api/json_text.h"
#include "orrery/serve/api/routes.h"

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

// Ollama's names in our (OpenAI's) terms.
ordered_json generation_body(Fields& fields) {
  ordered_json body = ordered_json::object();
  if (const ordered_json* options = fields.object("options")) {
    Fields inner(*options, "options");
    for (const auto& [theirs, ours] :
         std::initializer_list<std::pair<const char*, const char*>>{{"temperature", "temperature"},
                                                                    {"top_p", "top_p"},
                                                                    {"top_k", "top_k"},
                                                                    {"min_p", "min_p"},
                                                                    {"typical_p", "typical_p"},
                                                                    {"repeat_penalty", "repeat_penalty"},
                                                                    {"repeat_last_n", "repeat_last_n"},
                                                                    {"frequency_penalty", "frequency_penalty"},
                                                                    {"presence_penalty", "presence_penalty"},
                                                                    {"seed", "seed"},
                                                                    {"stop", "stop"},
                                                                    {"num_predict", "max_tokens"},
                                                                    {"mirostat", "mirostat"},
                                                                    {"mirostat_tau", "mirostat_tau"},
                                                                    {"mirostat_eta", "mirostat_eta"}}) {
      if (const ordered_json* value = inner.any(theirs)) body[ours] = *value;
    }
    inner.ignore({"num_ctx", "num_thread", "num_gpu", "num_batch", "num_keep", "use_mmap", "use_mlock", "numa",
                  "low_vram", "main_gpu", "vocab_only", "penalize_newline", "tfs_z"});  // how Ollama loads a model
    inner.finish();
  }
  if (const ordered_json* format = fields.any("format")) {
    if (format->is_object())
      body["response_format"] = {{"type", "json_schema"}, {"json_schema", {{"name", "answer"}, {"schema", *format}}}};
    else if (*format == "json")
      body["response_format"] = {{"type", "json_object"}};
    else if (*format != "")
      fields.refuse("format", format->dump(), "\"json\" or a JSON schema");
  }
  fields.ignore({"keep_alive"});
  body["stream"] = fields.flag("stream").value_or(true);
  return body;
}

// Ollama's messages have their calls' arguments as objects, and no ids.
ordered_json openai_messages(const ordered_json& list) {
  ordered_json messages = list;
  int calls = 0;
  for (ordered_json& message : messages) {
    if (!message.is_object()) continue;
    message.erase("thinking");
    message.erase("images");
    if (message.contains("tool_name")) {
      message["name"] = message["tool_name"];
      message.erase("tool_name");
    }
    if (!message.contains("tool_calls") || !message["tool_calls"].is_array()) continue;
    for (ordered_json& call : message["tool_calls"]) {
      if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) continue;
      if (!call.contains("id")) call["id"] = fmt::format("call_{}", calls++);
      call["type"] = "function";
      if (call["function"].contains("arguments") && call["function"]["arguments"].is_object())
        call["function"]["arguments"] = call["function"]["arguments"].dump();
      call["function"].erase("index");
    }
  }
  return messages;
}

void read_images(Fields& fields, size_t message, std::vector<Attachment>& pictures) {
  if (fields.array("images") == nullptr) return;
  const auto images = fields.texts("images");
  for (size_t i = 0; i < images.size(); ++i) {
    pictures.push_back(read_bare_picture(images[i], fmt::format("{}[{}]", fields.at("images"), i)));
    pictures.back().message = message;
  }
}

/// Lines of JSON, or one object.
class OllamaWriter : public AnswerWriter {
 public:
  OllamaWriter(std::shared_ptr<Exchange> exchange, std::string model, text::ToolCallParser parser, bool stream,
               bool chat)
      : exchange_(std::move(exchange)),
        model_(std::move(model)),
        parser_(std::move(parser)),
        stream_(stream),
        chat_(chat) {}

  void begin() override {
    if (stream_) exchange_->begin("application/x-ndjson");
  }

  void event(int, const text::StreamEvent& event) override {
    using Kind = text::ToolEvent::Kind;
    std::string content, thinking;
    auto parts = parser_.push(event.text);
    if (event.finish != text::FinishReason::kNone) {
      std::ranges::move(parser_.finish(), std::back_inserter(parts));
      finish_ = event.finish;
    }
    for (const text::ToolEvent& part : parts) {
      if (part.kind == Kind::kContent) content += part.text;
      if (part.kind == Kind::kReasoning) thinking += part.text;
      if (part.kind == Kind::kCall) calls_.push_back({{"function", {{"name", part.name}, {"arguments", ""}}}});
      if (part.kind == Kind::kArguments) calls_.back()["function"]["arguments"].get_ref<std::string&>() += part.text;
    }
    if (!stream_) {
      content_ += content;
      thinking_ += thinking;
    } else if (!content.empty() || !thinking.empty()) {
      exchange_->write(line(content, thinking, ordered_json::array(), "\"done\":false"));
    }
  }

  text::FinishReason enough(int) const override { return serve::enough(parser_); }

  void done(const Usage& usage) override {
    for (ordered_json& call : calls_) {
      ordered_json& arguments = call["function"]["arguments"];
      arguments = ordered_json::parse(arguments.get<std::string>(), nullptr, false);
      if (arguments.is_discarded()) arguments = ordered_json::object();
    }
    const auto nanoseconds = [](double seconds) { return static_cast<int64_t>(seconds * 1e9); };
    const std::string end = fmt::format(
        "\"done\":true,\"done_reason\":\"{}\",\"total_duration\":{},\"load_duration\":0,\"prompt_eval_count\":{},"
        "\"prompt_eval_duration\":{},\"eval_count\":{},\"eval_duration\":{}",
        finish_reason(finish_), nanoseconds(usage.prompt_seconds + usage.decode_seconds), usage.prompt_tokens,
        nanoseconds(usage.prompt_seconds), usage.completion_tokens, nanoseconds(usage.decode_seconds));
    const std::string last = line(content_, thinking_, calls_, end);
    if (!stream_) return exchange_->respond({.body = last});
    exchange_->write(last);
    exchange_->end();
  }

  void failed(int status, const std::string& message) override {
    const std::string error = "{\"error\":" + json_string(message) + "}\n";
    if (!stream_) return exchange_->respond({.status = status, .body = error});
    exchange_->write(error);
    exchange_->end();
  }

 private:
  std::string line(const std::string& content, const std::string& thinking, const ordered_json& calls,
                   const std::string& end) const {
    std::string out = fmt::format("{{\"model\":{},\"created_at\":\"{}\",", json_string(model_), now_text());
    const std::string thought = thinking.empty() ? "" : ",\"thinking\":" + json_string(thinking);
    if (chat_) {
      out += "\"message\":{\"role\":\"assistant\",\"content\":" + json_string(content) + thought;
      if (!calls.empty())
        out += ",\"tool_calls\":" + calls.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
      out += "},";
    } else {
      out += "\"response\":" + json_string(content) + thought + ",";
    }
    return out + end + "}\n";
  }

  std::shared_ptr<Exchange> exchange_;
  const std::string model_;
  text::ToolCallParser parser_;
  const bool stream_, chat_;
  std::string content_, thinking_;
  ordered_json calls_ = ordered_json::array();
  text::FinishReason finish_ = text::FinishReason::kStop;
};

void answer_ollama(const std::shared_ptr<Exchange>& exchange, Service& service, const std::string& asked,
                   ordered_json body, std::vector<Attachment> pictures, bool chat) {
  const bool stream = body["stream"] == true;
  const auto request = std::make_shared<const ChatRequest>(body, std::move(pictures));
  prepare_chat(exchange, service, ollama_error, asked, *request, [=, &service](const std::shared_ptr<Model>& model) {
    auto work = std::make_shared<ChatWork>(chat_work(*request, *model, *exchange));
    exchange->post([=, &service] {
      if (exchange->gone()) return;
      auto writer =
          std::make_unique<OllamaWriter>(exchange, asked, std::move(work->options.parsers.front()), stream, chat);
      std::make_shared<Answers>(exchange, model, std::move(work->requests), std::move(writer), service.metrics)
          ->start();
    });
  });
}

// "smollm2:latest" is smollm2.
std::string model_of(Fields& fields) {
  std::string name = fields.text_or_throw("model");
  if (name.ends_with(":latest")) name.resize(name.size() - 7);
  return name;
}

void chat(const std::shared_ptr<Exchange>& exchange, Service& service) {
  const ordered_json given = parse_body(exchange->take_body());
  Fields fields(given);
  const std::string model = model_of(fields);
  ordered_json body = generation_body(fields);
  const ordered_json& messages = fields.array_or_throw("messages");
  std::vector<Attachment> pictures;
  for (size_t i = 0; i < messages.size(); ++i) {
    Fields message(messages[i], fmt::format("messages[{}]", i));
    read_images(message, i, pictures);
  }
  body["messages"] = openai_messages(messages);
  if (const ordered_json* tools = fields.array("tools"); tools && !tools->empty()) body["tools"] = *tools;
  if (const ordered_json* think = fields.any("think"); think && think->is_boolean())
    body["chat_template_kwargs"] = {{"enable_thinking", *think}};
  fields.finish();
  answer_ollama(exchange, service, model, std::move(body), std::move(pictures), true);
}

void generate(const std::shared_ptr<Exchange>& exchange, Service& service) {
  const ordered_json given = parse_body(exchange->take_body());
  Fields fields(given);
  const std::string model = model_of(fields);
  ordered_json body = generation_body(fields);
  ordered_json messages = ordered_json::array();
  if (const auto system = fields.text("system"); system && !system->empty())
    messages.push_back({{"role", "system"}, {"content", *system}});
  std::vector<Attachment> pictures;
  read_images(fields, messages.size(), pictures);
  messages.push_back({{"role", "user"}, {"content", fields.text("prompt").value_or("")}});
  body["messages"] = std::move(messages);
  fields.only("raw", false, "false: /v1/completions goes on with a text as it is");
  fields.only("suffix", "", "nothing: /infill fills in");
  fields.only("template", "", "nothing: the model's own template is used");
  fields.only("context", ordered_json::array(), "nothing: send messages to /api/chat");
  fields.finish();
  answer_ollama(exchange, service, model, std::move(body), std::move(pictures), false);
}

}  // namespace

void add_ollama_routes(Router& router, Service& service) {
  const auto add = [&](const char* pattern, void (*handle)(const std::shared_ptr<Exchange>&, Service&)) {
    router.add(pattern, [&service, handle](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
      service.prepare(exchange, ollama_error, [exchange, &service, handle] { handle(exchange, service); });
    });
  };
  add("POST /api/chat", chat);
  add("POST /api/generate", generate);
  router.add("GET /api/tags", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    ordered_json models = ordered_json::array();
    for (const auto& listing : service.shelf.list())
      models.push_back({{"name", listing.name},
                        {"model", listing.name},
                        {"modified_at", now_text()},
                        {"size", listing.model ? listing.model->engine.checkpoint().file_bytes() : 0},
                        {"digest", ""},
                        {"details",
                         {{"format", listing.model ? listing.model->engine.checkpoint().format() : ""},
                          {"family", listing.model ? listing.model->engine.spec().family : ""}}}});
    exchange->respond({.body = ordered_json{{"models", models}}.dump()});
  });
  router.add("GET /api/version", [&service](const std::shared_ptr<Exchange>& exchange, const Router::Values&) {
    exchange->respond({.body = ordered_json{{"version", service.version}}.dump()});
  });
}

}  // namespace orrery::serve
