// Filters about sequences and single values: batch, first, join, list, reverse, slice, default, …
#include <algorithm>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/filters.h"
#include "orrery/text/chat/jinja/objects.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

Value generator(const char* name, int depth, std::function<bool(Value&)> next) {
  return Value(
      std::make_shared<Generator>(std::string("generator object ") + name, make_stream(std::move(next)), depth));
}

Value default_filter(const Value& value, const CallArgs& call) {
  const Arguments args("default", call, {"default_value", "boolean"});
  const bool replaced = value.is_undefined() || (args.truth(1) && !truthy(value));
  return replaced ? args.get(0, Value::text("")) : value;
}

Value length_filter(const Value& value, const CallArgs& call) {
  Arguments("length", call, {}, 0, Arguments::positional_only);
  return Value(checked_length(value));
}

Value list_filter(const Value& value, const CallArgs& call) {
  Arguments("list", call, {});
  return Value::list(collect(value));
}

Value first(const Value& value, const CallArgs& call) {
  Arguments("first", call, {});
  Value item;
  return iterate(value)->next(item) ? item : Value::undefined("No first item, sequence was empty.");
}

Value last(const Value& value, const CallArgs& call) {
  Arguments("last", call, {});
  const auto stream = value.is_undefined() ? iterate(value) : iterate_reversed(value);
  if (stream == nullptr) throw Failure("'" + value.type_name() + "' object is not reversible");
  Value item;
  return stream->next(item) ? item : Value::undefined("No last item, sequence was empty.");
}

Value reverse(const Value& value, const CallArgs& call) {
  Arguments("reverse", call, {});
  if (value.is_text()) {
    const std::string& bytes = value.bytes();
    std::string out;
    Budget::current().slow_work(static_cast<int64_t>(bytes.size()));
    for (size_t end = bytes.size(); end > 0;) append_code_point(out, previous_code_point(bytes, end));
    return Value::text(std::move(out), value.is_markup());
  }
  auto stream = value.is_undefined() ? iterate(value) : iterate_reversed(value);
  if (stream != nullptr)
    return Value(std::make_shared<Generator>("list_reverseiterator object", std::move(stream), value.depth()));
  if (!iterable(value)) throw Failure("argument must be iterable");
  std::vector<Value> items = collect(value);
  std::reverse(items.begin(), items.end());
  return Value::list(std::move(items));
}

Value join(const Value& value, const CallArgs& call) {
  const Arguments args("join", call, {"d", "attribute"});
  const std::string separator = args.has(0) ? to_text(args[0]) : "";
  const Value attribute = args.get(1, Value());
  const auto stream = iterate(value);
  TextBuilder out;
  bool first_item = true;
  for (Value item; stream->next(item);) {
    Budget::current().step();
    if (!first_item) out.append(separator);
    first_item = false;
    append_text(out, attribute_of(item, attribute));
  }
  return Value::text(out.take());
}

Value batch(const Value& value, const CallArgs& call) {
  const Arguments args("batch", call, {"linecount", "fill_with"}, 1);
  const Value count = args[0], fill = args.get(1, Value());
  return generator(
      "do_batch", depth_of(value, call) + 1,
      [=, stream = std::shared_ptr<Stream>(), pending = std::vector<Value>(), done = false](Value& out) mutable {
        if (stream == nullptr) stream = iterate(value);
        if (done) return false;
        for (Value item; stream->next(item);) {
          Budget::current().step();
          const bool full = equal(Value(static_cast<int64_t>(pending.size())), count);
          if (full) out = Value::list(std::exchange(pending, {}));
          pending.push_back(item);
          if (full) return true;
        }
        done = true;
        if (pending.empty()) return false;
        if (!fill.is_none() && less(Value(static_cast<int64_t>(pending.size())), count)) {
          const Value missing = subtract(count, Value(static_cast<int64_t>(pending.size())));
          out = add(Value::list(std::move(pending)), multiply(Value::list({fill}), missing));
        } else {
          out = Value::list(std::move(pending));
        }
        return true;
      });
}

Value slice_filter(const Value& value, const CallArgs& call) {
  const Arguments args("slice", call, {"slices", "fill_with"}, 1);
  const Value slices = args[0], fill = args.get(1, Value());
  return generator(
      "sync_do_slice", depth_of(value, call) + 1,
      [=, items = std::shared_ptr<std::vector<Value>>(), i = int64_t{0}, offset = int64_t{0}](Value& out) mutable {
        if (items == nullptr) items = std::make_shared<std::vector<Value>>(collect(value));
        const int64_t count = as_index(slices), size = static_cast<int64_t>(items->size());
        if (count == 0) throw Failure("integer division or modulo by zero");
        if (i >= count) return false;
        const int64_t each = size / count, extra = size % count;
        const int64_t begin = offset + i * each;
        if (i < extra) ++offset;
        std::vector<Value> part(items->begin() + begin, items->begin() + offset + (i + 1) * each);
        if (!fill.is_none() && i >= extra) part.push_back(fill);
        ++i;
        out = Value::list(std::move(part));
        return true;
      });
}

Value items_filter(const Value& value, const CallArgs& call) {
  Arguments("items", call, {});
  return generator("do_items", value.depth() + 1, [value, stream = std::shared_ptr<Stream>()](Value& item) mutable {
    if (value.is_undefined()) return false;
    if (!value.is_dict()) throw Failure("Can only get item pairs from a mapping.");
    if (stream == nullptr) stream = std::make_shared<DictView>(value, DictView::Part::items)->iterate();
    return stream->next(item);
  });
}

Value attr(const Value& value, const CallArgs& call) {
  const Arguments args("attr", call, {"name"}, 1);
  const std::string& name = args.text(0).bytes;
  if (auto attribute = plain_attribute(value, name)) return *std::move(attribute);
  return Value::undefined("'" + value.type_name() + " object' has no attribute " + repr_of_text(name));
}

Value sum(const Value& value, const CallArgs& call) {
  const Arguments args("sum", call, {"attribute", "start"});
  Value total = args.get(1, Value(int64_t{0}));
  if (total.is_text()) throw Failure("sum() can't sum strings [use ''.join(seq) instead]");
  const Value attribute = args.get(0, Value());
  const auto stream = iterate(value);
  for (Value item; stream->next(item);) {
    Budget::current().step();
    total = add(total, attribute_of(item, attribute));
  }
  return total;
}

constexpr Filter kSequenceFilters[] = {
    {"default", default_filter},
    {"d", default_filter},
    {"length", length_filter},
    {"count", length_filter},
    {"list", list_filter},
    {"first", first},
    {"last", last},
    {"reverse", reverse},
    {"join", join},
    {"batch", batch},
    {"slice", slice_filter},
    {"items", items_filter},
    {"attr", attr},
    {"sum", sum},
};

}  // namespace

std::span<const Filter> sequence_filters() { return kSequenceFilters; }

}  // namespace orrery::text::jinja
