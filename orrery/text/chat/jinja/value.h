// The values of a template, with Python's types and semantics. Text, lists, tuples and dicts never change once they are
// made (the sandbox forbids their mutating methods), so they are shared freely and cannot form cycles; how deep they
// nest is bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "orrery/text/chat/jinja/budget.h"

namespace orrery::text::jinja {

struct Str;
struct List;
class Dict;
class Object;
struct Undefined;

struct Missing {};  ///< a variable that was never assigned; templates never see it
struct None {};

class Value {
 public:
  Value() : storage_(None{}) {}
  explicit Value(Missing) : storage_(Missing{}) {}
  explicit Value(bool b) : storage_(b) {}
  explicit Value(int64_t i) : storage_(i) {}
  explicit Value(double d) : storage_(d) {}
  explicit Value(std::shared_ptr<const Str> s) : storage_(std::move(s)) {}
  explicit Value(std::shared_ptr<const List> l) : storage_(std::move(l)) {}
  explicit Value(std::shared_ptr<const Dict> d) : storage_(std::move(d)) {}
  explicit Value(std::shared_ptr<const Undefined> u) : storage_(std::move(u)) {}
  explicit Value(std::shared_ptr<Object> o) : storage_(std::move(o)) {}
  template <class T>
  explicit Value(T*) = delete;  // a pointer would become a bool

  static Value text(std::string bytes, bool markup = false);  ///< valid UTF-8
  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);
  static Value undefined(std::string message);  ///< what using it will say

  bool is_missing() const { return holds<Missing>(); }
  bool is_undefined() const { return holds<std::shared_ptr<const Undefined>>(); }
  bool is_none() const { return holds<None>(); }
  bool is_bool() const { return holds<bool>(); }
  bool is_int() const { return holds<int64_t>(); }            ///< and not a bool
  bool is_integral() const { return is_int() || is_bool(); }  ///< what Python's isinstance(x, int) says
  bool is_real() const { return holds<double>(); }
  bool is_number() const { return is_integral() || is_real(); }
  bool is_text() const { return holds<std::shared_ptr<const Str>>(); }
  bool is_markup() const;
  bool is_sequence() const { return holds<std::shared_ptr<const List>>(); }  ///< list or tuple
  bool is_list() const;
  bool is_tuple() const;
  bool is_dict() const { return holds<std::shared_ptr<const Dict>>(); }
  bool is_object() const { return holds<std::shared_ptr<Object>>(); }

  bool boolean() const { return std::get<bool>(storage_); }
  int64_t integer() const { return is_bool() ? boolean() : std::get<int64_t>(storage_); }
  double real() const { return is_real() ? std::get<double>(storage_) : static_cast<double>(integer()); }
  const Str& str() const { return *std::get<std::shared_ptr<const Str>>(storage_); }
  const std::string& bytes() const;  ///< of a text
  const std::vector<Value>& items() const;
  const List& sequence() const { return *std::get<std::shared_ptr<const List>>(storage_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(storage_); }
  Object& object() const { return *std::get<std::shared_ptr<Object>>(storage_); }
  /// The object as a T; nullptr when it is something else.
  template <class T>
  T* as() const;
  /// Throws what the undefined value has to say.
  [[noreturn]] void use_undefined() const;

  int depth() const;                       ///< how deep containers nest: 0 for scalars and texts
  std::string type_name() const;           ///< as Python writes it
  bool same_as(const Value& other) const;  ///< Python's `is` (equal numbers and texts count as the same object)

 private:
  template <class T>
  bool holds() const {
    return std::holds_alternative<T>(storage_);
  }

  std::variant<Missing, None, bool, int64_t, double, std::shared_ptr<const Str>, std::shared_ptr<const List>,
               std::shared_ptr<const Dict>, std::shared_ptr<const Undefined>, std::shared_ptr<Object>>
      storage_;
};

struct Str {
  Str(std::string text, bool is_markup);
  Footprint footprint;
  std::string bytes;
  int64_t length;  ///< code points
  bool markup;     ///< markupsafe's Markup: a text that escapes what it is joined with
  bool ascii() const { return length == static_cast<int64_t>(bytes.size()); }
  /// Byte offset of a code point, 0 <= index <= length.
  size_t offset(int64_t index) const;
};

struct List {
  enum class Type { list, tuple, group };  ///< group: the (grouper, list) pairs of groupby, tuples with names
  List(std::vector<Value> values, Type list_type);
  Footprint footprint;
  std::vector<Value> items;
  Type type;
  int depth;
};

struct Undefined {
  explicit Undefined(std::string text) : footprint(64 + static_cast<int64_t>(text.size())), message(std::move(text)) {}
  Footprint footprint;
  std::string message;
};

/// Keeps the order of insertion; keys are equal as Python's are (1, 1.0 and true are one key). Built once, then
/// constant.
class Dict {
 public:
  Dict() : footprint_(64) {}
  /// Replaces the value of a key that is there (its place and its first spelling stay). Throws Failure for an
  /// unhashable key.
  void set(const Value& key, Value value);
  /// nullptr when absent. Throws Failure for an unhashable key.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  const std::vector<std::pair<Value, Value>>& items() const { return items_; }
  int depth() const { return depth_; }

 private:
  size_t index_of(const Value& key, size_t hash) const;

  Footprint footprint_;
  std::vector<std::pair<Value, Value>> items_;
  std::vector<size_t> hashes_;
  std::unordered_multimap<size_t, size_t> by_hash_;  // hash to index, once there are more than a few items
  int depth_ = 1;
};

/// Python's iterator protocol.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual bool next(Value& item) = 0;  ///< false at the end
};

struct CallArgs {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keywords;
};

/// Everything that is no plain data: functions, macros, namespaces, iterators, loops.
class Object : public std::enable_shared_from_this<Object> {
 public:
  virtual ~Object() = default;
  virtual std::string type_name() const = 0;
  virtual std::string repr() { return std::string("<") + type_name() + " object>"; }
  virtual bool truthy() { return true; }
  virtual std::optional<int64_t> length() { return std::nullopt; }        ///< nullopt: has no len()
  virtual std::unique_ptr<Stream> iterate() { return nullptr; }           ///< nullptr: not iterable
  virtual std::unique_ptr<Stream> iterate_reversed() { return nullptr; }  ///< nullptr: not reversible
  virtual std::optional<Value> attribute(std::string_view) { return std::nullopt; }
  virtual std::optional<Value> item(const Value&) { return std::nullopt; }     ///< nullopt: LookupError or TypeError
  virtual bool has_items() const { return false; }                             ///< defines __getitem__
  virtual std::optional<bool> contains(const Value&) { return std::nullopt; }  ///< nullopt: search by iterating
  virtual bool equals(const Object& other) { return this == &other; }
  virtual bool hashable() const { return true; }
  virtual bool callable() const { return false; }
  virtual Value call(const CallArgs& args);
  int depth() const { return depth_; }

 protected:
  explicit Object(int depth = 0, int64_t bytes = 64);

 private:
  Footprint footprint_;
  int depth_;
};

template <class T>
T* Value::as() const {
  return is_object() ? dynamic_cast<T*>(&object()) : nullptr;
}

bool hashable(const Value& value);
size_t hash(const Value& value);  ///< throws Failure for unhashable values
/// The deepest of a value and a call's arguments: what an object that keeps both passes to its constructor.
int depth_of(const Value& value, const CallArgs& args);
/// 1 + the deepest of the items; throws Failure past the budget's depth.
int checked_depth(int deepest);

}  // namespace orrery::text::jinja
