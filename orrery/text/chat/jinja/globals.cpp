// The functions that every chat template finds: jinja2's, and those that Hugging Face adds.
#include <ctime>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/interpreter.h"
#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

// dict(mapping or pairs, **keywords).
std::shared_ptr<Dict> make_dict(const CallArgs& args) {
  if (args.positional.size() > 1)
    throw Failure("dict expected at most 1 argument, got " + std::to_string(args.positional.size()));
  auto dict = std::make_shared<Dict>();
  if (!args.positional.empty() && args.positional[0].is_dict()) {
    for (const auto& [key, value] : args.positional[0].dict().items()) dict->set(key, value);
  } else if (!args.positional.empty()) {
    const auto stream = iterate(args.positional[0]);
    for (Value item; stream->next(item);) {
      Budget::current().step();
      const std::vector<Value> pair = collect(item);
      if (pair.size() != 2)
        throw Failure("dictionary update sequence element has length " + std::to_string(pair.size()) +
                      "; 2 is required");
      dict->set(pair[0], pair[1]);
    }
  }
  for (const auto& [name, value] : args.keywords) dict->set(Value::text(name), value);
  return dict;
}

class DictType final : public Object {
 public:
  std::string type_name() const override { return "TemplateDict"; }
  bool callable() const override { return true; }
  Value call(const CallArgs& args) override { return Value(std::shared_ptr<const Dict>(make_dict(args))); }
  std::optional<Value> attribute(std::string_view name) override {
    if (name != "fromkeys") return std::nullopt;
    return get_attribute(Value(std::make_shared<const Dict>()), name);
  }
};

Value range(const CallArgs& call) {
  const Arguments args("range", call, {"start", "stop", "step"}, 1, Arguments::positional_only);
  const int64_t first = args.integer(0, 0), step = args.integer(2, 1);
  if (step == 0) throw Failure("range() arg 3 must not be zero");
  return Value(std::make_shared<Range>(args.has(1) ? first : 0, args.has(1) ? args.integer(1, 0) : first, step));
}

Value cycler(const CallArgs& args) {
  if (!args.keywords.empty()) throw Failure("cycler() got an unexpected keyword argument");
  if (args.positional.empty()) throw Failure("at least one item has to be provided");
  return Value(std::make_shared<Cycler>(Value::tuple(args.positional)));
}

Value joiner(const CallArgs& call) {
  const Arguments args("joiner", call, {"sep"});
  return Value(std::make_shared<Joiner>(args.get(0, Value::text(", "))));
}

Value raise_exception(const CallArgs& call) {
  const Arguments args("raise_exception", call, {"message"}, 1);
  throw Failure(to_text(args[0]), {}, true);
}

// datetime.now().strftime(format): C's, but %f is the microseconds, and a time without a zone has no %z and %Z.
Value strftime_now(const CallArgs& call, Interpreter::Clock::time_point now) {
  const Arguments args("strftime_now", call, {"format"}, 1);
  const std::string& given = args.text(0).bytes;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now - seconds).count();
  std::string format;
  for (size_t i = 0; i < given.size(); ++i) {
    const char next = i + 1 < given.size() ? given[i + 1] : '\0';
    if (given[i] != '%' || next == '\0') {
      format += given[i];
      continue;
    }
    ++i;
    if (next == 'f')
      format += std::to_string(1000000 + micros).substr(1);
    else if (next != 'z' && next != 'Z')
      format += {'%', next};
  }
  if (format.empty()) return Value::text("");
  const std::time_t time = Interpreter::Clock::to_time_t(seconds);
  std::tm local{};
  localtime_r(&time, &local);
  // A directive writes at most a date in words; strftime returns 0 for a buffer that is too small and for an empty
  // result alike.
  std::string out(format.size() * 64 + 64, '\0');
  Budget::current().text(static_cast<int64_t>(out.size()));
  out.resize(std::strftime(out.data(), out.size(), format.c_str(), &local));
  return Value::text(std::move(out));
}

}  // namespace

Value make_globals(Interpreter& interpreter, Interpreter::Clock::time_point now) {
  auto globals = std::make_shared<Dict>();
  const auto add = [&](const char* name, NativeFunction::Body body) {
    globals->set(Value::text(name), Value(std::make_shared<NativeFunction>(name, std::move(body))));
  };
  add("range", range);
  add("cycler", cycler);
  add("joiner", joiner);
  add("raise_exception", raise_exception);
  add("strftime_now", [now](const CallArgs& args) { return strftime_now(args, now); });
  add("lipsum", [](const CallArgs&) -> Value { throw Failure("lipsum is not supported in chat templates"); });
  add("namespace", [&interpreter](const CallArgs& args) {
    auto object = std::make_shared<Namespace>();
    interpreter.keep(object);
    const auto attributes = make_dict(args);
    for (const auto& [key, value] : attributes->items()) {
      if (!key.is_text()) throw Failure("attributes of a namespace are named by texts");
      object->set(key.bytes(), value);
    }
    return Value(std::move(object));
  });
  globals->set(Value::text("dict"), Value(std::make_shared<DictType>()));
  return Value(std::shared_ptr<const Dict>(std::move(globals)));
}

}  // namespace orrery::text::jinja
