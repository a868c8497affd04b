// map, select, reject and their attribute forms. All are lazy: nothing happens, and nothing fails, before somebody
// iterates.
#include <algorithm>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/filters.h"
#include "orrery/text/chat/jinja/objects.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

using Transform = std::function<Value(const Value&)>;
using Condition = std::function<bool(const Value&)>;

CallArgs without_first(const CallArgs& args, size_t count) {
  return {{args.positional.begin() + std::min(count, args.positional.size()), args.positional.end()}, args.keywords};
}

std::string name_argument(const Value& name) {
  if (!name.is_text()) throw Failure("a filter or test is named by a text, not " + name.type_name());
  return name.bytes();
}

Transform prepare_map(const CallArgs& args) {
  const auto keyword = [&](std::string_view name) {
    return std::find_if(args.keywords.begin(), args.keywords.end(),
                        [&](const auto& pair) { return pair.first == name; });
  };
  const auto attribute = keyword("attribute");
  if (args.positional.empty() && attribute != args.keywords.end()) {
    const auto fallback = keyword("default");
    for (const auto& [name, value] : args.keywords)
      if (name != "attribute" && name != "default") throw Failure("Unexpected keyword argument '" + name + "'");
    return [path = attribute->second, otherwise = fallback != args.keywords.end() ? fallback->second : Value()](
               const Value& item) { return attribute_of(item, path, otherwise); };
  }
  if (args.positional.empty()) throw Failure("map requires a filter argument");
  return [name = args.positional[0], rest = without_first(args, 1)](const Value& item) {
    const Filter* filter = find_filter(name_argument(name));
    if (filter == nullptr) throw Failure("No filter named " + repr(name) + ".");
    return filter->apply(item, rest);
  };
}

Condition prepare_condition(const CallArgs& args, bool by_attribute, bool wanted) {
  if (by_attribute && args.positional.empty()) throw Failure("Missing parameter for attribute name");
  const size_t offset = by_attribute ? 1 : 0;
  const Value path = by_attribute ? args.positional[0] : Value();
  if (args.positional.size() <= offset)
    return [path, wanted](const Value& item) { return truthy(attribute_of(item, path)) == wanted; };
  return [path, wanted, name = args.positional[offset], rest = without_first(args, offset + 1)](const Value& item) {
    const Value subject = attribute_of(item, path);
    const Test* test = find_test(name_argument(name));
    if (test == nullptr) throw Failure("No test named " + repr(name) + ".");
    return test->holds(subject, rest) == wanted;
  };
}

Value map(const Value& value, const CallArgs& args) {
  auto next = [value, args, stream = std::shared_ptr<Stream>(), transform = Transform()](Value& item) mutable {
    if (stream == nullptr) {
      if (!truthy(value)) return false;
      transform = prepare_map(args);
      stream = iterate(value);
    }
    Budget::current().step();
    Value source;
    if (!stream->next(source)) return false;
    item = transform(source);
    return true;
  };
  return Value(
      std::make_shared<Generator>("generator object sync_do_map", make_stream(std::move(next)), depth_of(value, args)));
}

template <bool by_attribute, bool wanted>
Value select(const Value& value, const CallArgs& args) {
  auto next = [value, args, stream = std::shared_ptr<Stream>(), condition = Condition()](Value& item) mutable {
    if (stream == nullptr) {
      if (!truthy(value)) return false;
      condition = prepare_condition(args, by_attribute, wanted);
      stream = iterate(value);
    }
    while (stream->next(item)) {
      Budget::current().step();
      if (condition(item)) return true;
    }
    return false;
  };
  return Value(std::make_shared<Generator>("generator object select_or_reject", make_stream(std::move(next)),
                                           depth_of(value, args)));
}

constexpr Filter kSelectFilters[] = {
    {"map", map},
    {"select", select<false, true>},
    {"reject", select<false, false>},
    {"selectattr", select<true, true>},
    {"rejectattr", select<true, false>},
};

}  // namespace

std::span<const Filter> select_filters() { return kSelectFilters; }

}  // namespace orrery::text::jinja
