#include "orrery/text/chat/jinja/symbols.h"

#include "orrery/text/chat/jinja/walk.h"

namespace orrery::text::jinja {

int FunctionScope::slot(int level, const std::string& name) {
  return slots.emplace(std::pair(level, name), static_cast<int>(slots.size())).first->second;
}

std::optional<Symbols::Found> Symbols::find_outwards(const std::string& name) const {
  for (const Symbols* symbols = this; symbols != nullptr; symbols = symbols->outer_) {
    Budget::current().step();
    const auto it = symbols->own_.find(name);
    if (it != symbols->own_.end()) return Found{symbols->function_, it->second};
  }
  return std::nullopt;
}

int Symbols::define(const std::string& name, Origin origin) {
  const int slot = function_->slot(level_, name);
  own_[name] = slot;
  loads_[slot] = std::move(origin);
  return slot;
}

void Symbols::read(const std::string& name) {
  if (!find_outwards(name)) define(name, {Load::Action::resolve, name, {}});
}

void Symbols::write(const std::string& name) {
  written_.insert(name);
  if (own_.contains(name)) return;
  const auto around = outer_ != nullptr ? outer_->find_outwards(name) : std::nullopt;
  define(name, {around ? Load::Action::alias : Load::Action::undefined, name, around});
}

int Symbols::parameter(const std::string& name) {
  written_.insert(name);
  return define(name, {Load::Action::parameter, name, {}});
}

void Symbols::visit_parameters(Expr& target) {
  if (target.kind == Expr::Kind::name)
    parameter(static_cast<Name&>(target).name);
  else
    for_each_child(target, [&](Expr& child) { visit_parameters(child); });
}

void Symbols::visit(Expr& expr) {
  Budget::current().step();
  if (expr.kind == Expr::Kind::name) {
    auto& name = static_cast<Name&>(expr);
    if (name.use == Name::Use::load)
      read(name.name);
    else if (name.use == Name::Use::store)
      write(name.name);
    else
      parameter(name.name);
  } else if (expr.kind == Expr::Kind::namespace_target) {
    read(static_cast<NamespaceTarget&>(expr).name);
  } else {
    for_each_child(expr, [&](Expr& child) { visit(child); });
  }
}

void Symbols::visit(Body& body) {
  for (const StmtPtr& stmt : body) visit(*stmt);
}

void Symbols::visit(Stmt& stmt) {
  switch (stmt.kind) {
    case Stmt::Kind::output:
      for (const ExprPtr& item : static_cast<Output&>(stmt).items) visit(*item);
      return;
    case Stmt::Kind::assign:
      visit(*static_cast<Assign&>(stmt).value);
      return visit(*static_cast<Assign&>(stmt).target);
    case Stmt::Kind::assign_block:
      return visit(*static_cast<AssignBlock&>(stmt).target);
    case Stmt::Kind::for_loop:
      return visit(*static_cast<For&>(stmt).iterable);
    case Stmt::Kind::if_chain:
      return visit_if(static_cast<If&>(stmt), 0, true);
    case Stmt::Kind::macro:
      return write(static_cast<MacroDefinition&>(stmt).name);
    case Stmt::Kind::call_block:
      return visit(*static_cast<CallBlock&>(stmt).call);
    case Stmt::Kind::filter_block:
      return visit(*static_cast<FilterBlock&>(stmt).filter);
    case Stmt::Kind::with:
      for (const ExprPtr& value : static_cast<With&>(stmt).values) visit(*value);
      return;
    case Stmt::Kind::unsupported:
      visit(*static_cast<Unsupported&>(stmt).template_name);
      for (const std::string& name : static_cast<Unsupported&>(stmt).stores) write(name);
      return;
    case Stmt::Kind::autoescape:
    case Stmt::Kind::block:
    case Stmt::Kind::break_loop:
    case Stmt::Kind::continue_loop:
      return;
  }
}

// An elif is an if without a rest of its own inside of the first one's else branches.
void Symbols::visit_if(If& node, size_t first_branch, bool with_rest) {
  visit(*node.branches[first_branch].test);
  const auto copy = [&] {
    Budget::current().step(1 + static_cast<int64_t>(own_.size() + loads_.size() + written_.size()));
    return *this;
  };
  std::vector<Symbols> branches;
  branches.push_back(copy());
  branches.back().visit(node.branches[first_branch].body);
  if (with_rest) {
    branches.push_back(copy());
    for (size_t i = first_branch + 1; i < node.branches.size(); ++i) branches.back().visit_if(node, i, false);
    branches.push_back(copy());
    branches.back().visit(node.otherwise);
  }
  merge(branches);
}

// What only some branches write starts with the value around it, or the context's.
void Symbols::merge(const std::vector<Symbols>& branches) {
  std::set<std::string> newly_written;
  for (const Symbols& branch : branches)
    for (const std::string& name : branch.written_)
      if (!written_.contains(name)) newly_written.insert(name);
  for (const Symbols& branch : branches) {
    for (const auto& [name, slot] : branch.own_) own_[name] = slot;
    for (const auto& [slot, origin] : branch.loads_) loads_[slot] = origin;
    written_.insert(branch.written_.begin(), branch.written_.end());
  }
  for (const std::string& name : newly_written) {
    const auto around = outer_ != nullptr ? outer_->find_outwards(name) : std::nullopt;
    loads_[own_.at(name)] = {around ? Load::Action::alias : Load::Action::resolve, name, around};
  }
}

SlotRef Symbols::find(const std::string& name, const FunctionScope& from) const {
  const auto found = find_outwards(name);
  if (!found) throw Failure("the name '" + name + "' cannot be used here");
  SlotRef ref{0, found->slot};
  for (const FunctionScope* function = &from; function != found->function; function = function->outer) ++ref.hops;
  return ref;
}

Frame Symbols::frame() const {
  Frame frame;
  for (const auto& [slot, origin] : loads_) {
    Load load{slot, origin.action, origin.name, {}};
    if (origin.outer) {
      load.outer.slot = origin.outer->slot;
      for (const FunctionScope* function = function_; function != origin.outer->function; function = function->outer)
        ++load.outer.hops;
    }
    frame.loads.push_back(std::move(load));
  }
  return frame;
}

std::set<std::string> find_undeclared(Body& body, std::set<std::string> names) {
  std::set<std::string> undeclared;
  walk_names(body, [&](Name& name) {
    if (!names.contains(name.name)) return;
    if (name.use == Name::Use::load)
      undeclared.insert(name.name);
    else
      names.erase(name.name);
  });
  return undeclared;
}

}  // namespace orrery::text::jinja
