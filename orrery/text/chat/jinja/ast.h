// The syntax tree of a template, as jinja2's parser has it (Jinja documentation, "Template Designer Documentation").
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/filters.h"
#include "orrery/text/chat/jinja/value.h"

namespace orrery::text::jinja {

/// A variable: `hops` activations outwards, then a slot there. Resolved by scope.h.
struct SlotRef {
  int hops = 0;
  int slot = -1;
};

// ---- Expressions

struct Expr {
  enum class Kind {
    constant,
    name,
    tuple,
    list,
    dict,
    unary,
    binary,
    logical,
    compare,
    concat,
    conditional,
    attribute,
    item,
    slice,
    call,
    filter,
    test,
    namespace_target,
    generation
  };
  Expr(Kind k, Position p) : kind(k), at(p) {}
  virtual ~Expr() = default;
  const Kind kind;
  const Position at;
  int depth = 1;  ///< of the tree below; bounded, so that walking it by recursion is safe
};
using ExprPtr = std::unique_ptr<Expr>;

struct Constant : Expr {
  Constant(Position p, Value v, bool data = false) : Expr(Kind::constant, p), value(std::move(v)), is_data(data) {}
  Value value;
  bool is_data;  ///< template text between the tags
};

struct Name : Expr {
  enum class Use { load, store, parameter };
  Name(Position p, std::string n) : Expr(Kind::name, p), name(std::move(n)) {}
  std::string name;
  Use use = Use::load;
  SlotRef ref;
};

/// `ns.attribute` as the target of a set.
struct NamespaceTarget : Expr {
  NamespaceTarget(Position p, std::string n, std::string a)
      : Expr(Kind::namespace_target, p), name(std::move(n)), attribute(std::move(a)) {}
  std::string name, attribute;
  SlotRef ref;
};

struct Sequence : Expr {  // tuple or list
  Sequence(Kind k, Position p, std::vector<ExprPtr> i) : Expr(k, p), items(std::move(i)) {}
  std::vector<ExprPtr> items;
};

struct DictLiteral : Expr {
  explicit DictLiteral(Position p) : Expr(Kind::dict, p) {}
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
};

struct Unary : Expr {
  enum class Op { negate, plus, invert };  ///< invert: not
  Unary(Position p, Op o, ExprPtr e) : Expr(Kind::unary, p), op(o), operand(std::move(e)) {}
  Op op;
  ExprPtr operand;
};

struct Binary : Expr {
  enum class Op { add, subtract, multiply, divide, floor_divide, modulo, power };
  Binary(Position p, Op o, ExprPtr l, ExprPtr r)
      : Expr(Kind::binary, p), op(o), left(std::move(l)), right(std::move(r)) {}
  Op op;
  ExprPtr left, right;
};

struct Logical : Expr {
  Logical(Position p, bool a, ExprPtr l, ExprPtr r)
      : Expr(Kind::logical, p), is_and(a), left(std::move(l)), right(std::move(r)) {}
  bool is_and;
  ExprPtr left, right;
};

struct Compare : Expr {
  enum class Op { eq, ne, lt, le, gt, ge, in, not_in };
  Compare(Position p, ExprPtr f) : Expr(Kind::compare, p), first(std::move(f)) {}
  ExprPtr first;
  std::vector<std::pair<Op, ExprPtr>> rest;  // a < b < c is a < b and b < c
};

struct Concat : Expr {  // a ~ b ~ c
  Concat(Position p, std::vector<ExprPtr> i) : Expr(Kind::concat, p), items(std::move(i)) {}
  std::vector<ExprPtr> items;
};

struct Conditional : Expr {  // then if test else otherwise
  Conditional(Position p, ExprPtr c, ExprPtr t, ExprPtr o)
      : Expr(Kind::conditional, p), test(std::move(c)), then(std::move(t)), otherwise(std::move(o)) {}
  ExprPtr test, then, otherwise;  // otherwise may be null
};

struct Attribute : Expr {
  Attribute(Position p, ExprPtr o, std::string n)
      : Expr(Kind::attribute, p), object(std::move(o)), name(std::move(n)) {}
  ExprPtr object;
  std::string name;
};

struct Item : Expr {
  Item(Position p, ExprPtr o, ExprPtr k) : Expr(Kind::item, p), object(std::move(o)), key(std::move(k)) {}
  ExprPtr object, key;
};

struct Slice : Expr {
  Slice(Position p, ExprPtr b, ExprPtr e, ExprPtr s)
      : Expr(Kind::slice, p), start(std::move(b)), stop(std::move(e)), step(std::move(s)) {}
  ExprPtr object, start, stop, step;  // each of the last three may be null
};

struct ArgumentList {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> keywords;
  ExprPtr star, double_star;  // may be null
};

struct Call : Expr {
  Call(Position p, ExprPtr c, ArgumentList a) : Expr(Kind::call, p), callee(std::move(c)), args(std::move(a)) {}
  ExprPtr callee;
  ArgumentList args;
};

struct FilterExpr : Expr {
  FilterExpr(Position p, ExprPtr s, std::string n, ArgumentList a)
      : Expr(Kind::filter, p),
        subject(std::move(s)),
        name(std::move(n)),
        filter(find_filter(name)),
        args(std::move(a)) {}
  ExprPtr subject;  // null: the text of the enclosing block
  std::string name;
  const Filter* filter;  // null: unknown
  ArgumentList args;
};

struct TestExpr : Expr {
  TestExpr(Position p, ExprPtr s, std::string n, ArgumentList a)
      : Expr(Kind::test, p), subject(std::move(s)), name(std::move(n)), test(find_test(name)), args(std::move(a)) {}
  ExprPtr subject;
  std::string name;
  const Test* test;  // null: unknown
  ArgumentList args;
};

/// What {% generation %} calls: a function that renders its body.
struct Generation : Expr {
  explicit Generation(Position p) : Expr(Kind::generation, p) {}
};

/// Calls visit(expression) for each direct child, in jinja2's order; null children are left out.
template <class Visit>
void for_each_child(Expr& expr, const Visit& visit) {
  const auto maybe = [&](const ExprPtr& child) {
    if (child != nullptr) visit(*child);
  };
  const auto each = [&](const std::vector<ExprPtr>& children) {
    for (const ExprPtr& child : children) maybe(child);
  };
  const auto arguments = [&](const ArgumentList& args) {
    each(args.positional);
    for (const auto& [name, value] : args.keywords) maybe(value);
    maybe(args.star);
    maybe(args.double_star);
  };
  switch (expr.kind) {
    case Expr::Kind::tuple:
    case Expr::Kind::list:
      return each(static_cast<Sequence&>(expr).items);
    case Expr::Kind::dict:
      for (const auto& [key, value] : static_cast<DictLiteral&>(expr).items) maybe(key), maybe(value);
      return;
    case Expr::Kind::unary:
      return maybe(static_cast<Unary&>(expr).operand);
    case Expr::Kind::binary:
      return maybe(static_cast<Binary&>(expr).left), maybe(static_cast<Binary&>(expr).right);
    case Expr::Kind::logical:
      return maybe(static_cast<Logical&>(expr).left), maybe(static_cast<Logical&>(expr).right);
    case Expr::Kind::compare:
      maybe(static_cast<Compare&>(expr).first);
      for (const auto& [op, operand] : static_cast<Compare&>(expr).rest) maybe(operand);
      return;
    case Expr::Kind::concat:
      return each(static_cast<Concat&>(expr).items);
    case Expr::Kind::conditional: {
      auto& node = static_cast<Conditional&>(expr);
      return maybe(node.test), maybe(node.then), maybe(node.otherwise);
    }
    case Expr::Kind::attribute:
      return maybe(static_cast<Attribute&>(expr).object);
    case Expr::Kind::item:
      return maybe(static_cast<Item&>(expr).object), maybe(static_cast<Item&>(expr).key);
    case Expr::Kind::slice: {
      auto& node = static_cast<Slice&>(expr);
      return maybe(node.object), maybe(node.start), maybe(node.stop), maybe(node.step);
    }
    case Expr::Kind::call:
      return maybe(static_cast<Call&>(expr).callee), arguments(static_cast<Call&>(expr).args);
    case Expr::Kind::filter:
      return maybe(static_cast<FilterExpr&>(expr).subject), arguments(static_cast<FilterExpr&>(expr).args);
    case Expr::Kind::test:
      return maybe(static_cast<TestExpr&>(expr).subject), arguments(static_cast<TestExpr&>(expr).args);
    case Expr::Kind::constant:
    case Expr::Kind::name:
    case Expr::Kind::namespace_target:
    case Expr::Kind::generation:
      return;
  }
}

// ---- Scopes (filled by scope.cpp)

/// What happens to a frame's variables when it is entered.
struct Load {
  enum class Action {
    parameter,
    resolve,
    alias,
    undefined
  };  ///< resolve: from the context; alias: from the outer frame
  int slot;
  Action action;
  std::string name;
  SlotRef outer;
};
struct Frame {
  std::vector<Load> loads;
};

// ---- Statements

struct Stmt {
  enum class Kind {
    output,
    assign,
    assign_block,
    for_loop,
    if_chain,
    macro,
    call_block,
    filter_block,
    with,
    autoescape,
    block,
    break_loop,
    continue_loop,
    unsupported
  };
  Stmt(Kind k, Position p) : kind(k), at(p) {}
  virtual ~Stmt() = default;
  const Kind kind;
  const Position at;
};
using StmtPtr = std::unique_ptr<Stmt>;
using Body = std::vector<StmtPtr>;

struct Output : Stmt {
  explicit Output(Position p) : Stmt(Kind::output, p) {}
  std::vector<ExprPtr> items;
};

struct Assign : Stmt {
  Assign(Position p, ExprPtr t, ExprPtr v) : Stmt(Kind::assign, p), target(std::move(t)), value(std::move(v)) {}
  ExprPtr target, value;
};

struct AssignBlock : Stmt {
  explicit AssignBlock(Position p) : Stmt(Kind::assign_block, p) {}
  ExprPtr target, filter;  // filter may be null
  Body body;
  Frame frame;
};

struct For : Stmt {
  explicit For(Position p) : Stmt(Kind::for_loop, p) {}
  ExprPtr target, iterable, test;  // test may be null
  bool recursive = false;
  Body body, otherwise;
  bool has_otherwise = false;
  // Scopes. The test is a function of its own, as in jinja2; so is the whole of a recursive loop.
  ExprPtr test_target;  // a copy of target for the test's function
  Frame body_frame, test_frame, otherwise_frame;
  SlotRef loop_slot;  // slot -1: the body does not use `loop`
  int test_slots = 0, recursive_slots = 0;
};

struct If : Stmt {
  explicit If(Position p) : Stmt(Kind::if_chain, p) {}
  struct Branch {
    ExprPtr test;
    Body body;
  };
  std::vector<Branch> branches;  // if, elif, …
  Body otherwise;
};

struct MacroDefinition : Stmt {
  MacroDefinition(Kind k, Position p) : Stmt(k, p) {}
  std::string name;  // empty for call blocks
  std::vector<std::unique_ptr<Name>> parameters;
  std::vector<ExprPtr> defaults;  // of the last parameters
  Body body;
  SlotRef target;
  Frame frame;
  int slots = 0;
  int caller_slot = -1, kwargs_slot = -1, varargs_slot = -1;  // -1: the body does not use them
  bool uses_caller = false;
};

struct CallBlock : MacroDefinition {
  explicit CallBlock(Position p) : MacroDefinition(Kind::call_block, p) {}
  std::unique_ptr<Call> call;
};

struct FilterBlock : Stmt {
  explicit FilterBlock(Position p) : Stmt(Kind::filter_block, p) {}
  ExprPtr filter;
  Body body;
  Frame frame;
};

struct With : Stmt {
  explicit With(Position p) : Stmt(Kind::with, p) {}
  std::vector<ExprPtr> targets, values;
  Body body;
  Frame frame;
};

struct Autoescape : Stmt {
  explicit Autoescape(Position p) : Stmt(Kind::autoescape, p) {}
  ExprPtr enabled;
  Body body;
  Frame frame;
};

struct Block : Stmt {
  explicit Block(Position p) : Stmt(Kind::block, p) {}
  std::string name;
  bool scoped = false, required = false;
  Body body;
  Frame frame;
  int slots = 0;
  std::vector<std::pair<std::string, SlotRef>> visible;  // for a scoped block: the variables around it
};

struct LoopControl : Stmt {  // break, continue
  using Stmt::Stmt;
};

/// include, import, from, extends: other templates, which a chat template does not have. An error if it is reached.
struct Unsupported : Stmt {
  Unsupported(Position p, std::string t) : Stmt(Kind::unsupported, p), tag(std::move(t)) {}
  std::string tag;
  ExprPtr template_name;
  std::vector<std::string> stores;
};

struct Template {
  Body body;
  Frame frame;
  int slots = 0;
  bool has_blocks = false;
  std::vector<std::pair<SlotRef, std::string>> exported;  // top-level variables, which blocks see
};

}  // namespace orrery::text::jinja
