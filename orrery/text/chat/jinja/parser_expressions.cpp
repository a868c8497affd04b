// Expressions, in jinja2's order of precedence: if-else, or, and, not, comparisons, + -, ~, * / // %, **, unary,
// postfix, filters.
#include <algorithm>
#include <set>

#include "orrery/text/chat/jinja/token_stream.h"

namespace orrery::text::jinja {
namespace {

using Type = Token::Type;

// Every node passes here once its children are known: chains like a + b + c deepen the tree as parentheses do.
ExprPtr finish(ExprPtr node) {
  int deepest = 0;
  for_each_child(*node, [&](Expr& child) { deepest = std::max(deepest, child.depth); });
  node->depth = deepest + 1;
  if (node->depth > Budget::current().depth()) throw Failure("an expression nested too deeply", node->at);
  return node;
}

template <class T, class... Args>
ExprPtr make(Args&&... args) {
  return finish(std::make_unique<T>(std::forward<Args>(args)...));
}

bool is_reserved(std::string_view name) {
  return name == "true" || name == "false" || name == "none" || name == "True" || name == "False" || name == "None";
}

// Marks the names as written to; throws for anything that cannot be assigned.
void mark_target(Expr& target) {
  if (target.kind == Expr::Kind::tuple) {
    for (const ExprPtr& item : static_cast<Sequence&>(target).items) mark_target(*item);
  } else if (target.kind == Expr::Kind::name) {
    static_cast<Name&>(target).use = Name::Use::store;
  } else if (target.kind != Expr::Kind::namespace_target) {
    throw Failure("can't assign to this expression", target.at);
  }
}

}  // namespace

ExprPtr ExpressionParser::expression(bool with_conditional) {
  Nesting level;
  Budget::current().step();
  return with_conditional ? conditional() : logical_or();
}

ExprPtr ExpressionParser::conditional() {
  const Position at = stream_.current().at;
  ExprPtr node = logical_or();
  while (stream_.skip_name("if")) {
    ExprPtr test = logical_or();
    ExprPtr otherwise = stream_.skip_name("else") ? expression() : nullptr;
    node = make<Conditional>(at, std::move(test), std::move(node), std::move(otherwise));
  }
  return node;
}

ExprPtr ExpressionParser::logical_or() {
  ExprPtr left = logical_and();
  while (stream_.is_name("or")) {
    const Position at = stream_.next().at;
    left = make<Logical>(at, false, std::move(left), logical_and());
  }
  return left;
}

ExprPtr ExpressionParser::logical_and() {
  ExprPtr left = logical_not();
  while (stream_.is_name("and")) {
    const Position at = stream_.next().at;
    left = make<Logical>(at, true, std::move(left), logical_not());
  }
  return left;
}

ExprPtr ExpressionParser::logical_not() {
  if (!stream_.is_name("not")) return comparison();
  Nesting level;
  const Position at = stream_.next().at;
  return make<Unary>(at, Unary::Op::invert, logical_not());
}

ExprPtr ExpressionParser::comparison() {
  using Op = Compare::Op;
  constexpr std::pair<std::string_view, Op> kSymbols[] = {{"==", Op::eq}, {"!=", Op::ne}, {"<", Op::lt},
                                                          {"<=", Op::le}, {">", Op::gt},  {">=", Op::ge}};
  const Position at = stream_.current().at;
  auto node = std::make_unique<Compare>(at, sum());
  while (true) {
    const auto it =
        std::find_if(std::begin(kSymbols), std::end(kSymbols), [&](const auto& s) { return stream_.is_op(s.first); });
    Op op;
    if (it != std::end(kSymbols)) {
      op = it->second;
    } else if (stream_.is_name("in")) {
      op = Op::in;
    } else if (stream_.is_name("not") && stream_.look().is_name("in")) {
      op = Op::not_in;
      stream_.next();
    } else {
      break;
    }
    stream_.next();
    node->rest.emplace_back(op, sum());
  }
  return node->rest.empty() ? std::move(node->first) : finish(std::move(node));
}

ExprPtr ExpressionParser::sum() {
  ExprPtr left = concat();
  while (stream_.is_op("+") || stream_.is_op("-")) {
    const Token& op = stream_.next();
    const auto kind = op.text == "+" ? Binary::Op::add : Binary::Op::subtract;
    left = make<Binary>(op.at, kind, std::move(left), concat());
  }
  return left;
}

ExprPtr ExpressionParser::concat() {
  const Position at = stream_.current().at;
  std::vector<ExprPtr> items;
  items.push_back(product());
  while (stream_.skip_op("~")) items.push_back(product());
  return items.size() == 1 ? std::move(items[0]) : make<Concat>(at, std::move(items));
}

ExprPtr ExpressionParser::product() {
  ExprPtr left = power();
  while (stream_.is_op("*") || stream_.is_op("/") || stream_.is_op("//") || stream_.is_op("%")) {
    const Token& op = stream_.next();
    const auto kind = op.text == "*"   ? Binary::Op::multiply
                      : op.text == "/" ? Binary::Op::divide
                      : op.text == "%" ? Binary::Op::modulo
                                       : Binary::Op::floor_divide;
    left = make<Binary>(op.at, kind, std::move(left), power());
  }
  return left;
}

ExprPtr ExpressionParser::power() {
  ExprPtr left = unary();
  while (stream_.is_op("**")) {  // jinja2 groups to the left: 2 ** 3 ** 2 is 64
    const Position at = stream_.next().at;
    left = make<Binary>(at, Binary::Op::power, std::move(left), unary());
  }
  return left;
}

ExprPtr ExpressionParser::unary(bool with_filter) {
  Nesting level;
  ExprPtr node;
  if (stream_.is_op("-") || stream_.is_op("+")) {
    const Token& op = stream_.next();
    const auto kind = op.text == "-" ? Unary::Op::negate : Unary::Op::plus;
    node = make<Unary>(op.at, kind, unary(false));
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filter ? filter_expression(std::move(node)) : std::move(node);
}

ExprPtr ExpressionParser::primary(bool with_namespace) {
  const Token& token = stream_.current();
  switch (token.type) {
    case Type::name:
      stream_.next();
      if (token.text == "true" || token.text == "True") return make<Constant>(token.at, Value(true));
      if (token.text == "false" || token.text == "False") return make<Constant>(token.at, Value(false));
      if (token.text == "none" || token.text == "None") return make<Constant>(token.at, Value());
      if (with_namespace && stream_.skip_op("."))
        return make<NamespaceTarget>(token.at, token.text, stream_.expect_name().text);
      return make<Name>(token.at, token.text);
    case Type::text: {
      std::string text;
      while (stream_.current().type == Type::text) text += stream_.next().text;  // adjacent literals are one
      return make<Constant>(token.at, Value::text(std::move(text)));
    }
    case Type::integer:
    case Type::real:
      return make<Constant>(token.at, stream_.next().number);
    default:
      break;
  }
  if (stream_.skip_op("(")) {
    ExprPtr node = tuple(TupleOf::expressions, {}, true);
    stream_.expect_op(")");
    return node;
  }
  if (stream_.is_op("[")) return list();
  if (stream_.is_op("{")) return dict();
  stream_.fail("unexpected '" + describe(token) + "'");
}

ExprPtr ExpressionParser::tuple(TupleOf kind, std::string_view end_name, bool explicit_parentheses) {
  const Position at = stream_.current().at;
  const auto at_end = [&] {
    const Type type = stream_.current().type;
    return type == Type::variable_end || type == Type::block_end || stream_.is_op(")") ||
           (!end_name.empty() && stream_.is_name(end_name));
  };
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) stream_.expect_op(",");
    if (at_end()) break;
    const bool target = kind == TupleOf::targets || kind == TupleOf::namespace_targets;
    items.push_back(target ? primary(kind == TupleOf::namespace_targets) : expression(kind != TupleOf::unconditional));
    if (!stream_.is_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !explicit_parentheses)
    stream_.fail("Expected an expression, got '" + describe(stream_.current()) + "'");
  return make<Sequence>(Expr::Kind::tuple, at, std::move(items));
}

ExprPtr ExpressionParser::list() {
  const Position at = stream_.expect_op("[").at;
  std::vector<ExprPtr> items;
  while (!stream_.is_op("]")) {
    if (!items.empty()) stream_.expect_op(",");
    if (stream_.is_op("]")) break;
    items.push_back(expression());
  }
  stream_.expect_op("]");
  return make<Sequence>(Expr::Kind::list, at, std::move(items));
}

ExprPtr ExpressionParser::dict() {
  auto node = std::make_unique<DictLiteral>(stream_.expect_op("{").at);
  while (!stream_.is_op("}")) {
    if (!node->items.empty()) stream_.expect_op(",");
    if (stream_.is_op("}")) break;
    ExprPtr key = expression();
    stream_.expect_op(":");
    node->items.emplace_back(std::move(key), expression());
  }
  stream_.expect_op("}");
  return finish(std::move(node));
}

ExprPtr ExpressionParser::postfix(ExprPtr node) {
  while (true) {
    if (stream_.is_op(".") || stream_.is_op("["))
      node = subscript(std::move(node));
    else if (stream_.is_op("("))
      node = call(std::move(node));
    else
      return node;
  }
}

ExprPtr ExpressionParser::filter_expression(ExprPtr node) {
  while (true) {
    if (stream_.is_op("|"))
      node = filters(std::move(node));
    else if (stream_.is_name("is"))
      node = test(std::move(node));
    else if (stream_.is_op("("))
      node = call(std::move(node));
    else
      return node;
  }
}

ExprPtr ExpressionParser::subscript(ExprPtr node) {
  const Token& opening = stream_.next();
  if (opening.text == ".") {
    const Token& name = stream_.next();
    if (name.type == Type::name) return make<Attribute>(opening.at, std::move(node), name.text);
    if (name.type != Type::integer) throw Failure("expected name or number", name.at);
    return make<Item>(opening.at, std::move(node), make<Constant>(name.at, name.number));
  }
  std::vector<ExprPtr> keys;
  while (!stream_.is_op("]")) {
    if (!keys.empty()) stream_.expect_op(",");
    keys.push_back(subscript_key());
  }
  stream_.expect_op("]");
  if (keys.size() == 1 && keys[0]->kind == Expr::Kind::slice) {
    std::unique_ptr<Slice> slice(static_cast<Slice*>(keys[0].release()));
    slice->object = std::move(node);
    return finish(std::move(slice));
  }
  for (const ExprPtr& key : keys)
    if (key->kind == Expr::Kind::slice) throw Failure("invalid syntax: a slice among several subscripts", key->at);
  ExprPtr key = keys.size() == 1 ? std::move(keys[0]) : make<Sequence>(Expr::Kind::tuple, opening.at, std::move(keys));
  return make<Item>(opening.at, std::move(node), std::move(key));
}

ExprPtr ExpressionParser::subscript_key() {
  const Position at = stream_.current().at;
  ExprPtr start, stop, step;
  if (!stream_.is_op(":")) start = expression();
  if (!stream_.skip_op(":")) return start;
  const auto at_end = [&] { return stream_.is_op("]") || stream_.is_op(","); };
  if (!stream_.is_op(":") && !at_end()) stop = expression();
  if (stream_.skip_op(":") && !at_end()) step = expression();
  return make<Slice>(at, std::move(start), std::move(stop), std::move(step));
}

ArgumentList ExpressionParser::arguments() {
  const Position at = stream_.expect_op("(").at;
  ArgumentList args;
  std::set<std::string> names;
  const auto ensure = [&](bool valid) {
    if (!valid) throw Failure("invalid syntax for function call expression", at);
  };
  for (bool first = true; !stream_.is_op(")"); first = false) {
    if (!first) {
      stream_.expect_op(",");
      if (stream_.is_op(")")) break;
    }
    if (stream_.skip_op("*")) {
      ensure(args.star == nullptr && args.double_star == nullptr);
      args.star = expression();
    } else if (stream_.skip_op("**")) {
      ensure(args.double_star == nullptr);
      args.double_star = expression();
    } else if (stream_.current().type == Type::name && stream_.look().is_op("=")) {
      ensure(args.double_star == nullptr);
      const Token& name = stream_.next();
      stream_.next();
      if (!names.insert(name.text).second) throw Failure("keyword argument repeated: " + name.text, name.at);
      args.keywords.emplace_back(name.text, expression());
    } else {
      ensure(args.star == nullptr && args.double_star == nullptr && args.keywords.empty());
      args.positional.push_back(expression());
    }
  }
  stream_.expect_op(")");
  return args;
}

ExprPtr ExpressionParser::call(ExprPtr node) {
  const Position at = stream_.current().at;
  return make<Call>(at, std::move(node), arguments());
}

ExprPtr ExpressionParser::filters(ExprPtr node, bool inline_start) {
  while (inline_start || stream_.is_op("|")) {
    if (!inline_start) stream_.next();
    inline_start = false;
    const Token& token = stream_.expect_name();
    std::string name = token.text;
    while (stream_.skip_op(".")) name += "." + stream_.expect_name().text;
    ArgumentList args = stream_.is_op("(") ? arguments() : ArgumentList{};
    node = make<FilterExpr>(token.at, std::move(node), std::move(name), std::move(args));
  }
  return node;
}

ExprPtr ExpressionParser::test(ExprPtr node) {
  const Position at = stream_.next().at;
  const bool negated = stream_.skip_name("not");
  std::string name = stream_.expect_name().text;
  while (stream_.skip_op(".")) name += "." + stream_.expect_name().text;
  ArgumentList args;
  const Type type = stream_.current().type;
  if (stream_.is_op("(")) {
    args = arguments();
  } else if ((type == Type::name || type == Type::text || type == Type::integer || type == Type::real ||
              stream_.is_op("[") || stream_.is_op("{")) &&
             !stream_.is_any_name({"else", "or", "and"})) {
    if (stream_.is_name("is")) stream_.fail("You cannot chain multiple tests with is");
    args.positional.push_back(postfix(primary()));
  }
  ExprPtr result = make<TestExpr>(at, std::move(node), std::move(name), std::move(args));
  return negated ? make<Unary>(at, Unary::Op::invert, std::move(result)) : std::move(result);
}

ExprPtr ExpressionParser::assign_target(bool with_namespace, std::string_view end_name) {
  ExprPtr target = tuple(with_namespace ? TupleOf::namespace_targets : TupleOf::targets, end_name);
  mark_target(*target);
  return target;
}

std::unique_ptr<Name> ExpressionParser::target_name() {
  const Token& token = stream_.expect_name();
  if (is_reserved(token.text)) throw Failure("can't assign to '" + token.text + "'", token.at);
  auto name = std::make_unique<Name>(token.at, token.text);
  name->use = Name::Use::store;
  return name;
}

}  // namespace orrery::text::jinja
