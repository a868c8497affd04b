// The objects that templates meet besides plain data.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/chat/jinja/value.h"

namespace orrery::text::jinja {

/// range(start, stop, step); the sandbox allows at most 100000 items.
class Range final : public Object {
 public:
  Range(int64_t start, int64_t stop, int64_t step);
  std::string type_name() const override { return "range"; }
  std::string repr() override;
  bool truthy() override { return count_ > 0; }
  std::optional<int64_t> length() override { return count_; }
  std::unique_ptr<Stream> iterate() override;
  std::unique_ptr<Stream> iterate_reversed() override;
  std::optional<Value> attribute(std::string_view name) override;
  std::optional<Value> item(const Value& key) override;
  bool has_items() const override { return true; }
  bool equals(const Object& other) override;
  /// The range that [first:last:step] cuts out, for resolved indices.
  std::shared_ptr<Range> slice(int64_t first, int64_t last, int64_t step) const;

 private:
  int64_t at(int64_t index) const { return start_ + index * step_; }

  int64_t start_, stop_, step_, count_;
};

/// dict.keys(), values() or items().
class DictView final : public Object {
 public:
  enum class Part { keys, values, items };
  DictView(Value dict, Part part) : Object(checked_depth(dict.depth())), dict_(std::move(dict)), part_(part) {}
  std::string type_name() const override;
  std::string repr() override;
  bool truthy() override { return !dict_.dict().items().empty(); }
  std::optional<int64_t> length() override { return dict_.dict().items().size(); }
  std::unique_ptr<Stream> iterate() override { return stream(false); }
  std::unique_ptr<Stream> iterate_reversed() override { return stream(true); }
  std::optional<bool> contains(const Value& item) override;
  bool equals(const Object& other) override;
  bool hashable() const override { return part_ == Part::values; }
  Value at(size_t index) const;

 private:
  std::unique_ptr<Stream> stream(bool reversed);
  Value dict_;
  Part part_;
};

/// An iterator: what it yields is gone once it has been read. Generators of filters (lazy, as in jinja2) and
/// reversed().
class Generator final : public Object {
 public:
  /// `repr_name`: "generator object do_map"; `source_depth` is that of what it reads from.
  Generator(std::string repr_name, std::unique_ptr<Stream> stream, int source_depth);
  std::string type_name() const override { return "generator"; }
  std::string repr() override { return "<" + repr_name_ + " at 0x0>"; }
  std::unique_ptr<Stream> iterate() override;
  bool next(Value& item);

 private:
  std::string repr_name_;
  std::unique_ptr<Stream> stream_;
  bool running_ = false;
};

/// A stream made of a function that sets its argument and says whether there was one more.
std::unique_ptr<Stream> make_stream(std::function<bool(Value&)> next);

/// A method of a built-in type. `call` gets the object it was looked up on.
struct Method {
  std::string_view name;
  Value (*call)(const Value& self, const CallArgs& args);
};

class BoundMethod final : public Object {
 public:
  BoundMethod(Value self, const Method* method)
      : Object(checked_depth(self.depth())), self_(std::move(self)), method_(method) {}
  std::string type_name() const override { return "builtin_function_or_method"; }
  std::string repr() override;
  bool callable() const override { return true; }
  Value call(const CallArgs& args) override { return method_->call(self_, args); }

 private:
  Value self_;
  const Method* method_;
};

class NativeFunction final : public Object {
 public:
  using Body = std::function<Value(const CallArgs&)>;
  NativeFunction(std::string name, Body body, int source_depth = 0)
      : Object(checked_depth(source_depth)), name_(std::move(name)), body_(std::move(body)) {}
  std::string type_name() const override { return "function"; }
  std::string repr() override { return "<function " + name_ + " at 0x0>"; }
  bool callable() const override { return true; }
  Value call(const CallArgs& args) override { return body_(args); }

 private:
  std::string name_;
  Body body_;
};

/// namespace(): the one object whose attributes a template may set.
class Namespace final : public Object {
 public:
  std::string type_name() const override { return "Namespace"; }
  std::string repr() override;
  std::optional<Value> attribute(std::string_view name) override;
  /// Throws for a name that starts with an underscore, as Hugging Face's does.
  void set(std::string_view name, Value value);
  void clear() { attributes_.clear(); }

 private:
  std::vector<std::pair<std::string, Value>> attributes_;
  Footprint footprint_{0};
  bool printing_ = false;
};

class Cycler final : public Object {
 public:
  explicit Cycler(const Value& items);  ///< a tuple, not empty
  std::string type_name() const override { return "Cycler"; }
  std::optional<Value> attribute(std::string_view name) override;

 private:
  Value items_;
  size_t position_ = 0;
};

class Joiner final : public Object {
 public:
  explicit Joiner(Value separator) : Object(checked_depth(separator.depth())), separator_(std::move(separator)) {}
  std::string type_name() const override { return "Joiner"; }
  std::optional<Value> attribute(std::string_view name) override;
  bool callable() const override { return true; }
  Value call(const CallArgs& args) override;

 private:
  Value separator_;
  bool used_ = false;
};

}  // namespace orrery::text::jinja
