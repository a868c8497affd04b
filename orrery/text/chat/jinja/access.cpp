// len(), iteration, attributes, items and slices.
#include <algorithm>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/objects.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

std::unique_ptr<Stream> stream_of_items(const Value& sequence, bool reversed) {
  return make_stream([sequence, reversed, i = size_t{0}](Value& item) mutable {
    const auto& items = sequence.items();
    if (i >= items.size()) return false;
    item = items[reversed ? items.size() - 1 - i : i];
    ++i;
    return true;
  });
}

std::unique_ptr<Stream> stream_of_text(const Value& text) {
  return make_stream([text, pos = size_t{0}](Value& item) mutable {
    const std::string& bytes = text.bytes();
    if (pos >= bytes.size()) return false;
    const size_t begin = pos;
    next_code_point(bytes, pos);
    item = Value::text(bytes.substr(begin, pos - begin));
    return true;
  });
}

// As jinja2's object_type_repr.
std::string described(const Value& object) { return object.is_none() ? "None" : object.type_name() + " object"; }

Value no_attribute(const Value& object, std::string_view name) {
  return Value::undefined(std::string("'") + described(object) + "' has no attribute " + repr_of_text(name));
}

std::optional<Value> item_of(const Value& object, const Value& key) {
  if (object.is_dict()) {
    const Value* found = hashable(key) ? object.dict().find(key) : nullptr;
    return found != nullptr ? std::optional(*found) : std::nullopt;
  }
  if (object.is_object()) return object.object().item(key);
  if (!key.is_integral() || !(object.is_text() || object.is_sequence())) return std::nullopt;
  const int64_t count = checked_length(object);
  const int64_t index = key.integer() < 0 ? key.integer() + count : key.integer();
  if (index < 0 || index >= count) return std::nullopt;
  return object.is_text() ? substring(object.str(), index, index + 1) : object.items()[index];
}

struct SliceRange {
  int64_t first, last, step, count;
};

int64_t clamp_bound(const Value& bound, int64_t length, int64_t otherwise, int64_t low, int64_t high) {
  if (bound.is_none()) return otherwise;
  if (!bound.is_integral()) throw Failure("slice indices must be integers or None");
  const int64_t value = bound.integer();
  return std::clamp(value < 0 ? value + length : value, low, high);
}

// CPython's PySlice_AdjustIndices.
SliceRange resolve_slice(int64_t length, const Value& start, const Value& stop, const Value& step_value) {
  if (!step_value.is_none() && !step_value.is_integral()) throw Failure("slice indices must be integers or None");
  const int64_t step = step_value.is_none() ? 1 : std::max<int64_t>(step_value.integer(), -INT64_MAX);
  if (step == 0) throw Failure("slice step cannot be zero");
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? length : length - 1;
  const int64_t first = clamp_bound(start, length, step > 0 ? low : high, low, high);
  const int64_t last = clamp_bound(stop, length, step > 0 ? high : low, low, high);
  const int64_t distance = step > 0 ? last - first : first - last;
  if (distance <= 0) return {first, last, step, 0};
  return {first, last, step, (distance - 1) / (step > 0 ? step : -step) + 1};
}

Value slice_text(const Str& text, const SliceRange& range) {
  if (range.step == 1) return substring(text, range.first, range.first + range.count);
  const std::u32string points = code_points(text.bytes);
  std::string out;
  Budget::current().slow_work(text.length);
  for (int64_t i = 0; i < range.count; ++i) append_code_point(out, points[range.first + i * range.step]);
  return Value::text(std::move(out), text.markup);
}

}  // namespace

std::optional<int64_t> length(const Value& value) {
  if (value.is_text()) return value.str().length;
  if (value.is_sequence()) return value.items().size();
  if (value.is_dict()) return value.dict().items().size();
  if (value.is_undefined()) return 0;
  return value.is_object() ? value.object().length() : std::nullopt;
}

int64_t checked_length(const Value& value) {
  const auto count = length(value);
  if (!count) throw Failure("object of type '" + value.type_name() + "' has no len()");
  return *count;
}

bool iterable(const Value& value) {
  if (value.is_object()) return value.object().iterate() != nullptr;
  return value.is_text() || value.is_sequence() || value.is_dict() || value.is_undefined();
}

std::unique_ptr<Stream> iterate(const Value& value) {
  if (value.is_text()) return stream_of_text(value);
  if (value.is_sequence()) return stream_of_items(value, false);
  if (value.is_dict()) return std::make_shared<DictView>(value, DictView::Part::keys)->iterate();
  if (value.is_undefined()) return make_stream([](Value&) { return false; });
  auto stream = value.is_object() ? value.object().iterate() : nullptr;
  if (stream == nullptr) throw Failure("'" + value.type_name() + "' object is not iterable");
  return stream;
}

std::unique_ptr<Stream> iterate_reversed(const Value& value) {
  if (value.is_sequence()) return stream_of_items(value, true);
  if (value.is_text()) {
    std::vector<Value> characters = collect(value);
    return stream_of_items(Value::list(std::move(characters)), true);
  }
  if (value.is_dict()) return std::make_shared<DictView>(value, DictView::Part::keys)->iterate_reversed();
  return value.is_object() ? value.object().iterate_reversed() : nullptr;
}

std::vector<Value> collect(const Value& value) {
  if (value.is_sequence()) return value.items();
  const auto stream = iterate(value);
  std::vector<Value> items;
  Footprint footprint(0);
  for (Value item; stream->next(item);) {
    Budget::current().step();
    footprint.grow(sizeof(Value));
    items.push_back(std::move(item));
  }
  return items;
}

std::optional<Value> plain_attribute(const Value& object, std::string_view name) {
  if (object.is_undefined()) object.use_undefined();
  if (name.starts_with("__") && name.ends_with("__") && is_special_attribute(name))
    return Value::undefined("access to attribute " + repr_of_text(name) + " of '" + object.type_name() +
                            "' object is unsafe.");
  return object.is_object() ? object.object().attribute(name) : method_of(object, name);
}

Value get_attribute(const Value& object, std::string_view name) {
  if (auto attribute = plain_attribute(object, name)) return *std::move(attribute);
  if (object.is_dict())
    if (const Value* found = object.dict().find(name)) return *found;
  return no_attribute(object, name);
}

Value get_item(const Value& object, const Value& key) {
  if (object.is_undefined()) object.use_undefined();
  if (auto item = item_of(object, key)) return *std::move(item);
  if (key.is_text()) {
    if (auto attribute = plain_attribute(object, key.bytes())) return *std::move(attribute);
    return no_attribute(object, key.bytes());
  }
  return Value::undefined(described(object) + " has no element " + repr(key));
}

Value slice(const Value& object, const Value& start, const Value& stop, const Value& step) {
  if (object.is_undefined()) object.use_undefined();
  auto* range_object = object.as<Range>();
  if (!object.is_text() && !object.is_sequence() && range_object == nullptr)
    throw Failure("'" + object.type_name() + "' object cannot be sliced");
  const SliceRange range = resolve_slice(checked_length(object), start, stop, step);
  if (object.is_text()) return slice_text(object.str(), range);
  if (range_object != nullptr) return Value(range_object->slice(range.first, range.last, range.step));
  std::vector<Value> items;
  items.reserve(range.count);
  for (int64_t i = 0; i < range.count; ++i) items.push_back(object.items()[range.first + i * range.step]);
  return object.is_list() ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

Value substring(const Str& text, int64_t start, int64_t stop) {
  if (start >= stop) return Value::text("", text.markup);
  const size_t begin = text.offset(start);
  size_t end = begin;
  if (text.ascii())
    end = static_cast<size_t>(stop);
  else if (stop == text.length)
    end = text.bytes.size();
  else
    for (int64_t i = start; i < stop; ++i) next_code_point(text.bytes, end);
  return Value::text(text.bytes.substr(begin, end - begin), text.markup);
}

Value call(const Value& callee, const CallArgs& args) {
  if (callee.is_undefined()) callee.use_undefined();
  if (!callee.is_object()) throw Failure("'" + callee.type_name() + "' object is not callable");
  Nesting level;
  return callee.object().call(args);
}

int64_t as_index(const Value& value) {
  if (value.is_undefined()) value.use_undefined();
  if (!value.is_integral()) throw Failure("'" + value.type_name() + "' object cannot be interpreted as an integer");
  return value.integer();
}

}  // namespace orrery::text::jinja
