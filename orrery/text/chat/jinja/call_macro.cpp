// Calling a macro: jinja2's rules for its arguments.
#include <algorithm>

#include "orrery/text/chat/jinja/interpreter.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

struct Depth {
  explicit Depth(int& counter) : counter_(counter) {
    if (++counter_ > Budget::current().depth()) {
      --counter_;
      throw Failure("macros called too deeply inside of each other");
    }
  }
  ~Depth() { --counter_; }
  int& counter_;
};

// Takes the keyword out; Missing when it was not given.
Value take(std::vector<std::pair<std::string, Value>>& keywords, std::string_view name) {
  const auto it = std::find_if(keywords.begin(), keywords.end(), [&](const auto& pair) { return pair.first == name; });
  if (it == keywords.end()) return Value(Missing{});
  Value value = it->second;
  keywords.erase(it);
  return value;
}

void require_no_surplus(const MacroDefinition& node, const std::vector<std::pair<std::string, Value>>& keywords,
                        size_t positional) {
  if (node.kwargs_slot < 0 && !keywords.empty()) {
    if (std::any_of(keywords.begin(), keywords.end(), [](const auto& pair) { return pair.first == "caller"; }))
      throw Failure("macro '" + node.name + "' was invoked with two values for the special caller argument.");
    throw Failure("macro '" + node.name + "' takes no keyword argument '" + keywords[0].first + "'");
  }
  if (node.varargs_slot < 0 && positional > node.parameters.size())
    throw Failure("macro '" + node.name + "' takes not more than " + std::to_string(node.parameters.size()) +
                  " argument(s)");
}

}  // namespace

Value Interpreter::call_macro(const MacroDefinition& node, const ActivationPtr& around, const CallArgs& args) {
  Depth depth(call_depth_);
  auto act = std::make_shared<Activation>(node.slots, around, around->context);
  auto keywords = args.keywords;
  const size_t count = node.parameters.size();
  const auto slot = [&](size_t i) -> Value& { return act->slots[node.parameters[i]->ref.slot]; };
  for (size_t i = 0; i < count; ++i)
    slot(i) = i < args.positional.size() ? args.positional[i] : take(keywords, node.parameters[i]->name);
  if (node.caller_slot >= 0) {
    Value caller = take(keywords, "caller");
    act->slots[node.caller_slot] =
        caller.is_missing() || caller.is_none() ? Value::undefined("No caller defined") : caller;
  }
  require_no_surplus(node, keywords, args.positional.size());
  if (node.kwargs_slot >= 0) {
    auto dict = std::make_shared<Dict>();
    for (auto& [name, value] : keywords) dict->set(Value::text(name), std::move(value));
    act->slots[node.kwargs_slot] = Value(std::shared_ptr<const Dict>(std::move(dict)));
  }
  if (node.varargs_slot >= 0) {
    const size_t used = std::min(count, args.positional.size());
    act->slots[node.varargs_slot] = Value::tuple({args.positional.begin() + used, args.positional.end()});
  }
  enter(node.frame, *act);
  const size_t first_default = count - node.defaults.size();
  for (size_t i = 0; i < count; ++i) {
    if (!slot(i).is_missing()) continue;
    const std::string& name = node.parameters[i]->name;
    slot(i) = i < first_default ? Value::undefined("parameter '" + name + "' was not provided")
                                : evaluate(*node.defaults[i - first_default], act);
  }
  TextBuilder out;
  execute(node.body, act, out);
  finish(std::move(act));
  return Value::text(out.take());
}

}  // namespace orrery::text::jinja
