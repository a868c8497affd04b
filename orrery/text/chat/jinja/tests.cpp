// jinja2's built-in tests ("is defined", "is string", …).
#include <algorithm>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/filters.h"
#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

template <bool (*holds)(const Value&)>
bool plain(const Value& value, const CallArgs& args) {
  Arguments("test", args, {});
  return holds(value);
}

template <bool (*holds)(const Value&, const Value&)>
bool binary(const Value& value, const CallArgs& call) {
  const Arguments args("test", call, {"other"}, 1, Arguments::positional_only);
  return holds(value, args[0]);
}

template <Comparison op>
bool ordered(const Value& a, const Value& b) {
  return compare(op, a, b);
}

bool remainder_is(const Value& value, int64_t divisor, int64_t remainder) {
  return equal(modulo(value, Value(divisor)), Value(remainder));
}

bool divisible(const Value& value, const CallArgs& call) {
  const Arguments args("divisibleby", call, {"num"}, 1);
  return equal(modulo(value, args[0]), Value(int64_t{0}));
}

bool same(const Value& value, const CallArgs& call) {
  const Arguments args("sameas", call, {"other"}, 1);
  return value.same_as(args[0]);
}

bool in(const Value& value, const CallArgs& call) {
  const Arguments args("in", call, {"seq"}, 1);
  return contains(args[0], value);
}

bool is_sequence(const Value& value) {
  if (value.is_object()) return value.object().length().has_value() && value.object().has_items();
  return value.is_text() || value.is_sequence() || value.is_dict() || value.is_undefined();
}

bool is_callable(const Value& value) {
  return value.is_undefined() || (value.is_object() && value.object().callable());
}

constexpr Test kTests[] = {
    {"defined", plain<[](const Value& v) { return !v.is_undefined(); }>},
    {"undefined", plain<[](const Value& v) { return v.is_undefined(); }>},
    {"none", plain<[](const Value& v) { return v.is_none(); }>},
    {"boolean", plain<[](const Value& v) { return v.is_bool(); }>},
    {"true", plain<[](const Value& v) { return v.is_bool() && v.boolean(); }>},
    {"false", plain<[](const Value& v) { return v.is_bool() && !v.boolean(); }>},
    {"integer", plain<[](const Value& v) { return v.is_int(); }>},
    {"float", plain<[](const Value& v) { return v.is_real(); }>},
    {"number", plain<[](const Value& v) { return v.is_number(); }>},
    {"string", plain<[](const Value& v) { return v.is_text(); }>},
    {"mapping", plain<[](const Value& v) { return v.is_dict(); }>},
    {"sequence", plain<is_sequence>},
    {"iterable", plain<iterable>},
    {"callable", plain<is_callable>},
    {"escaped", plain<[](const Value& v) { return v.is_markup(); }>},
    {"lower", plain<[](const Value& v) { return is_lower_text(to_text(v)); }>},
    {"upper", plain<[](const Value& v) { return is_upper_text(to_text(v)); }>},
    {"odd", plain<[](const Value& v) { return remainder_is(v, 2, 1); }>},
    {"even", plain<[](const Value& v) { return remainder_is(v, 2, 0); }>},
    {"filter", plain<[](const Value& v) { return hash(v), v.is_text() && find_filter(v.bytes()) != nullptr; }>},
    {"test", plain<[](const Value& v) { return hash(v), v.is_text() && find_test(v.bytes()) != nullptr; }>},
    {"divisibleby", divisible},
    {"sameas", same},
    {"in", in},
    {"==", binary<equal>},
    {"eq", binary<equal>},
    {"equalto", binary<equal>},
    {"!=", binary<[](const Value& a, const Value& b) { return !equal(a, b); }>},
    {"ne", binary<[](const Value& a, const Value& b) { return !equal(a, b); }>},
    {">", binary<ordered<Comparison::gt>>},
    {"gt", binary<ordered<Comparison::gt>>},
    {"greaterthan", binary<ordered<Comparison::gt>>},
    {">=", binary<ordered<Comparison::ge>>},
    {"ge", binary<ordered<Comparison::ge>>},
    {"<", binary<ordered<Comparison::lt>>},
    {"lt", binary<ordered<Comparison::lt>>},
    {"lessthan", binary<ordered<Comparison::lt>>},
    {"<=", binary<ordered<Comparison::le>>},
    {"le", binary<ordered<Comparison::le>>},
};

}  // namespace

const Test* find_test(std::string_view name) {
  const auto it = std::find_if(std::begin(kTests), std::end(kTests), [&](const Test& t) { return t.name == name; });
  return it != std::end(kTests) ? &*it : nullptr;
}

}  // namespace orrery::text::jinja
