#include "orrery/text/chat/jinja/interpreter.h"

#include "orrery/text/chat/jinja/loop.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

// The items of a loop that its condition lets through.
std::unique_ptr<Stream> filtered(Interpreter& interpreter, const For& node, std::unique_ptr<Stream> items,
                                 ActivationPtr act) {
  return make_stream([&interpreter, &node, items = std::shared_ptr<Stream>(std::move(items)), act](Value& item) {
    while (items->next(item)) {
      Budget::current().step();
      if (interpreter.passes(node, item, act)) return true;
    }
    return false;
  });
}

}  // namespace

Activation::Activation(int slot_count, ActivationPtr around, std::shared_ptr<const BlockContext> block_context)
    : footprint(128 + slot_count * static_cast<int64_t>(sizeof(Value))),
      slots(slot_count, Value(Missing{})),
      outer(std::move(around)),
      context(std::move(block_context)) {}

Interpreter::Interpreter(const Template& source, const Value& context, Clock::time_point now)
    : template_(source), context_(context), globals_(make_globals(*this, now)) {}

// Whatever can be part of a cycle is held here, so nothing below is destroyed in a deep chain either.
Interpreter::~Interpreter() {
  if (root_ != nullptr) root_->slots.clear();
  for (const auto& object : namespaces_) object->clear();
  for (const auto& act : captured_) act->slots.clear();
}

std::string Interpreter::run() {
  TextBuilder out;
  root_ = std::make_shared<Activation>(template_.slots, nullptr, std::make_shared<BlockContext>());
  enter(template_.frame, *root_);
  execute(template_.body, root_, out);
  return out.take();
}

Value& Interpreter::variable(SlotRef ref, Activation& act) {
  Activation* holder = &act;
  for (int hop = 0; hop < ref.hops; ++hop) holder = holder->outer.get();
  return holder->slots[ref.slot];
}

Value Interpreter::resolve(const std::string& name, const Activation& act) {
  for (const BlockContext* context = act.context.get(); context != nullptr; context = context->outer.get())
    for (const auto& [known, value] : context->variables)
      if (known == name) return value;
  if (template_.has_blocks && &act != root_.get())
    for (const auto& [ref, exported] : template_.exported)
      if (exported == name && !root_->slots[ref.slot].is_missing()) return root_->slots[ref.slot];
  if (const Value* given = context_.dict().find(name)) return *given;
  const Value* global = globals_.dict().find(name);
  return global != nullptr ? *global : Value(Missing{});
}

void Interpreter::enter(const Frame& frame, Activation& act) {
  for (const Load& load : frame.loads) {
    Budget::current().step();
    if (load.action == Load::Action::resolve)
      act.slots[load.slot] = resolve(load.name, act);
    else if (load.action == Load::Action::alias)
      act.slots[load.slot] = variable(load.outer, act);
    else if (load.action == Load::Action::undefined)
      act.slots[load.slot] = Value(Missing{});
  }
}

void Interpreter::leave(const Frame& frame, Activation& act) {
  for (const Load& load : frame.loads) act.slots[load.slot] = Value(Missing{});
}

// A call is over. What still refers to its variables (a macro kept in a namespace, say) may be part of a cycle.
void Interpreter::finish(ActivationPtr act) {
  if (act.use_count() > 1) captured_.push_back(std::move(act));
}

Interpreter::Flow Interpreter::execute(const Body& body, const ActivationPtr& act, TextBuilder& out) {
  Nesting level;
  for (const StmtPtr& stmt : body) {
    Budget::current().step();
    try {
      const Flow flow = execute(*stmt, act, out);
      if (flow != Flow::normal) return flow;
    } catch (Failure& failure) {
      failure.locate(stmt->at);
      throw;
    }
  }
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const Stmt& stmt, const ActivationPtr& act, TextBuilder& out) {
  switch (stmt.kind) {
    case Stmt::Kind::output:
      execute_output(static_cast<const Output&>(stmt), act, out);
      return Flow::normal;
    case Stmt::Kind::assign: {
      const auto& node = static_cast<const Assign&>(stmt);
      require_namespaces(*node.target, *act);
      assign(*node.target, evaluate(*node.value, act), *act);
      return Flow::normal;
    }
    case Stmt::Kind::assign_block:
      return execute_assign_block(static_cast<const AssignBlock&>(stmt), act);
    case Stmt::Kind::for_loop: {
      const auto& node = static_cast<const For&>(stmt);
      const Value iterable = evaluate(*node.iterable, act);
      if (!node.recursive) return run_loop(node, iterable, act, act, 0, out);
      out.append(render_loop(node, iterable, act, 0));
      return Flow::normal;
    }
    case Stmt::Kind::if_chain:
      return execute_if(static_cast<const If&>(stmt), act, out);
    case Stmt::Kind::macro: {
      const auto& node = static_cast<const MacroDefinition&>(stmt);
      variable(node.target, *act) = Value(std::make_shared<Macro>(*this, node, act));
      return Flow::normal;
    }
    case Stmt::Kind::call_block:
      execute_call_block(static_cast<const CallBlock&>(stmt), act, out);
      return Flow::normal;
    case Stmt::Kind::filter_block:
      return execute_filter_block(static_cast<const FilterBlock&>(stmt), act, out);
    case Stmt::Kind::with:
      return execute_with(static_cast<const With&>(stmt), act, out);
    case Stmt::Kind::autoescape:
      return execute_autoescape(static_cast<const Autoescape&>(stmt), act, out);
    case Stmt::Kind::block:
      execute_block(static_cast<const Block&>(stmt), act, out);
      return Flow::normal;
    case Stmt::Kind::break_loop:
      return Flow::broken;
    case Stmt::Kind::continue_loop:
      return Flow::continued;
    case Stmt::Kind::unsupported:
      throw Failure("'" + static_cast<const Unsupported&>(stmt).tag +
                    "' needs another template, and a chat template stands alone");
  }
  return Flow::normal;
}

void Interpreter::execute_output(const Output& node, const ActivationPtr& act, TextBuilder& out) {
  for (const ExprPtr& item : node.items) append_text(out, evaluate(*item, act));
}

Interpreter::Flow Interpreter::execute_if(const If& node, const ActivationPtr& act, TextBuilder& out) {
  for (const If::Branch& branch : node.branches)
    if (truthy(evaluate(*branch.test, act))) return execute(branch.body, act, out);
  return execute(node.otherwise, act, out);
}

Interpreter::Flow Interpreter::execute_assign_block(const AssignBlock& node, const ActivationPtr& act) {
  enter(node.frame, *act);
  TextBuilder text;
  const Flow flow = execute(node.body, act, text);
  if (flow != Flow::normal) return flow;
  const Value value = node.filter != nullptr ? filter_text(*node.filter, text.take(), act) : Value::text(text.take());
  require_namespaces(*node.target, *act);
  assign(*node.target, value, *act);
  leave(node.frame, *act);
  return flow;
}

Interpreter::Flow Interpreter::execute_filter_block(const FilterBlock& node, const ActivationPtr& act,
                                                    TextBuilder& out) {
  enter(node.frame, *act);
  TextBuilder text;
  const Flow flow = execute(node.body, act, text);
  if (flow != Flow::normal) return flow;
  append_text(out, filter_text(*node.filter, text.take(), act));
  leave(node.frame, *act);
  return flow;
}

Interpreter::Flow Interpreter::execute_with(const With& node, const ActivationPtr& act, TextBuilder& out) {
  enter(node.frame, *act);
  for (size_t i = 0; i < node.targets.size(); ++i) assign(*node.targets[i], evaluate(*node.values[i], act), *act);
  const Flow flow = execute(node.body, act, out);
  if (flow == Flow::normal) leave(node.frame, *act);
  return flow;
}

Interpreter::Flow Interpreter::execute_autoescape(const Autoescape& node, const ActivationPtr& act, TextBuilder& out) {
  enter(node.frame, *act);
  if (truthy(evaluate(*node.enabled, act))) throw Failure("autoescape is not supported in chat templates");
  const Flow flow = execute(node.body, act, out);
  if (flow == Flow::normal) leave(node.frame, *act);
  return flow;
}

void Interpreter::execute_block(const Block& node, const ActivationPtr& act, TextBuilder& out) {
  if (node.required) throw Failure("Required block '" + node.name + "' not found");
  auto context = act->context;
  if (node.scoped) {
    auto visible = std::make_shared<BlockContext>();
    visible->outer = act->context;
    for (const auto& [name, ref] : node.visible)
      if (!variable(ref, *act).is_missing()) visible->variables.emplace_back(name, variable(ref, *act));
    context = std::move(visible);
  }
  auto block = std::make_shared<Activation>(node.slots, nullptr, context);
  enter(node.frame, *block);
  execute(node.body, block, out);
  finish(std::move(block));
}

void Interpreter::execute_call_block(const CallBlock& node, const ActivationPtr& act, TextBuilder& out) {
  if (node.call->callee->kind == Expr::Kind::generation) {
    append_text(out, call_macro(node, act, {}));
    return;
  }
  const Value caller(std::make_shared<Macro>(*this, node, act));
  append_text(out, evaluate_call(*node.call, act, &caller));
}

bool Interpreter::passes(const For& node, const Value& item, const ActivationPtr& activation) {
  assign(*node.test_target, item, *activation);
  return truthy(evaluate(*node.test, activation));
}

std::string Interpreter::render_loop(const For& node, const Value& iterable, const ActivationPtr& around,
                                     int64_t depth0) {
  Nesting level;
  TextBuilder out;
  auto act = std::make_shared<Activation>(node.recursive_slots, around, around->context);
  run_loop(node, iterable, act, around, depth0, out);
  finish(std::move(act));
  return out.take();
}

Interpreter::Flow Interpreter::run_loop(const For& node, const Value& iterable, const ActivationPtr& act,
                                        const ActivationPtr& around, int64_t depth0, TextBuilder& out) {
  std::unique_ptr<Stream> stream = iterate(iterable);
  std::optional<int64_t> length = jinja::length(iterable);
  if (node.test != nullptr) {
    auto test = std::make_shared<Activation>(node.test_slots, around, around->context);
    enter(node.test_frame, *test);
    stream = filtered(*this, node, std::move(stream), std::move(test));
    length.reset();
  }
  std::shared_ptr<Loop> loop;
  if (node.loop_slot.slot >= 0)
    loop = std::make_shared<Loop>(*this, node, std::move(stream), length, node.recursive ? around : nullptr, depth0,
                                  iterable.depth());
  // jinja2 notes that an iteration happened at the end of its body: after nothing but break and continue, else is
  // rendered.
  bool completed = false;
  for (Value item; loop != nullptr ? loop->advance(item) : stream->next(item);) {
    Budget::current().step();
    assign(*node.target, item, *act);
    if (loop != nullptr) act->slots[node.loop_slot.slot] = Value(std::static_pointer_cast<Object>(loop));
    enter(node.body_frame, *act);
    const Flow flow = execute(node.body, act, out);
    if (flow == Flow::broken) break;
    completed |= flow == Flow::normal;
  }
  leave(node.body_frame, *act);
  if (completed || !node.has_otherwise) return Flow::normal;
  enter(node.otherwise_frame, *act);
  const Flow flow = execute(node.otherwise, act, out);
  if (flow == Flow::normal) leave(node.otherwise_frame, *act);
  return flow;
}

void Interpreter::require_namespaces(const Expr& target, Activation& act) {
  if (target.kind == Expr::Kind::tuple) {
    for (const ExprPtr& item : static_cast<const Sequence&>(target).items) require_namespaces(*item, act);
  } else if (target.kind == Expr::Kind::namespace_target) {
    if (variable(static_cast<const NamespaceTarget&>(target).ref, act).as<Namespace>() == nullptr)
      throw Failure("cannot assign attribute on non-namespace object", target.at);
  }
}

void Interpreter::assign(const Expr& target, const Value& value, Activation& act) {
  if (target.kind == Expr::Kind::name) {
    variable(static_cast<const Name&>(target).ref, act) = value;
    return;
  }
  if (target.kind == Expr::Kind::namespace_target) {
    const auto& node = static_cast<const NamespaceTarget&>(target);
    variable(node.ref, act).as<Namespace>()->set(node.attribute, value);
    return;
  }
  const auto& targets = static_cast<const Sequence&>(target).items;
  const std::string expected = std::to_string(targets.size());
  const auto stream = iterate(value);
  std::vector<Value> values;
  for (Value item; stream->next(item); values.push_back(item)) {
    Budget::current().step();
    if (values.size() == targets.size())
      throw Failure("too many values to unpack (expected " + expected + ")", target.at);
  }
  if (values.size() < targets.size())
    throw Failure("not enough values to unpack (expected " + expected + ", got " + std::to_string(values.size()) + ")",
                  target.at);
  for (size_t i = 0; i < targets.size(); ++i) assign(*targets[i], values[i], act);
}

}  // namespace orrery::text::jinja
