// Attributes of lists, tuples, dicts and numbers, and the look-up for every built-in type.
#include <algorithm>
#include <bit>
#include <cmath>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/markup.h"
#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

Value count_items(const Value& self, const CallArgs& call) {
  const Arguments args("count", call, {"value"}, 1, Arguments::positional_only);
  return Value(static_cast<int64_t>(std::count_if(self.items().begin(), self.items().end(),
                                                  [&](const Value& item) { return equal(item, args[0]); })));
}

Value index_of_item(const Value& self, const CallArgs& call) {
  const Arguments args("index", call, {"value", "start", "stop"}, 1, Arguments::positional_only);
  const auto size = static_cast<int64_t>(self.items().size());
  const auto bound = [&](size_t i, int64_t otherwise) {
    const int64_t index = args.integer(i, otherwise);
    return index < 0 ? std::max<int64_t>(index + size, 0) : index;
  };
  for (int64_t i = bound(1, 0), stop = std::min(bound(2, size), size); i < stop; ++i)
    if (equal(self.items()[i], args[0])) return Value(i);
  throw Failure(repr(args[0]) + " is not in list");
}

Value copy(const Value& self, const CallArgs& call) {
  Arguments("copy", call, {});
  return self;
}

Value dict_get(const Value& self, const CallArgs& call) {
  const Arguments args("get", call, {"key", "default"}, 1, Arguments::positional_only);
  const Value* found = self.dict().find(args[0]);
  return found != nullptr ? *found : args.get(1, Value());
}

template <DictView::Part part>
Value dict_view(const Value& self, const CallArgs& call) {
  Arguments("dict method", call, {});
  return Value(std::make_shared<DictView>(self, part));
}

Value dict_fromkeys(const Value&, const CallArgs& call) {
  const Arguments args("fromkeys", call, {"iterable", "value"}, 1, Arguments::positional_only);
  auto dict = std::make_shared<Dict>();
  for (const Value& key : collect(args[0])) dict->set(key, args.get(1, Value()));
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Value is_integer(const Value& self, const CallArgs& call) {
  Arguments("is_integer", call, {});
  return Value(std::isfinite(self.real()) && self.real() == std::floor(self.real()));
}

Value bit_length(const Value& self, const CallArgs& call) {
  Arguments("bit_length", call, {});
  const int64_t i = self.integer();
  const uint64_t magnitude = i < 0 ? 0 - static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
  return Value(static_cast<int64_t>(std::bit_width(magnitude)));
}

Value conjugate(const Value& self, const CallArgs& call) {
  Arguments("conjugate", call, {});
  return identity(self);
}

Value markup_striptags(const Value& self, const CallArgs& call) {
  Arguments("striptags", call, {});
  return strip_tags(self);
}

Value markup_unescape(const Value& self, const CallArgs& call) {
  Arguments("unescape", call, {});
  return Value::text(unescape_html(self.bytes()));
}

constexpr Method kListMethods[] = {{"count", count_items}, {"index", index_of_item}, {"copy", copy}};
constexpr Method kTupleMethods[] = {{"count", count_items}, {"index", index_of_item}};
constexpr Method kDictMethods[] = {{"get", dict_get},
                                   {"items", dict_view<DictView::Part::items>},
                                   {"keys", dict_view<DictView::Part::keys>},
                                   {"values", dict_view<DictView::Part::values>},
                                   {"copy", copy},
                                   {"fromkeys", dict_fromkeys}};
constexpr Method kIntMethods[] = {{"bit_length", bit_length}, {"conjugate", conjugate}};
constexpr Method kFloatMethods[] = {{"is_integer", is_integer}, {"conjugate", conjugate}};
constexpr Method kMarkupMethods[] = {{"striptags", markup_striptags}, {"unescape", markup_unescape}};

// jinja2's ImmutableSandboxedEnvironment: there, but not to be used.
constexpr std::string_view kListMutators[] = {"append", "clear", "pop",    "reverse",
                                              "insert", "sort",  "extend", "remove"};
constexpr std::string_view kDictMutators[] = {"clear", "pop", "popitem", "setdefault", "update"};

constexpr std::string_view kSpecialAttributes[] = {"__class__",
                                                   "__delattr__",
                                                   "__dir__",
                                                   "__doc__",
                                                   "__eq__",
                                                   "__format__",
                                                   "__ge__",
                                                   "__getattribute__",
                                                   "__getitem__",
                                                   "__gt__",
                                                   "__hash__",
                                                   "__init__",
                                                   "__init_subclass__",
                                                   "__iter__",
                                                   "__le__",
                                                   "__len__",
                                                   "__lt__",
                                                   "__ne__",
                                                   "__new__",
                                                   "__reduce__",
                                                   "__reduce_ex__",
                                                   "__repr__",
                                                   "__setattr__",
                                                   "__sizeof__",
                                                   "__str__",
                                                   "__subclasshook__",
                                                   "__contains__"};

template <size_t N>
bool among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::optional<Value> bound(const Value& self, std::span<const Method> methods, std::string_view name) {
  const auto it = std::find_if(methods.begin(), methods.end(), [&](const Method& m) { return m.name == name; });
  if (it == methods.end()) return std::nullopt;
  return Value(std::make_shared<BoundMethod>(self, &*it));
}

Value unsafe(const Value& self, std::string_view name) {
  return Value::undefined("access to attribute " + repr_of_text(name) + " of '" + self.type_name() +
                          "' object is unsafe.");
}

std::optional<Value> number_attribute(const Value& self, std::string_view name) {
  if (name == "real") return identity(self);
  if (name == "imag") return self.is_real() ? Value(0.0) : Value(int64_t{0});
  if (self.is_integral() && name == "numerator") return identity(self);
  if (self.is_integral() && name == "denominator") return Value(int64_t{1});
  return bound(self, self.is_real() ? std::span<const Method>(kFloatMethods) : kIntMethods, name);
}

}  // namespace

std::optional<Value> method_of(const Value& self, std::string_view name) {
  if (self.is_text()) {
    for (auto methods : {text_case_methods(), text_search_methods(), text_layout_methods()})
      if (auto method = bound(self, methods, name)) return method;
    return self.is_markup() ? bound(self, kMarkupMethods, name) : std::nullopt;
  }
  if (self.is_dict()) return among(kDictMutators, name) ? unsafe(self, name) : bound(self, kDictMethods, name);
  if (self.is_list()) return among(kListMutators, name) ? unsafe(self, name) : bound(self, kListMethods, name);
  if (self.is_tuple()) {
    if (self.sequence().type == List::Type::group && name == "grouper") return self.items()[0];
    if (self.sequence().type == List::Type::group && name == "list") return self.items()[1];
    return bound(self, kTupleMethods, name);
  }
  return self.is_number() ? number_attribute(self, name) : std::nullopt;
}

bool is_special_attribute(std::string_view name) { return among(kSpecialAttributes, name); }

}  // namespace orrery::text::jinja
