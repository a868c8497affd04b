#include "orrery/text/chat/jinja/objects.h"

#include <algorithm>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

constexpr int64_t kMaxRange = 100000;  // jinja2's sandbox

class FunctionStream final : public Stream {
 public:
  explicit FunctionStream(std::function<bool(Value&)> next) : next_(std::move(next)) {}
  bool next(Value& item) override { return next_(item); }

 private:
  std::function<bool(Value&)> next_;
};

int64_t range_length(int64_t start, int64_t stop, int64_t step) {
  using Wide = __int128;  // stop - start may need 65 bits
  const Wide distance = step > 0 ? Wide{stop} - start : Wide{start} - stop;
  const Wide stride = step > 0 ? Wide{step} : -Wide{step};
  if (distance <= 0) return 0;
  const Wide count = (distance + stride - 1) / stride;
  if (count > kMaxRange) throw Failure("Range too big. The sandbox blocks ranges larger than 100000 items");
  return static_cast<int64_t>(count);
}

}  // namespace

std::unique_ptr<Stream> make_stream(std::function<bool(Value&)> next) {
  return std::make_unique<FunctionStream>(std::move(next));
}

Range::Range(int64_t start, int64_t stop, int64_t step)
    : start_(start), stop_(stop), step_(step), count_(range_length(start, stop, step)) {}

std::string Range::repr() {
  return "range(" + std::to_string(start_) + ", " + std::to_string(stop_) +
         (step_ != 1 ? ", " + std::to_string(step_) : "") + ")";
}

std::unique_ptr<Stream> Range::iterate() {
  return make_stream([self = shared_from_this(), this, i = int64_t{0}](Value& item) mutable {
    if (i >= count_) return false;
    item = Value(at(i++));
    return true;
  });
}

std::unique_ptr<Stream> Range::iterate_reversed() {
  return make_stream([self = shared_from_this(), this, i = count_](Value& item) mutable {
    if (i <= 0) return false;
    item = Value(at(--i));
    return true;
  });
}

std::optional<Value> Range::attribute(std::string_view name) {
  if (name == "start") return Value(start_);
  if (name == "stop") return Value(stop_);
  if (name == "step") return Value(step_);
  if (name == "count" || name == "index") return get_attribute(Value::list(collect(Value(shared_from_this()))), name);
  return std::nullopt;
}

std::optional<Value> Range::item(const Value& key) {
  if (!key.is_integral()) return std::nullopt;
  const int64_t index = key.integer() < 0 ? key.integer() + count_ : key.integer();
  if (index < 0 || index >= count_) return std::nullopt;
  return Value(at(index));
}

bool Range::equals(const Object& other) {
  const auto* range = dynamic_cast<const Range*>(&other);
  if (range == nullptr || range->count_ != count_) return false;
  return count_ == 0 || (range->start_ == start_ && (count_ == 1 || range->step_ == step_));
}

std::shared_ptr<Range> Range::slice(int64_t first, int64_t last, int64_t step) const {
  int64_t begin, end, stride;
  if (__builtin_mul_overflow(first, step_, &begin) || __builtin_add_overflow(start_, begin, &begin) ||
      __builtin_mul_overflow(last, step_, &end) || __builtin_add_overflow(start_, end, &end) ||
      __builtin_mul_overflow(step, step_, &stride))
    throw Failure("a range that does not fit 64 bits");
  return std::make_shared<Range>(begin, end, stride);
}

std::string DictView::type_name() const {
  return part_ == Part::keys ? "dict_keys" : part_ == Part::values ? "dict_values" : "dict_items";
}

std::string DictView::repr() {
  TextBuilder out;
  out.append(type_name() + "([");
  for (size_t i = 0; i < dict_.dict().items().size(); ++i) {
    if (i > 0) out.append(", ");
    append_repr(out, at(i));
  }
  out.append("])");
  return out.take();
}

Value DictView::at(size_t index) const {
  const auto& [key, value] = dict_.dict().items()[index];
  if (part_ == Part::keys) return key;
  return part_ == Part::values ? value : Value::tuple({key, value});
}

std::unique_ptr<Stream> DictView::stream(bool reversed) {
  return make_stream([self = shared_from_this(), this, reversed, i = size_t{0}](Value& item) mutable {
    const size_t count = dict_.dict().items().size();
    if (i >= count) return false;
    item = at(reversed ? count - 1 - i : i);
    ++i;
    return true;
  });
}

std::optional<bool> DictView::contains(const Value& item) {
  if (part_ == Part::keys) return dict_.dict().find(item) != nullptr;
  if (part_ == Part::values) return std::nullopt;
  if (!item.is_tuple() || item.items().size() != 2) return false;
  const Value* value = dict_.dict().find(item.items()[0]);
  return value != nullptr && equal(*value, item.items()[1]);
}

bool DictView::equals(const Object& other) {
  const auto* view = dynamic_cast<const DictView*>(&other);
  if (view == nullptr || view->part_ != part_ || part_ == Part::values) return this == &other;
  const auto& items = dict_.dict().items();
  if (items.size() != view->dict_.dict().items().size()) return false;
  return std::all_of(items.begin(), items.end(), [&](const auto& item) {
    const Value* value = view->dict_.dict().find(item.first);
    return value != nullptr && (part_ == Part::keys || equal(*value, item.second));
  });
}

Generator::Generator(std::string repr_name, std::unique_ptr<Stream> stream, int source_depth)
    : Object(checked_depth(source_depth), 256), repr_name_(std::move(repr_name)), stream_(std::move(stream)) {}

std::unique_ptr<Stream> Generator::iterate() {
  return make_stream([self = shared_from_this(), this](Value& item) { return next(item); });
}

bool Generator::next(Value& item) {
  if (stream_ == nullptr) return false;
  if (running_) throw Failure("generator already executing");
  running_ = true;
  Nesting level;
  const bool more = stream_->next(item);
  running_ = false;
  if (!more) stream_.reset();
  return more;
}

std::string BoundMethod::repr() {
  return "<built-in method " + std::string(method_->name) + " of " + self_.type_name() + " object at 0x0>";
}

std::string Namespace::repr() {
  if (printing_) return "<Namespace {...}>";
  printing_ = true;
  TextBuilder out;
  out.append("<Namespace {");
  for (size_t i = 0; i < attributes_.size(); ++i) {
    if (i > 0) out.append(", ");
    out.append(repr_of_text(attributes_[i].first) + ": ");
    append_repr(out, attributes_[i].second);
  }
  out.append("}>");
  printing_ = false;
  return out.take();
}

std::optional<Value> Namespace::attribute(std::string_view name) {
  for (const auto& [key, value] : attributes_) {
    Budget::current().step();
    if (key == name) return value;
  }
  return std::nullopt;
}

void Namespace::set(std::string_view name, Value value) {
  if (name.starts_with('_'))
    throw Failure("Chat templates cannot store underscore-prefixed attributes on a namespace, but got " +
                  repr_of_text(name));
  for (auto& [key, old] : attributes_) {
    Budget::current().step();
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  footprint_.grow(128 + static_cast<int64_t>(name.size()));
  attributes_.emplace_back(name, std::move(value));
}

Cycler::Cycler(const Value& items) : Object(checked_depth(items.depth())), items_(items) {
  if (items_.items().empty()) throw Failure("at least one item has to be provided");
}

std::optional<Value> Cycler::attribute(std::string_view name) {
  auto self = std::static_pointer_cast<Cycler>(shared_from_this());
  const auto function = [&](NativeFunction::Body body) {
    return Value(std::make_shared<NativeFunction>("Cycler." + std::string(name), std::move(body), depth()));
  };
  if (name == "current") return items_.items()[position_];
  if (name == "pos") return Value(static_cast<int64_t>(position_));
  if (name == "items") return items_;
  if (name == "next") {
    return function([self](const CallArgs& args) {
      Arguments("next", args, {});
      const Value item = self->items_.items()[self->position_];
      self->position_ = (self->position_ + 1) % self->items_.items().size();
      return item;
    });
  }
  if (name == "reset") {
    return function([self](const CallArgs& args) {
      Arguments("reset", args, {});
      self->position_ = 0;
      return Value();
    });
  }
  return std::nullopt;
}

std::optional<Value> Joiner::attribute(std::string_view name) {
  if (name == "sep") return separator_;
  if (name == "used") return Value(used_);
  return std::nullopt;
}

Value Joiner::call(const CallArgs& args) {
  Arguments("joiner", args, {});
  if (used_) return separator_;
  used_ = true;
  return Value::text("");
}

}  // namespace orrery::text::jinja
