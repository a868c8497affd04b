// Which variable a name means. jinja2 decides this before it renders (its idtracking module): every frame (loop, macro,
// block, …) has variables of its own for the names that are written in it, which start with the value around them.
// Rendering the same requires deciding the same, with all its consequences: a name that is only set further down is
// undefined before that, even if the context has one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "orrery/text/chat/jinja/ast.h"

namespace orrery::text::jinja {

/// One function of the generated program: the template, a macro, a recursive loop, a loop's test, a block. Its
/// variables live in one activation at run time.
struct FunctionScope {
  explicit FunctionScope(const FunctionScope* outer_function = nullptr) : outer(outer_function) {}
  /// Frames at the same level of one function share the slot of a name.
  int slot(int level, const std::string& name);

  const FunctionScope* outer;
  std::map<std::pair<int, std::string>, int> slots;
};

/// The names of one frame.
class Symbols {
 public:
  Symbols(FunctionScope& function, const Symbols* outer)
      : function_(&function), outer_(outer), level_(outer ? outer->level_ + 1 : 0) {}

  // What a frame contains, statement by statement in the order of the template.
  void read(const std::string& name);
  void write(const std::string& name);
  int parameter(const std::string& name);
  void visit(Stmt& stmt);
  void visit(Body& body);
  void visit(Expr& expr);
  /// A loop's or with's target: its names are parameters.
  void visit_parameters(Expr& target);

  /// The variable, as seen from code in `function`. Throws for a name that was never visited.
  SlotRef find(const std::string& name, const FunctionScope& function) const;
  Frame frame() const;
  FunctionScope& function() const { return *function_; }
  const std::set<std::string>& written() const { return written_; }
  const Symbols* outer() const { return outer_; }

 private:
  struct Found {
    const FunctionScope* function;
    int slot;
  };
  struct Origin {
    Load::Action action;
    std::string name;
    std::optional<Found> outer;
  };

  std::optional<Found> find_outwards(const std::string& name) const;
  int define(const std::string& name, Origin origin);
  void visit_if(If& node, size_t first_branch, bool with_rest);
  void merge(const std::vector<Symbols>& branches);

  FunctionScope* function_;
  const Symbols* outer_;
  int level_;
  std::map<std::string, int> own_;  // name to slot, in function_
  std::map<int, Origin> loads_;     // by slot
  std::set<std::string> written_;
};

/// Those of `names` that the statements read before they write them (jinja2's find_undeclared); blocks are not looked
/// into.
std::set<std::string> find_undeclared(Body& body, std::set<std::string> names);

}  // namespace orrery::text::jinja
