#include "orrery/text/chat/jinja/value.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

constexpr int64_t kStrOverhead = 80;
constexpr size_t kLinearDict = 8;  // dicts up to this size are searched item by item

}  // namespace

Value Value::text(std::string bytes, bool markup) {
  return Value(std::make_shared<const Str>(std::move(bytes), markup));
}
Value Value::list(std::vector<Value> items) {
  return Value(std::make_shared<const List>(std::move(items), List::Type::list));
}
Value Value::tuple(std::vector<Value> items) {
  return Value(std::make_shared<const List>(std::move(items), List::Type::tuple));
}
Value Value::undefined(std::string message) { return Value(std::make_shared<const Undefined>(std::move(message))); }

bool Value::is_markup() const { return is_text() && str().markup; }
bool Value::is_list() const { return is_sequence() && sequence().type == List::Type::list; }
bool Value::is_tuple() const { return is_sequence() && sequence().type != List::Type::list; }
const std::string& Value::bytes() const { return str().bytes; }
const std::vector<Value>& Value::items() const { return sequence().items; }

void Value::use_undefined() const { throw Failure(std::get<std::shared_ptr<const Undefined>>(storage_)->message); }

int Value::depth() const {
  if (is_sequence()) return sequence().depth;
  if (is_dict()) return dict().depth();
  return is_object() ? object().depth() : 0;
}

std::string Value::type_name() const {
  if (is_none()) return "NoneType";
  if (is_bool()) return "bool";
  if (is_int()) return "int";
  if (is_real()) return "float";
  if (is_text()) return str().markup ? "Markup" : "str";
  if (is_sequence()) return sequence().type == List::Type::list ? "list" : "tuple";
  if (is_dict()) return "dict";
  return is_object() ? object().type_name() : "Undefined";
}

bool Value::same_as(const Value& other) const {
  if (storage_.index() != other.storage_.index()) return false;
  if (is_none()) return true;
  if (is_number() || is_text()) return equal(*this, other) && is_markup() == other.is_markup();
  if (is_sequence()) return &sequence() == &other.sequence();
  if (is_dict()) return &dict() == &other.dict();
  if (is_object()) return &object() == &other.object();
  return is_undefined() && std::get<std::shared_ptr<const Undefined>>(storage_) ==
                               std::get<std::shared_ptr<const Undefined>>(other.storage_);
}

Str::Str(std::string text, bool is_markup)
    : footprint(kStrOverhead + static_cast<int64_t>(text.size())), bytes(std::move(text)), markup(is_markup) {
  Budget::current().text(static_cast<int64_t>(bytes.size()));
  length = count_code_points(bytes);
  if (length < 0) throw Failure("a text that is not valid UTF-8");
}

size_t Str::offset(int64_t index) const {
  if (ascii()) return static_cast<size_t>(index);
  size_t pos = 0;
  Budget::current().slow_work(index);
  for (; index > 0; --index) next_code_point(bytes, pos);
  return pos;
}

int checked_depth(int deepest) {
  if (deepest + 1 > Budget::current().depth()) throw Failure("lists and dicts nested too deeply");
  return deepest + 1;
}

int depth_of(const Value& value, const CallArgs& args) {
  int deepest = value.depth();
  for (const Value& argument : args.positional) deepest = std::max(deepest, argument.depth());
  for (const auto& [name, argument] : args.keywords) deepest = std::max(deepest, argument.depth());
  return deepest;
}

List::List(std::vector<Value> values, Type list_type)
    : footprint(64 + static_cast<int64_t>(values.size() * sizeof(Value))), items(std::move(values)), type(list_type) {
  Budget::current().work(static_cast<int64_t>(items.size() * sizeof(Value)));
  int deepest = 0;
  for (const Value& item : items) deepest = std::max(deepest, item.depth());
  depth = checked_depth(deepest);
}

size_t Dict::index_of(const Value& key, size_t hash) const {
  if (by_hash_.empty()) {
    for (size_t i = 0; i < items_.size(); ++i)
      if (hashes_[i] == hash && equal(items_[i].first, key)) return i;
  } else {
    const auto [begin, end] = by_hash_.equal_range(hash);
    for (auto it = begin; it != end; ++it) {
      Budget::current().step();
      if (equal(items_[it->second].first, key)) return it->second;
    }
  }
  return items_.size();
}

void Dict::set(const Value& key, Value value) {
  const size_t key_hash = hash(key);
  depth_ = std::max(depth_, checked_depth(std::max(key.depth(), value.depth())));
  const size_t index = index_of(key, key_hash);
  if (index < items_.size()) {
    items_[index].second = std::move(value);
    return;
  }
  footprint_.grow(128);
  items_.emplace_back(key, std::move(value));
  hashes_.push_back(key_hash);
  if (items_.size() == kLinearDict + 1) {
    for (size_t i = 0; i < items_.size(); ++i) by_hash_.emplace(hashes_[i], i);
  } else if (items_.size() > kLinearDict) {
    by_hash_.emplace(key_hash, index);
  }
}

const Value* Dict::find(const Value& key) const {
  const size_t index = index_of(key, hash(key));
  return index < items_.size() ? &items_[index].second : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  const size_t key_hash = std::hash<std::string_view>{}(key);
  const auto matches = [&](size_t i) { return items_[i].first.is_text() && items_[i].first.bytes() == key; };
  if (by_hash_.empty()) {
    for (size_t i = 0; i < items_.size(); ++i)
      if (hashes_[i] == key_hash && matches(i)) return &items_[i].second;
    return nullptr;
  }
  const auto [begin, end] = by_hash_.equal_range(key_hash);
  for (auto it = begin; it != end; ++it)
    if (matches(it->second)) return &items_[it->second].second;
  return nullptr;
}

Object::Object(int depth, int64_t bytes) : footprint_(bytes), depth_(depth) {}

Value Object::call(const CallArgs&) { throw Failure("'" + type_name() + "' object is not callable"); }

bool hashable(const Value& value) {
  Budget::current().step();
  if (value.is_tuple()) return std::all_of(value.items().begin(), value.items().end(), hashable);
  if (value.is_object()) return value.object().hashable();
  return !value.is_list() && !value.is_dict();
}

size_t hash(const Value& value) {
  Budget::current().step();
  if (value.is_none() || value.is_undefined()) return value.is_none() ? 1 : 2;
  if (value.is_integral()) return std::hash<int64_t>{}(value.integer());
  if (value.is_real()) {
    const double d = value.real();
    if (d == std::floor(d) && std::abs(d) < 9e18) return std::hash<int64_t>{}(static_cast<int64_t>(d));
    return std::hash<double>{}(d);
  }
  if (value.is_text()) return std::hash<std::string_view>{}(value.bytes());
  if (value.is_tuple()) {
    size_t sum = value.items().size();
    for (const Value& item : value.items()) sum = sum * 1000003 + hash(item);
    return sum;
  }
  if (value.is_object() && value.object().hashable()) return std::hash<Object*>{}(&value.object());
  throw Failure("unhashable type: '" + value.type_name() + "'");
}

}  // namespace orrery::text::jinja
