// Expressions.
#include "orrery/text/chat/jinja/interpreter.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {

Value Interpreter::evaluate(const Expr& expr, const ActivationPtr& act) {
  Nesting level;
  Budget::current().step();
  try {
    return evaluate_node(expr, act);
  } catch (Failure& failure) {
    failure.locate(expr.at);
    throw;
  }
}

Value Interpreter::evaluate_node(const Expr& expr, const ActivationPtr& act) {
  switch (expr.kind) {
    case Expr::Kind::constant:
      return static_cast<const Constant&>(expr).value;
    case Expr::Kind::name:
      return evaluate_name(static_cast<const Name&>(expr), *act);
    case Expr::Kind::tuple:
    case Expr::Kind::list:
      return evaluate_sequence(static_cast<const Sequence&>(expr), act);
    case Expr::Kind::dict:
      return evaluate_dict(static_cast<const DictLiteral&>(expr), act);
    case Expr::Kind::unary:
      return evaluate_unary(static_cast<const Unary&>(expr), act);
    case Expr::Kind::binary:
      return evaluate_binary(static_cast<const Binary&>(expr), act);
    case Expr::Kind::logical: {
      const auto& node = static_cast<const Logical&>(expr);
      Value left = evaluate(*node.left, act);
      return truthy(left) == node.is_and ? evaluate(*node.right, act) : left;
    }
    case Expr::Kind::compare:
      return evaluate_compare(static_cast<const Compare&>(expr), act);
    case Expr::Kind::concat:
      return evaluate_concat(static_cast<const Concat&>(expr), act);
    case Expr::Kind::conditional:
      return evaluate_conditional(static_cast<const Conditional&>(expr), act);
    case Expr::Kind::attribute: {
      const auto& node = static_cast<const Attribute&>(expr);
      return get_attribute(evaluate(*node.object, act), node.name);
    }
    case Expr::Kind::item: {
      const auto& node = static_cast<const Item&>(expr);
      const Value object = evaluate(*node.object, act);
      return get_item(object, evaluate(*node.key, act));
    }
    case Expr::Kind::slice:
      return evaluate_slice(static_cast<const Slice&>(expr), act);
    case Expr::Kind::call:
      return evaluate_call(static_cast<const Call&>(expr), act);
    case Expr::Kind::filter:
      return evaluate_filter(static_cast<const FilterExpr&>(expr), act);
    case Expr::Kind::test:
      return evaluate_test(static_cast<const TestExpr&>(expr), act);
    case Expr::Kind::namespace_target:
    case Expr::Kind::generation:
      break;
  }
  throw Failure("this cannot be evaluated");
}

Value Interpreter::evaluate_name(const Name& node, Activation& act) {
  const Value& value = variable(node.ref, act);
  return value.is_missing() ? Value::undefined("'" + node.name + "' is undefined") : value;
}

Value Interpreter::evaluate_sequence(const Sequence& node, const ActivationPtr& act) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const ExprPtr& item : node.items) items.push_back(evaluate(*item, act));
  return node.kind == Expr::Kind::list ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

Value Interpreter::evaluate_dict(const DictLiteral& node, const ActivationPtr& act) {
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, value] : node.items) {
    const Value evaluated_key = evaluate(*key, act);
    dict->set(evaluated_key, evaluate(*value, act));
  }
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Value Interpreter::evaluate_unary(const Unary& node, const ActivationPtr& act) {
  const Value operand = evaluate(*node.operand, act);
  switch (node.op) {
    case Unary::Op::negate:
      return negate(operand);
    case Unary::Op::plus:
      return identity(operand);
    default:
      return Value(!truthy(operand));
  }
}

Value Interpreter::evaluate_binary(const Binary& node, const ActivationPtr& act) {
  const Value left = evaluate(*node.left, act);
  const Value right = evaluate(*node.right, act);
  switch (node.op) {
    case Binary::Op::add:
      return add(left, right);
    case Binary::Op::subtract:
      return subtract(left, right);
    case Binary::Op::multiply:
      return multiply(left, right);
    case Binary::Op::divide:
      return divide(left, right);
    case Binary::Op::floor_divide:
      return floor_divide(left, right);
    case Binary::Op::modulo:
      return modulo(left, right);
    default:
      return power(left, right);
  }
}

Value Interpreter::evaluate_compare(const Compare& node, const ActivationPtr& act) {
  Value left = evaluate(*node.first, act);
  for (const auto& [op, operand] : node.rest) {
    Value right = evaluate(*operand, act);
    bool holds = false;
    switch (op) {
      case Compare::Op::eq:
        holds = equal(left, right);
        break;
      case Compare::Op::ne:
        holds = !equal(left, right);
        break;
      case Compare::Op::lt:
        holds = compare(Comparison::lt, left, right);
        break;
      case Compare::Op::le:
        holds = compare(Comparison::le, left, right);
        break;
      case Compare::Op::gt:
        holds = compare(Comparison::gt, left, right);
        break;
      case Compare::Op::ge:
        holds = compare(Comparison::ge, left, right);
        break;
      case Compare::Op::in:
        holds = contains(right, left);
        break;
      case Compare::Op::not_in:
        holds = !contains(right, left);
        break;
    }
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Interpreter::evaluate_concat(const Concat& node, const ActivationPtr& act) {
  TextBuilder out;
  for (const ExprPtr& item : node.items) append_text(out, evaluate(*item, act));
  return Value::text(out.take());
}

Value Interpreter::evaluate_conditional(const Conditional& node, const ActivationPtr& act) {
  if (truthy(evaluate(*node.test, act))) return evaluate(*node.then, act);
  if (node.otherwise != nullptr) return evaluate(*node.otherwise, act);
  return Value::undefined("the inline if-expression on line " + std::to_string(node.at.line) +
                          " evaluated to false and no else section was defined.");
}

Value Interpreter::evaluate_slice(const Slice& node, const ActivationPtr& act) {
  const auto part = [&](const ExprPtr& expr) { return expr != nullptr ? evaluate(*expr, act) : Value(); };
  const Value object = evaluate(*node.object, act);
  const Value start = part(node.start), stop = part(node.stop);
  return slice(object, start, stop, part(node.step));
}

CallArgs Interpreter::evaluate_arguments(const ArgumentList& list, const ActivationPtr& act) {
  CallArgs args;
  for (const ExprPtr& expr : list.positional) args.positional.push_back(evaluate(*expr, act));
  for (const auto& [name, expr] : list.keywords) args.keywords.emplace_back(name, evaluate(*expr, act));
  if (list.star != nullptr)
    for (Value& item : collect(evaluate(*list.star, act))) args.positional.push_back(std::move(item));
  if (list.double_star != nullptr) {
    const Value given = evaluate(*list.double_star, act);
    if (given.is_undefined()) given.use_undefined();
    if (!given.is_dict()) throw Failure("argument after ** must be a mapping, not " + given.type_name());
    for (const auto& [key, value] : given.dict().items()) {
      if (!key.is_text()) throw Failure("keywords must be strings");
      for (const auto& [name, other] : args.keywords) {
        Budget::current().step();
        if (name == key.bytes()) throw Failure("got multiple values for keyword argument '" + name + "'");
      }
      args.keywords.emplace_back(key.bytes(), value);
    }
  }
  return args;
}

Value Interpreter::evaluate_call(const Call& node, const ActivationPtr& act, const Value* caller) {
  const Value callee = evaluate(*node.callee, act);
  CallArgs args = evaluate_arguments(node.args, act);
  if (caller != nullptr) args.keywords.emplace_back("caller", *caller);
  return call(callee, args);
}

Value Interpreter::evaluate_filter(const FilterExpr& node, const ActivationPtr& act) {
  const Value subject = node.subject != nullptr ? evaluate(*node.subject, act) : block_text_;
  const CallArgs args = evaluate_arguments(node.args, act);
  if (node.filter == nullptr) throw Failure("No filter named '" + node.name + "' found.");
  return node.filter->apply(subject, args);
}

Value Interpreter::evaluate_test(const TestExpr& node, const ActivationPtr& act) {
  const Value subject = evaluate(*node.subject, act);
  const CallArgs args = evaluate_arguments(node.args, act);
  if (node.test == nullptr) throw Failure("No test named '" + node.name + "' found.");
  return Value(node.test->holds(subject, args));
}

Value Interpreter::filter_text(const Expr& filter, std::string text, const ActivationPtr& act) {
  Value around = std::exchange(block_text_, Value::text(std::move(text)));
  Value result = evaluate(filter, act);
  block_text_ = std::move(around);
  return result;
}

}  // namespace orrery::text::jinja
