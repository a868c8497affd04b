// The parser's window on the tokens, and what its two halves share.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/chat/jinja/ast.h"
#include "orrery/text/chat/jinja/lexer.h"

namespace orrery::text::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[pos_]; }
  const Token& look() const { return tokens_[std::min(pos_ + 1, tokens_.size() - 1)]; }
  bool at_end() const { return current().type == Token::Type::end; }
  /// The current token, and one further. The end stays.
  const Token& next() { return tokens_[at_end() ? pos_ : pos_++]; }

  bool is_op(std::string_view symbol) const { return current().is_op(symbol); }
  bool is_name(std::string_view name) const { return current().is_name(name); }
  bool is_any_name(std::initializer_list<std::string_view> names) const;
  bool skip_op(std::string_view symbol) { return is_op(symbol) && (next(), true); }
  bool skip_name(std::string_view name) { return is_name(name) && (next(), true); }
  const Token& expect_op(std::string_view symbol);
  const Token& expect_name();                       ///< any name
  const Token& expect_name(std::string_view name);  ///< this one
  const Token& expect(Token::Type type);

  [[noreturn]] void fail(const std::string& message) const { throw Failure(message, current().at); }
  [[noreturn]] void fail_expected(const std::string& expected) const;

 private:
  std::vector<Token> tokens_;
  size_t pos_ = 0;
};

/// As an error message names a token.
std::string describe(const Token& token);

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  ExprPtr expression(bool with_conditional = true);
  /// One expression, or a tuple of several separated by commas.
  enum class TupleOf { expressions, unconditional, targets, namespace_targets };
  ExprPtr tuple(TupleOf kind = TupleOf::expressions, std::string_view end_name = {}, bool explicit_parentheses = false);
  /// "name", "a, b" or (with namespaces) "ns.attribute", checked to be assignable. `end_name` ends a tuple (for … in).
  ExprPtr assign_target(bool with_namespace = false, std::string_view end_name = {});
  std::unique_ptr<Name> target_name();
  /// A chain of filters after `subject` (null in blocks); `inline_start`: the first has no bar before it.
  ExprPtr filters(ExprPtr subject, bool inline_start = false);

 private:
  ExprPtr conditional();
  ExprPtr logical_or();
  ExprPtr logical_and();
  ExprPtr logical_not();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concat();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filter = true);
  ExprPtr primary(bool with_namespace = false);
  ExprPtr list();
  ExprPtr dict();
  ExprPtr postfix(ExprPtr node);
  ExprPtr filter_expression(ExprPtr node);
  ExprPtr subscript(ExprPtr node);
  ExprPtr subscript_key();
  ExprPtr call(ExprPtr node);
  ExprPtr test(ExprPtr node);
  ArgumentList arguments();

  TokenStream& stream_;
};

}  // namespace orrery::text::jinja
