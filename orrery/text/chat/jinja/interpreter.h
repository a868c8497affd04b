// Renders a resolved template.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "orrery/text/chat/jinja/ast.h"
#include "orrery/text/chat/jinja/builder.h"
#include "orrery/text/chat/jinja/objects.h"

namespace orrery::text::jinja {

/// What names that no frame defines mean inside of a block: variables that were visible around it. The outermost has
/// none.
struct BlockContext {
  std::shared_ptr<const BlockContext> outer;
  std::vector<std::pair<std::string, Value>> variables;
};

/// The variables of one call of a function of the template.
struct Activation {
  Activation(int slot_count, std::shared_ptr<Activation> around, std::shared_ptr<const BlockContext> block_context);
  Footprint footprint;
  std::vector<Value> slots;
  std::shared_ptr<Activation> outer;
  std::shared_ptr<const BlockContext> context;
};
using ActivationPtr = std::shared_ptr<Activation>;

class Interpreter {
 public:
  using Clock = std::chrono::system_clock;

  /// `context` is a dict. All are kept by reference.
  Interpreter(const Template& source, const Value& context, Clock::time_point now);
  /// Breaks the cycles that namespaces and macros may have made.
  ~Interpreter();
  std::string run();

  // For loops and macros, which call back.
  std::string render_loop(const For& node, const Value& iterable, const ActivationPtr& around, int64_t depth0);
  Value call_macro(const MacroDefinition& node, const ActivationPtr& around, const CallArgs& args);
  /// A loop's `for … if` condition on one item; `activation` is the condition's own.
  bool passes(const For& node, const Value& item, const ActivationPtr& activation);
  /// Keeps an object that may be part of a cycle until the render ends.
  void keep(std::shared_ptr<Namespace> object) { namespaces_.push_back(std::move(object)); }

 private:
  enum class Flow { normal, broken, continued };

  // Statements (interpreter.cpp)
  Flow execute(const Body& body, const ActivationPtr& act, TextBuilder& out);
  Flow execute(const Stmt& stmt, const ActivationPtr& act, TextBuilder& out);
  Flow execute_if(const If& node, const ActivationPtr& act, TextBuilder& out);
  Flow execute_assign_block(const AssignBlock& node, const ActivationPtr& act);
  Flow execute_filter_block(const FilterBlock& node, const ActivationPtr& act, TextBuilder& out);
  Flow execute_with(const With& node, const ActivationPtr& act, TextBuilder& out);
  Flow execute_autoescape(const Autoescape& node, const ActivationPtr& act, TextBuilder& out);
  void execute_block(const Block& node, const ActivationPtr& act, TextBuilder& out);
  void execute_call_block(const CallBlock& node, const ActivationPtr& act, TextBuilder& out);
  void execute_output(const Output& node, const ActivationPtr& act, TextBuilder& out);
  /// `act` holds the loop's variables, `around` those of the function around it (the same unless the loop is
  /// recursive).
  Flow run_loop(const For& node, const Value& iterable, const ActivationPtr& act, const ActivationPtr& around,
                int64_t depth0, TextBuilder& out);
  void enter(const Frame& frame, Activation& act);
  void leave(const Frame& frame, Activation& act);
  void assign(const Expr& target, const Value& value, Activation& act);
  void require_namespaces(const Expr& target, Activation& act);
  void finish(ActivationPtr act);
  Value resolve(const std::string& name, const Activation& act);
  static Value& variable(SlotRef ref, Activation& act);

  // Expressions (evaluate.cpp)
  Value evaluate(const Expr& expr, const ActivationPtr& act);
  Value evaluate_node(const Expr& expr, const ActivationPtr& act);
  Value evaluate_name(const Name& node, Activation& act);
  Value evaluate_sequence(const Sequence& node, const ActivationPtr& act);
  Value evaluate_dict(const DictLiteral& node, const ActivationPtr& act);
  Value evaluate_unary(const Unary& node, const ActivationPtr& act);
  Value evaluate_binary(const Binary& node, const ActivationPtr& act);
  Value evaluate_compare(const Compare& node, const ActivationPtr& act);
  Value evaluate_concat(const Concat& node, const ActivationPtr& act);
  Value evaluate_conditional(const Conditional& node, const ActivationPtr& act);
  Value evaluate_slice(const Slice& node, const ActivationPtr& act);
  Value evaluate_call(const Call& node, const ActivationPtr& act, const Value* caller = nullptr);
  Value evaluate_filter(const FilterExpr& node, const ActivationPtr& act);
  Value evaluate_test(const TestExpr& node, const ActivationPtr& act);
  CallArgs evaluate_arguments(const ArgumentList& args, const ActivationPtr& act);
  /// A filter chain at the head of a block, applied to what the block rendered.
  Value filter_text(const Expr& filter, std::string text, const ActivationPtr& act);

  const Template& template_;
  const Value& context_;
  Value globals_;
  ActivationPtr root_;
  Value block_text_;  // what the innermost filter block rendered
  int call_depth_ = 0;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<ActivationPtr> captured_;  // activations that a macro or a loop still refers to
};

/// range, dict, namespace, cycler, joiner, raise_exception, strftime_now (globals.cpp).
Value make_globals(Interpreter& interpreter, Interpreter::Clock::time_point now);

}  // namespace orrery::text::jinja
