#include "orrery/text/chat/jinja/token_stream.h"

namespace orrery::text::jinja {

using Type = Token::Type;

std::string describe(const Token& token) {
  switch (token.type) {
    case Type::data:
      return "template data / text";
    case Type::variable_begin:
      return "begin of print statement";
    case Type::variable_end:
      return "end of print statement";
    case Type::block_begin:
      return "begin of statement block";
    case Type::block_end:
      return "end of statement block";
    case Type::text:
      return "string";
    case Type::integer:
      return "integer";
    case Type::real:
      return "float";
    case Type::end:
      return "end of template";
    default:
      return token.text;
  }
}

bool TokenStream::is_any_name(std::initializer_list<std::string_view> names) const {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return is_name(name); });
}

void TokenStream::fail_expected(const std::string& expected) const {
  if (at_end()) fail("unexpected end of template, expected '" + expected + "'.");
  fail("expected token '" + expected + "', got '" + describe(current()) + "'");
}

const Token& TokenStream::expect_op(std::string_view symbol) {
  if (!is_op(symbol)) fail_expected(std::string(symbol));
  return next();
}

const Token& TokenStream::expect_name() { return expect(Type::name); }

const Token& TokenStream::expect_name(std::string_view name) {
  if (!is_name(name)) fail_expected(std::string(name));
  return next();
}

const Token& TokenStream::expect(Type type) {
  if (current().type != type) fail_expected(type == Type::name ? "name" : describe(Token{type, {}, {}, {}}));
  return next();
}

}  // namespace orrery::text::jinja
