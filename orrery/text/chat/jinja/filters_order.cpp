// Filters that order or compare: sort, dictsort, groupby, min, max, unique.
#include <algorithm>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/filters.h"
#include "orrery/text/chat/jinja/objects.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

struct Keyed {
  Value key, item;
};

// Stable in both directions, as Python's sorted().
void sort_by_key(std::vector<Keyed>& items, bool reverse) {
  std::stable_sort(items.begin(), items.end(),
                   [&](const Keyed& a, const Keyed& b) { return reverse ? less(b.key, a.key) : less(a.key, b.key); });
}

Value folded(const Value& value, bool case_sensitive) { return case_sensitive ? value : ignore_case(value); }

// "age,name" sorts by two attributes. The key is a list even of one: lists with equal items need no order of the items.
Value sort_key(const Value& item, const Value& attribute, bool case_sensitive) {
  if (!attribute.is_text()) return Value::list({folded(attribute_of(item, attribute), case_sensitive)});
  std::vector<Value> keys;
  const std::string& names = attribute.bytes();
  for (size_t begin = 0; begin <= names.size();) {
    const size_t end = std::min(names.find(',', begin), names.size());
    keys.push_back(folded(attribute_of(item, Value::text(names.substr(begin, end - begin))), case_sensitive));
    begin = end + 1;
  }
  return Value::list(std::move(keys));
}

Value sort(const Value& value, const CallArgs& call) {
  const Arguments args("sort", call, {"reverse", "case_sensitive", "attribute"});
  const bool case_sensitive = args.truth(1);
  std::vector<Keyed> items;
  for (Value& item : collect(value))
    items.push_back({sort_key(item, args.get(2, Value()), case_sensitive), std::move(item)});
  sort_by_key(items, args.integer(0, 0) != 0);
  std::vector<Value> out;
  for (Keyed& keyed : items) out.push_back(std::move(keyed.item));
  return Value::list(std::move(out));
}

Value dictsort(const Value& value, const CallArgs& call) {
  const Arguments args("dictsort", call, {"case_sensitive", "by", "reverse"});
  const std::string by = args.has(1) ? to_text(args[1]) : "key";
  if (by != "key" && by != "value") throw Failure("You can only sort by either \"key\" or \"value\"");
  if (value.is_undefined()) value.use_undefined();
  if (!value.is_dict()) throw Failure("'" + value.type_name() + "' object has no attribute 'items'");
  std::vector<Keyed> items;
  for (const auto& [key, item] : value.dict().items())
    items.push_back({folded(by == "key" ? key : item, args.truth(0)), Value::tuple({key, item})});
  sort_by_key(items, args.integer(2, 0) != 0);
  std::vector<Value> out;
  for (Keyed& keyed : items) out.push_back(std::move(keyed.item));
  return Value::list(std::move(out));
}

Value groupby(const Value& value, const CallArgs& call) {
  const Arguments args("groupby", call, {"attribute", "default", "case_sensitive"}, 1);
  const bool case_sensitive = args.truth(2);
  const Value fallback = args.get(1, Value());
  std::vector<Keyed> items;
  for (Value& item : collect(value))
    items.push_back({folded(attribute_of(item, args[0], fallback), case_sensitive), std::move(item)});
  sort_by_key(items, false);
  std::vector<Value> groups;
  for (size_t begin = 0; begin < items.size();) {
    size_t end = begin;
    std::vector<Value> members;
    while (end < items.size() && equal(items[begin].key, items[end].key)) members.push_back(items[end++].item);
    Value grouper = case_sensitive ? items[begin].key : attribute_of(members[0], args[0], fallback);
    groups.push_back(Value(std::make_shared<const List>(
        std::vector<Value>{std::move(grouper), Value::list(std::move(members))}, List::Type::group)));
    begin = end;
  }
  return Value::list(std::move(groups));
}

template <bool want_max>
Value extreme(const Value& value, const CallArgs& call) {
  const Arguments args("min/max", call, {"case_sensitive", "attribute"});
  const auto stream = iterate(value);
  Keyed best;
  if (!stream->next(best.item)) return Value::undefined("No aggregated item, sequence was empty.");
  const auto key_of = [&](const Value& item) {
    return folded(attribute_of(item, args.get(1, Value())), args.truth(0));
  };
  best.key = key_of(best.item);
  for (Value item; stream->next(item);) {
    Budget::current().step();
    Value key = key_of(item);
    if (compare(want_max ? Comparison::gt : Comparison::lt, key, best.key)) best = {std::move(key), item};
  }
  return best.item;
}

Value unique(const Value& value, const CallArgs& call) {
  const Arguments args("unique", call, {"case_sensitive", "attribute"});
  const bool case_sensitive = args.truth(0);
  const Value attribute = args.get(1, Value());
  auto next = [=, stream = std::shared_ptr<Stream>(), seen = std::make_shared<Dict>()](Value& item) mutable {
    if (stream == nullptr) stream = iterate(value);
    while (stream->next(item)) {
      Budget::current().step();
      const Value key = folded(attribute_of(item, attribute), case_sensitive);
      if (seen->find(key) != nullptr) continue;
      seen->set(key, Value());
      return true;
    }
    return false;
  };
  return Value(std::make_shared<Generator>("generator object sync_do_unique", make_stream(std::move(next)),
                                           depth_of(value, call)));
}

constexpr Filter kOrderFilters[] = {
    {"sort", sort},          {"dictsort", dictsort}, {"groupby", groupby},
    {"min", extreme<false>}, {"max", extreme<true>}, {"unique", unique},
};

}  // namespace

std::span<const Filter> order_filters() { return kOrderFilters; }

}  // namespace orrery::text::jinja
