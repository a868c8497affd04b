#include "orrery/text/chat/jinja/loop.h"

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {

Loop::Loop(Interpreter& interpreter, const For& node, std::unique_ptr<Stream> stream, std::optional<int64_t> length,
           ActivationPtr around, int64_t depth0, int source_depth)
    : Object(checked_depth(source_depth)),
      interpreter_(interpreter),
      node_(node),
      stream_(std::move(stream)),
      length_(length),
      around_(std::move(around)),
      depth0_(depth0) {}

bool Loop::peek() {
  if (!has_after_) has_after_ = stream_->next(after_);
  return has_after_;
}

bool Loop::advance(Value& item) {
  if (!peek()) return false;
  item = std::exchange(after_, Value());
  has_after_ = false;
  ++index0_;
  before_ = std::exchange(current_, item);
  return true;
}

int64_t Loop::total() {
  if (length_) return *length_;
  std::vector<Value> rest;
  Footprint footprint(0);
  for (Value item; stream_->next(item);) {
    Budget::current().step();
    footprint.grow(sizeof(Value));
    rest.push_back(std::move(item));
  }
  length_ = static_cast<int64_t>(rest.size()) + index0_ + 1 + has_after_;
  stream_ = jinja::iterate(Value::list(std::move(rest)));
  return *length_;
}

std::string Loop::repr() { return "<LoopContext " + std::to_string(index0_ + 1) + "/" + std::to_string(total()) + ">"; }

std::unique_ptr<Stream> Loop::iterate() {
  return make_stream([self = shared_from_this(), this](Value& item) {
    Value next;
    if (!advance(next)) return false;
    item = Value::tuple({next, Value(self)});
    return true;
  });
}

std::optional<Value> Loop::attribute(std::string_view name) {
  if (name == "index0") return Value(index0_);
  if (name == "index") return Value(index0_ + 1);
  if (name == "revindex0") return Value(total() - index0_ - 1);
  if (name == "revindex") return Value(total() - index0_);
  if (name == "length") return Value(total());
  if (name == "first") return Value(index0_ == 0);
  if (name == "last") return Value(!peek());
  if (name == "depth") return Value(depth0_ + 1);
  if (name == "depth0") return Value(depth0_);
  if (name == "previtem") return index0_ == 0 ? Value::undefined("there is no previous item") : before_;
  if (name == "nextitem") return peek() ? after_ : Value::undefined("there is no next item");
  auto self = std::static_pointer_cast<Loop>(shared_from_this());
  const auto function = [&](NativeFunction::Body body) {
    return Value(std::make_shared<NativeFunction>("LoopContext." + std::string(name), std::move(body), depth()));
  };
  if (name == "cycle") return function([self](const CallArgs& args) { return self->cycle(args); });
  if (name == "changed") return function([self](const CallArgs& args) { return self->changed(args); });
  return std::nullopt;
}

Value Loop::cycle(const CallArgs& args) const {
  if (!args.keywords.empty()) throw Failure("cycle() got an unexpected keyword argument");
  if (args.positional.empty()) throw Failure("no items for cycling given");
  return args.positional[index0_ % args.positional.size()];
}

Value Loop::changed(const CallArgs& args) {
  if (!args.keywords.empty()) throw Failure("changed() got an unexpected keyword argument");
  Value now = Value::tuple(args.positional);
  const bool is_new = !last_changed_ || !equal(*last_changed_, now);
  if (is_new) last_changed_ = std::move(now);
  return Value(is_new);
}

Value Loop::call(const CallArgs& call) {
  const Arguments args("loop", call, {"iterable"}, 1);
  if (!node_.recursive) throw Failure("The loop must have the 'recursive' marker to be called recursively.");
  return Value::text(interpreter_.render_loop(node_, args[0], around_, depth0_ + 1));
}

std::string Macro::repr() {
  return node_.name.empty() ? "<Macro anonymous>" : "<Macro " + repr_of_text(node_.name) + ">";
}

std::optional<Value> Macro::attribute(std::string_view name) {
  if (name == "name") return node_.name.empty() ? Value() : Value::text(node_.name);
  if (name == "catch_kwargs") return Value(node_.kwargs_slot >= 0);
  if (name == "catch_varargs") return Value(node_.varargs_slot >= 0);
  if (name == "caller") return Value(node_.uses_caller);
  if (name == "arguments") {
    std::vector<Value> names;
    for (const auto& parameter : node_.parameters) names.push_back(Value::text(parameter->name));
    return Value::tuple(std::move(names));
  }
  return std::nullopt;
}

}  // namespace orrery::text::jinja
