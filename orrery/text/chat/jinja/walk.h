// Walks over all of a syntax tree.
#pragma once

#include "orrery/text/chat/jinja/ast.h"

namespace orrery::text::jinja {

template <class Visit>
void walk_names(Expr& expr, const Visit& visit) {
  Budget::current().step();
  if (expr.kind == Expr::Kind::name)
    visit(static_cast<Name&>(expr));
  else
    for_each_child(expr, [&](Expr& child) { walk_names(child, visit); });
}

/// Calls visit(name) for every name in jinja2's order; blocks are left out.
template <class Visit>
void walk_names(Body& body, const Visit& visit);

/// Calls on_expr and on_body for each direct part of a statement, in jinja2's order.
template <class OnExpr, class OnBody>
void for_each_part(Stmt& stmt, const OnExpr& on_expr, const OnBody& on_body) {
  const auto maybe = [&](const auto& expr) {
    if (expr != nullptr) on_expr(*expr);
  };
  switch (stmt.kind) {
    case Stmt::Kind::output:
      for (const ExprPtr& item : static_cast<Output&>(stmt).items) on_expr(*item);
      return;
    case Stmt::Kind::assign:
      return maybe(static_cast<Assign&>(stmt).target), maybe(static_cast<Assign&>(stmt).value);
    case Stmt::Kind::assign_block: {
      auto& node = static_cast<AssignBlock&>(stmt);
      return maybe(node.target), maybe(node.filter), on_body(node.body);
    }
    case Stmt::Kind::for_loop: {
      auto& node = static_cast<For&>(stmt);
      return maybe(node.target), maybe(node.iterable), on_body(node.body), on_body(node.otherwise), maybe(node.test);
    }
    case Stmt::Kind::if_chain: {
      auto& node = static_cast<If&>(stmt);
      for (If::Branch& branch : node.branches) maybe(branch.test), on_body(branch.body);
      return on_body(node.otherwise);
    }
    case Stmt::Kind::macro:
    case Stmt::Kind::call_block: {
      auto& node = static_cast<MacroDefinition&>(stmt);
      if (stmt.kind == Stmt::Kind::call_block) maybe(static_cast<CallBlock&>(stmt).call);
      for (const auto& parameter : node.parameters) maybe(parameter);
      for (const ExprPtr& value : node.defaults) maybe(value);
      return on_body(node.body);
    }
    case Stmt::Kind::filter_block:
      return on_body(static_cast<FilterBlock&>(stmt).body), maybe(static_cast<FilterBlock&>(stmt).filter);
    case Stmt::Kind::with: {
      auto& node = static_cast<With&>(stmt);
      for (const ExprPtr& target : node.targets) on_expr(*target);
      for (const ExprPtr& value : node.values) on_expr(*value);
      return on_body(node.body);
    }
    case Stmt::Kind::autoescape:
      return maybe(static_cast<Autoescape&>(stmt).enabled), on_body(static_cast<Autoescape&>(stmt).body);
    case Stmt::Kind::block:
      return on_body(static_cast<Block&>(stmt).body);
    case Stmt::Kind::unsupported:
      return maybe(static_cast<Unsupported&>(stmt).template_name);
    case Stmt::Kind::break_loop:
    case Stmt::Kind::continue_loop:
      return;
  }
}

template <class Visit>
void walk_names(Body& body, const Visit& visit) {
  for (const StmtPtr& stmt : body) {
    if (stmt->kind == Stmt::Kind::block) continue;
    for_each_part(
        *stmt, [&](Expr& expr) { walk_names(expr, visit); }, [&](Body& part) { walk_names(part, visit); });
  }
}

}  // namespace orrery::text::jinja
