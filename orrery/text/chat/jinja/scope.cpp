#include "orrery/text/chat/jinja/scope.h"

#include "orrery/text/chat/jinja/symbols.h"
#include "orrery/text/chat/jinja/walk.h"

namespace orrery::text::jinja {
namespace {

/// Where some code stands: jinja2's frame.
struct Place {
  Symbols* symbols;
  FunctionScope* function;
  bool soft = false;     ///< in a branch of an if: unknown filters fail when they are reached, not before
  bool in_loop = false;  ///< of the same function
};

class Resolver {
 public:
  explicit Resolver(Template& source) : template_(source) {}

  void run() {
    FunctionScope function;
    Symbols symbols(function, nullptr);
    symbols.visit(template_.body);
    bind(template_.body, {&symbols, &function});
    template_.frame = symbols.frame();
    template_.slots = static_cast<int>(function.slots.size());
    for (const std::string& name : symbols.written())
      template_.exported.emplace_back(symbols.find(name, function), name);
  }

 private:
  void bind(Body& body, const Place& place) {
    for (const StmtPtr& stmt : body) bind(*stmt, place);
  }

  void bind(Expr& expr, Place place) {
    Budget::current().step();
    switch (expr.kind) {
      case Expr::Kind::name: {
        auto& name = static_cast<Name&>(expr);
        name.ref = place.symbols->find(name.name, *place.function);
        return;
      }
      case Expr::Kind::namespace_target: {
        auto& target = static_cast<NamespaceTarget&>(expr);
        target.ref = place.symbols->find(target.name, *place.function);
        return;
      }
      case Expr::Kind::filter:
        if (static_cast<FilterExpr&>(expr).filter == nullptr && !place.soft)
          throw Failure("No filter named '" + static_cast<FilterExpr&>(expr).name + "'.", expr.at);
        break;
      case Expr::Kind::test:
        if (static_cast<TestExpr&>(expr).test == nullptr && !place.soft)
          throw Failure("No test named '" + static_cast<TestExpr&>(expr).name + "'.", expr.at);
        break;
      case Expr::Kind::conditional:
        place.soft = true;
        break;
      default:
        break;
    }
    for_each_child(expr, [&](Expr& child) { bind(child, place); });
  }

  void bind(Stmt& stmt, const Place& place) {
    switch (stmt.kind) {
      case Stmt::Kind::assign_block:
        return bind_assign_block(static_cast<AssignBlock&>(stmt), place);
      case Stmt::Kind::for_loop:
        return bind_for(static_cast<For&>(stmt), place);
      case Stmt::Kind::if_chain: {
        Place branch = place;
        branch.soft = true;
        return for_each_part(
            stmt, [&](Expr& e) { bind(e, branch); }, [&](Body& b) { bind(b, branch); });
      }
      case Stmt::Kind::macro: {
        auto& node = static_cast<MacroDefinition&>(stmt);
        node.target = place.symbols->find(node.name, *place.function);
        return bind_macro(node, place);
      }
      case Stmt::Kind::call_block:
        bind_macro(static_cast<CallBlock&>(stmt), place);
        return bind(*static_cast<CallBlock&>(stmt).call, place);
      case Stmt::Kind::filter_block: {
        auto& node = static_cast<FilterBlock&>(stmt);
        return bind_inner(
            place, node.frame, [&](Symbols& symbols) { symbols.visit(node.body), symbols.visit(*node.filter); },
            [&](const Place& inner) { bind(node.body, inner), bind(*node.filter, inner); });
      }
      case Stmt::Kind::with:
        return bind_with(static_cast<With&>(stmt), place);
      case Stmt::Kind::autoescape: {
        auto& node = static_cast<Autoescape&>(stmt);
        return bind_inner(
            place, node.frame, [&](Symbols& symbols) { symbols.visit(*node.enabled), symbols.visit(node.body); },
            [&](const Place& inner) { bind(*node.enabled, inner), bind(node.body, inner); });
      }
      case Stmt::Kind::block:
        return bind_block(static_cast<Block&>(stmt), place);
      case Stmt::Kind::break_loop:
      case Stmt::Kind::continue_loop:
        if (!place.in_loop) throw Failure("break or continue outside of a loop", stmt.at);
        return;
      case Stmt::Kind::output:
      case Stmt::Kind::assign:
      case Stmt::Kind::unsupported:
        return for_each_part(
            stmt, [&](Expr& e) { bind(e, place); }, [](Body&) {});
    }
  }

  // A frame of its own in the same function.
  template <class Analyze, class Bind>
  void bind_inner(const Place& place, Frame& frame, const Analyze& analyze, const Bind& bind_parts) {
    Symbols symbols(*place.function, place.symbols);
    analyze(symbols);
    bind_parts(Place{&symbols, place.function, false, place.in_loop});
    frame = symbols.frame();
  }

  void bind_assign_block(AssignBlock& node, const Place& place) {
    bind(*node.target, place);
    const auto analyze = [&](Symbols& symbols) {
      symbols.visit(node.body);
      if (node.filter != nullptr) symbols.visit(*node.filter);
    };
    bind_inner(place, node.frame, analyze, [&](const Place& inner) {
      bind(node.body, inner);
      if (node.filter != nullptr) bind(*node.filter, inner);
    });
  }

  void bind_with(With& node, const Place& place) {
    for (const ExprPtr& value : node.values) bind(*value, place);
    const auto analyze = [&](Symbols& symbols) {
      for (const ExprPtr& target : node.targets) symbols.visit_parameters(*target);
      symbols.visit(node.body);
    };
    bind_inner(place, node.frame, analyze, [&](const Place& inner) {
      for (const ExprPtr& target : node.targets) bind(*target, inner);
      bind(node.body, inner);
    });
  }

  void bind_for(For& node, const Place& place) {
    bind(*node.iterable, place);
    check_loop_writes(node);
    if (node.test != nullptr) bind_test(node, place);
    FunctionScope own_function(place.function);  // of a recursive loop
    FunctionScope& function = node.recursive ? own_function : *place.function;

    Symbols body(function, place.symbols);
    const bool extended = node.recursive || !find_undeclared(node.body, {"loop"}).empty() || has_scoped_block(node);
    if (extended) node.loop_slot = {0, body.parameter("loop")};
    body.visit_parameters(*node.target);
    body.visit(node.body);
    const Place inner{&body, &function, false, true};
    bind(*node.target, inner);
    bind(node.body, inner);
    node.body_frame = body.frame();

    Symbols otherwise(function, place.symbols);
    otherwise.visit(node.otherwise);
    bind(node.otherwise, {&otherwise, &function, false, !node.recursive && place.in_loop});
    node.otherwise_frame = otherwise.frame();
    node.recursive_slots = static_cast<int>(own_function.slots.size());
  }

  void bind_test(For& node, const Place& place) {
    FunctionScope function(place.function);
    Symbols symbols(function, place.symbols);
    node.test_target = copy_target(*node.target);
    symbols.visit_parameters(*node.test_target);
    symbols.visit(*node.test);
    const Place inner{&symbols, &function};
    bind(*node.test_target, inner);
    bind(*node.test, inner);
    node.test_frame = symbols.frame();
    node.test_slots = static_cast<int>(function.slots.size());
  }

  static ExprPtr copy_target(const Expr& target) {
    if (target.kind == Expr::Kind::name) {
      auto copy = std::make_unique<Name>(target.at, static_cast<const Name&>(target).name);
      copy->use = Name::Use::store;
      return copy;
    }
    std::vector<ExprPtr> items;
    for (const ExprPtr& item : static_cast<const Sequence&>(target).items) items.push_back(copy_target(*item));
    return std::make_unique<Sequence>(Expr::Kind::tuple, target.at, std::move(items));
  }

  static void check_loop_writes(For& node) {
    const auto check = [](Name& name) {
      if (name.use == Name::Use::store && name.name == "loop")
        throw Failure("Can't assign to special loop variable in for-loop target", name.at);
    };
    walk_names(*node.target, check);
    walk_names(node.body, check);
    walk_names(node.otherwise, check);
  }

  static bool has_scoped_block(Stmt& stmt) {
    if (stmt.kind == Stmt::Kind::block && static_cast<Block&>(stmt).scoped) return true;
    bool found = false;
    for_each_part(
        stmt, [](Expr&) {},
        [&](Body& body) {
          for (const StmtPtr& inner : body) found = found || has_scoped_block(*inner);
        });
    return found;
  }

  void bind_macro(MacroDefinition& node, const Place& place) {
    FunctionScope function(place.function);
    Symbols symbols(function, place.symbols);
    bool explicit_caller = false, explicit_kwargs = false, explicit_varargs = false;
    for (size_t i = 0; i < node.parameters.size(); ++i) {
      const std::string& name = node.parameters[i]->name;
      symbols.parameter(name);
      explicit_kwargs |= name == "kwargs";
      explicit_varargs |= name == "varargs";
      explicit_caller |= name == "caller";
    }
    for (const ExprPtr& value : node.defaults) symbols.visit(*value);
    symbols.visit(node.body);
    const auto used = find_undeclared(node.body, {"caller", "kwargs", "varargs"});
    node.uses_caller = used.contains("caller");
    if (node.uses_caller && explicit_caller) check_caller_default(node);
    if (node.uses_caller && !explicit_caller) node.caller_slot = symbols.parameter("caller");
    if (used.contains("kwargs") && !explicit_kwargs) node.kwargs_slot = symbols.parameter("kwargs");
    if (used.contains("varargs") && !explicit_varargs) node.varargs_slot = symbols.parameter("varargs");
    const Place inner{&symbols, &function};
    for (const auto& parameter : node.parameters) bind(*parameter, inner);
    for (const ExprPtr& value : node.defaults) bind(*value, inner);
    bind(node.body, inner);
    node.frame = symbols.frame();
    node.slots = static_cast<int>(function.slots.size());
  }

  static void check_caller_default(const MacroDefinition& node) {
    const size_t first_default = node.parameters.size() - node.defaults.size();
    for (size_t i = 0; i < first_default; ++i)
      if (node.parameters[i]->name == "caller")
        throw Failure(
            "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a "
            "default.",
            node.at);
  }

  // A block sees the context, not the frames around it; a scoped one gets their variables through the context.
  void bind_block(Block& node, const Place& place) {
    template_.has_blocks = true;
    for (const Symbols* symbols = place.symbols; node.scoped && symbols != nullptr; symbols = symbols->outer())
      for (const std::string& name : symbols->written())
        node.visible.emplace_back(name, place.symbols->find(name, *place.function));
    FunctionScope function;
    Symbols symbols(function, nullptr);
    symbols.visit(node.body);
    bind(node.body, {&symbols, &function});
    node.frame = symbols.frame();
    node.slots = static_cast<int>(function.slots.size());
  }

  Template& template_;
};

}  // namespace

void resolve_names(Template& source) { Resolver(source).run(); }

}  // namespace orrery::text::jinja
