#include "orrery/text/chat/template.h"

#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/chat/jinja/interpreter.h"
#include "orrery/text/chat/jinja/json.h"
#include "orrery/text/chat/jinja/parser.h"
#include "orrery/text/chat/jinja/scope.h"

namespace orrery::text {
namespace {

std::string place(jinja::Position at) {
  if (at.line == 0) return {};
  return "line " + std::to_string(at.line) + ", column " + std::to_string(at.column);
}

Error error(const std::string& doing, const jinja::Failure& failure) {
  return Error({.doing = doing, .where = place(failure.at()), .found = failure.message()});
}

}  // namespace

struct ChatTemplate::Impl {
  Limits limits;
  jinja::Template tree;
};

ChatTemplate::ChatTemplate(std::string_view source) : ChatTemplate(source, Limits{}) {}

ChatTemplate::ChatTemplate(std::string_view source, const Limits& limits) : impl_(std::make_unique<Impl>()) {
  impl_->limits = limits;
  jinja::Budget budget(limits);
  try {
    impl_->tree = jinja::parse(source);
    jinja::resolve_names(impl_->tree);
  } catch (const jinja::Failure& failure) {
    throw error("parse a chat template", failure);
  }
}

ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

std::string ChatTemplate::render(const nlohmann::ordered_json& context) const {
  return render(context, std::chrono::system_clock::now());
}

std::string ChatTemplate::render(const nlohmann::ordered_json& context,
                                 std::chrono::system_clock::time_point now) const {
  if (!context.is_object())
    throw Error({.doing = "render a chat template",
                 .found = std::string("a context of type ") + context.type_name(),
                 .expected = "a JSON object"});
  jinja::Budget budget(impl_->limits);
  try {
    const jinja::Value variables = jinja::from_json(context);
    return jinja::Interpreter(impl_->tree, variables, now).run();
  } catch (const jinja::Failure& failure) {
    throw error("render a chat template", failure);
  }
}

}  // namespace orrery::text
