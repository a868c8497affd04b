// Statements.
#include "orrery/text/chat/jinja/parser.h"

#include <set>

#include "orrery/text/chat/jinja/lexer.h"
#include "orrery/text/chat/jinja/token_stream.h"

namespace orrery::text::jinja {
namespace {

using Type = Token::Type;
using EndTags = std::initializer_list<std::string_view>;

class StatementParser {
 public:
  explicit StatementParser(std::string_view source) : stream_(tokenize(source)), expressions_(stream_) {}

  Body whole() { return statements_until({}); }

 private:
  // Up to a tag whose name is one of `ends`, which is then the current token; to the end of the template when there are
  // none.
  Body statements_until(EndTags ends) {
    if (++depth_ > Budget::current().depth()) stream_.fail("statements nested too deeply");
    Body body;
    std::unique_ptr<Output> output;
    const auto add_output = [&](ExprPtr item) {
      if (output == nullptr) output = std::make_unique<Output>(item->at);
      output->items.push_back(std::move(item));
    };
    const auto flush = [&] {
      if (output != nullptr) body.push_back(std::move(output));
    };
    while (!stream_.at_end()) {
      Budget::current().step();
      const Token& token = stream_.next();
      if (token.type == Type::data) {
        add_output(std::make_unique<Constant>(token.at, Value::text(token.text), true));
      } else if (token.type == Type::variable_begin) {
        add_output(expressions_.tuple());
        stream_.expect(Type::variable_end);
      } else {
        flush();
        if (stream_.is_any_name(ends)) {
          --depth_;
          return body;
        }
        body.push_back(statement());
        stream_.expect(Type::block_end);
      }
    }
    flush();
    if (ends.size() > 0) fail_at_end(ends);
    --depth_;
    return body;
  }

  [[noreturn]] void fail_at_end(EndTags ends) {
    std::string names;
    for (std::string_view end : ends) names += (names.empty() ? "'" : " or '") + std::string(end) + "'";
    stream_.fail("Unexpected end of template. Jinja was looking for the following tags: " + names + ".");
  }

  // The body of a statement whose opening tag ends here. The end tag's name stays current.
  Body body_until(EndTags ends) {
    stream_.skip_op(":");
    stream_.expect(Type::block_end);
    return statements_until(ends);
  }

  Body body_to(std::string_view end) {
    Body body = body_until({end});
    stream_.next();
    return body;
  }

  StmtPtr statement() {
    const Token& token = stream_.current();
    if (token.type != Type::name) stream_.fail("tag name expected");
    stream_.next();
    const std::string& tag = token.text;
    const Position at = token.at;
    if (tag == "set") return set(at);
    if (tag == "for") return for_loop(at);
    if (tag == "if") return if_chain(at);
    if (tag == "macro") return macro(at);
    if (tag == "call") return call_block(at);
    if (tag == "filter") return filter_block(at);
    if (tag == "with") return with(at);
    if (tag == "print") return print(at);
    if (tag == "block") return block(at);
    if (tag == "autoescape") return autoescape(at);
    if (tag == "generation") return generation(at);
    if (tag == "break") return std::make_unique<LoopControl>(Stmt::Kind::break_loop, at);
    if (tag == "continue") return std::make_unique<LoopControl>(Stmt::Kind::continue_loop, at);
    if (tag == "include" || tag == "extends" || tag == "import" || tag == "from") return other_template(at, tag);
    throw Failure("Encountered unknown tag '" + tag + "'.", at);
  }

  StmtPtr set(Position at) {
    ExprPtr target = expressions_.assign_target(true);
    if (stream_.skip_op("=")) return std::make_unique<Assign>(at, std::move(target), expressions_.tuple());
    auto node = std::make_unique<AssignBlock>(at);
    node->target = std::move(target);
    node->filter = expressions_.filters(nullptr);
    node->body = body_to("endset");
    return node;
  }

  StmtPtr for_loop(Position at) {
    auto node = std::make_unique<For>(at);
    node->target = expressions_.assign_target(false, "in");
    stream_.expect_name("in");
    node->iterable = expressions_.tuple(ExpressionParser::TupleOf::unconditional, "recursive");
    if (stream_.skip_name("if")) node->test = expressions_.expression();
    node->recursive = stream_.skip_name("recursive");
    node->body = body_until({"endfor", "else"});
    if (stream_.next().text == "else") {
      node->has_otherwise = true;
      node->otherwise = body_to("endfor");
    }
    return node;
  }

  StmtPtr if_chain(Position at) {
    auto node = std::make_unique<If>(at);
    while (true) {
      ExprPtr test = expressions_.tuple(ExpressionParser::TupleOf::unconditional);
      node->branches.push_back({std::move(test), body_until({"elif", "else", "endif"})});
      const std::string& tag = stream_.next().text;
      if (tag == "elif") continue;
      if (tag == "else") node->otherwise = body_to("endif");
      return node;
    }
  }

  void signature(MacroDefinition& node) {
    std::set<std::string> names;
    stream_.expect_op("(");
    while (!stream_.is_op(")")) {
      if (!node.parameters.empty()) stream_.expect_op(",");
      auto parameter = expressions_.target_name();
      parameter->use = Name::Use::parameter;
      if (!names.insert(parameter->name).second)
        throw Failure("duplicate parameter '" + parameter->name + "'", parameter->at);
      if (stream_.skip_op("="))
        node.defaults.push_back(expressions_.expression());
      else if (!node.defaults.empty())
        stream_.fail("non-default argument follows default argument");
      node.parameters.push_back(std::move(parameter));
    }
    stream_.next();
  }

  StmtPtr macro(Position at) {
    auto node = std::make_unique<MacroDefinition>(Stmt::Kind::macro, at);
    node->name = expressions_.target_name()->name;
    signature(*node);
    node->body = body_to("endmacro");
    return node;
  }

  StmtPtr call_block(Position at) {
    auto node = std::make_unique<CallBlock>(at);
    if (stream_.is_op("(")) signature(*node);
    ExprPtr call = expressions_.expression();
    if (call->kind != Expr::Kind::call) throw Failure("expected call", at);
    node->call.reset(static_cast<Call*>(call.release()));
    node->body = body_to("endcall");
    return node;
  }

  // Hugging Face's AssistantTracker: a call block around a function that returns what its body renders.
  StmtPtr generation(Position at) {
    auto node = std::make_unique<CallBlock>(at);
    node->call = std::make_unique<Call>(at, std::make_unique<Generation>(at), ArgumentList{});
    node->body = body_to("endgeneration");
    return node;
  }

  StmtPtr filter_block(Position at) {
    auto node = std::make_unique<FilterBlock>(at);
    node->filter = expressions_.filters(nullptr, true);
    node->body = body_to("endfilter");
    return node;
  }

  StmtPtr with(Position at) {
    auto node = std::make_unique<With>(at);
    while (stream_.current().type != Type::block_end) {
      if (!node->targets.empty()) stream_.expect_op(",");
      node->targets.push_back(expressions_.assign_target());
      stream_.expect_op("=");
      node->values.push_back(expressions_.expression());
    }
    node->body = body_to("endwith");
    return node;
  }

  StmtPtr print(Position at) {
    auto node = std::make_unique<Output>(at);
    while (stream_.current().type != Type::block_end) {
      if (!node->items.empty()) stream_.expect_op(",");
      node->items.push_back(expressions_.expression());
    }
    return node;
  }

  StmtPtr block(Position at) {
    auto node = std::make_unique<Block>(at);
    node->name = stream_.expect_name().text;
    node->scoped = stream_.skip_name("scoped");
    node->required = stream_.skip_name("required");
    if (!block_names_.insert(node->name).second) throw Failure("block '" + node->name + "' defined twice", at);
    node->body = body_to("endblock");
    stream_.skip_name(node->name);
    return node;
  }

  StmtPtr autoescape(Position at) {
    auto node = std::make_unique<Autoescape>(at);
    node->enabled = expressions_.expression();
    node->body = body_to("endautoescape");
    return node;
  }

  void context_clause() {
    if (!stream_.is_any_name({"with", "without"}) || !stream_.look().is_name("context")) return;
    stream_.next();
    stream_.next();
  }

  StmtPtr other_template(Position at, const std::string& tag) {
    auto node = std::make_unique<Unsupported>(at, tag);
    node->template_name = expressions_.expression();
    if (tag == "include" && stream_.is_name("ignore") && stream_.look().is_name("missing")) {
      stream_.next();
      stream_.next();
    }
    if (tag == "import") {
      stream_.expect_name("as");
      node->stores.push_back(expressions_.target_name()->name);
    }
    if (tag == "from") {
      stream_.expect_name("import");
      do {
        node->stores.push_back(expressions_.target_name()->name);
        if (stream_.skip_name("as")) node->stores.back() = expressions_.target_name()->name;
      } while (stream_.skip_op(","));
    }
    if (tag != "extends") context_clause();
    return node;
  }

  TokenStream stream_;
  ExpressionParser expressions_;
  std::set<std::string> block_names_;
  int depth_ = 0;
};

}  // namespace

Template parse(std::string_view source) {
  Template result;
  result.body = StatementParser(source).whole();
  return result;
}

}  // namespace orrery::text::jinja
