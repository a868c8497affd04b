// The `loop` variable and macros: objects that call back into the interpreter.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "orrery/text/chat/jinja/interpreter.h"

namespace orrery::text::jinja {

/// jinja2's LoopContext. It reads one item ahead only when asked for last, nextitem or a length that the iterable does
/// not know.
class Loop final : public Object {
 public:
  /// `length`: nullopt when it takes reading to the end to know. `around` is set for recursive loops.
  Loop(Interpreter& interpreter, const For& node, std::unique_ptr<Stream> stream, std::optional<int64_t> length,
       ActivationPtr around, int64_t depth0, int source_depth);
  bool advance(Value& item);

  std::string type_name() const override { return "LoopContext"; }
  std::string repr() override;
  bool truthy() override { return total() > 0; }
  std::optional<int64_t> length() override { return total(); }
  std::unique_ptr<Stream> iterate() override;
  std::optional<Value> attribute(std::string_view name) override;
  bool callable() const override { return true; }
  Value call(const CallArgs& args) override;

 private:
  int64_t total();
  bool peek();
  Value cycle(const CallArgs& args) const;
  Value changed(const CallArgs& args);

  Interpreter& interpreter_;
  const For& node_;
  std::unique_ptr<Stream> stream_;
  std::optional<int64_t> length_;
  ActivationPtr around_;
  int64_t depth0_, index0_ = -1;
  bool has_after_ = false;
  Value after_, current_, before_;
  std::optional<Value> last_changed_;
};

class Macro final : public Object {
 public:
  Macro(Interpreter& interpreter, const MacroDefinition& node, ActivationPtr around)
      : interpreter_(interpreter), node_(node), around_(std::move(around)) {}
  std::string type_name() const override { return "Macro"; }
  std::string repr() override;
  std::optional<Value> attribute(std::string_view name) override;
  bool callable() const override { return true; }
  Value call(const CallArgs& args) override { return interpreter_.call_macro(node_, around_, args); }

 private:
  Interpreter& interpreter_;
  const MacroDefinition& node_;
  ActivationPtr around_;
};

}  // namespace orrery::text::jinja
