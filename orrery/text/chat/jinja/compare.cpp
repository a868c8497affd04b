// Truth, equality, order and membership.
#include <algorithm>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/search.h"

namespace orrery::text::jinja {
namespace {

const char* symbol(Comparison op) {
  switch (op) {
    case Comparison::lt:
      return "<";
    case Comparison::le:
      return "<=";
    case Comparison::gt:
      return ">";
    default:
      return ">=";
  }
}

template <class T>
bool ordered(Comparison op, const T& a, const T& b) {
  switch (op) {
    case Comparison::lt:
      return a < b;
    case Comparison::le:
      return a <= b;
    case Comparison::gt:
      return a > b;
    default:
      return a >= b;
  }
}

// Both numbers are exact in a long double: it has 64 bits of mantissa or more where we build.
long double exact(const Value& number) {
  return number.is_real() ? static_cast<long double>(number.real()) : static_cast<long double>(number.integer());
}

bool equal_items(const std::vector<Value>& a, const std::vector<Value>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), equal);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  if (a.items().size() != b.items().size()) return false;
  return std::all_of(a.items().begin(), a.items().end(), [&](const auto& item) {
    const Value* other = b.find(item.first);
    return other != nullptr && equal(item.second, *other);
  });
}

}  // namespace

bool truthy(const Value& value) {
  if (value.is_bool()) return value.boolean();
  if (value.is_int()) return value.integer() != 0;
  if (value.is_real()) return value.real() != 0;
  if (value.is_text()) return !value.bytes().empty();
  if (value.is_sequence()) return !value.items().empty();
  if (value.is_dict()) return !value.dict().items().empty();
  return value.is_object() && value.object().truthy();
}

bool equal(const Value& a, const Value& b) {
  Budget::current().step();
  if (a.is_number() && b.is_number()) return exact(a) == exact(b);
  if (a.is_text() && b.is_text()) return a.bytes() == b.bytes();
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.is_undefined() || b.is_undefined()) return a.is_undefined() && b.is_undefined();
  if (a.is_sequence() && b.is_sequence())
    return a.is_list() == b.is_list() && (&a.items() == &b.items() || equal_items(a.items(), b.items()));
  if (a.is_dict() && b.is_dict()) return &a.dict() == &b.dict() || equal_dicts(a.dict(), b.dict());
  return a.is_object() && b.is_object() && a.object().equals(b.object());
}

bool compare(Comparison op, const Value& a, const Value& b) {
  Budget::current().step();
  if (a.is_number() && b.is_number()) return ordered(op, exact(a), exact(b));
  if (a.is_text() && b.is_text()) return ordered(op, a.bytes(), b.bytes());  // UTF-8 sorts as code points do
  if (a.is_sequence() && b.is_sequence() && a.is_list() == b.is_list()) {
    const auto &x = a.items(), &y = b.items();
    const size_t common = std::min(x.size(), y.size());
    for (size_t i = 0; i < common; ++i)
      if (!equal(x[i], y[i])) return compare(op, x[i], y[i]);
    return ordered(op, x.size(), y.size());
  }
  if (a.is_undefined()) a.use_undefined();
  if (b.is_undefined()) b.use_undefined();
  throw Failure(std::string("'") + symbol(op) + "' not supported between instances of '" + a.type_name() + "' and '" +
                b.type_name() + "'");
}

bool contains(const Value& container, const Value& item) {
  if (container.is_text()) {
    if (!item.is_text()) throw Failure("'in <string>' requires string as left operand, not " + item.type_name());
    return find_first(container.bytes(), item.bytes()) != std::string::npos;
  }
  if (container.is_dict()) return container.dict().find(item) != nullptr;
  if (container.is_object())
    if (const auto found = container.object().contains(item)) return *found;
  if (!iterable(container)) throw Failure("argument of type '" + container.type_name() + "' is not iterable");
  const auto stream = iterate(container);
  for (Value other; stream->next(other);)
    if (equal(other, item)) return true;
  return false;
}

}  // namespace orrery::text::jinja
