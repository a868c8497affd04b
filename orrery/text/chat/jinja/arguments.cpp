#include "orrery/text/chat/jinja/arguments.h"

#include <algorithm>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {

Arguments::Arguments(std::string_view function, const CallArgs& args, std::initializer_list<std::string_view> names,
                     size_t required, Keywords keywords)
    : function_(function), values_(names.size(), nullptr) {
  const std::string call = std::string(function) + "()";
  if (args.positional.size() > names.size())
    throw Failure(call + " takes at most " + std::to_string(names.size()) + " arguments (" +
                  std::to_string(args.positional.size()) + " given)");
  for (size_t i = 0; i < args.positional.size(); ++i) values_[i] = &args.positional[i];
  for (const auto& [name, value] : args.keywords) {
    if (keywords == positional_only) throw Failure(call + " takes no keyword arguments");
    const auto it = std::find(names.begin(), names.end(), name);
    if (it == names.end()) throw Failure(call + " got an unexpected keyword argument '" + name + "'");
    const Value*& slot = values_[it - names.begin()];
    if (slot != nullptr) throw Failure(call + " got multiple values for argument '" + name + "'");
    slot = &value;
  }
  for (size_t i = 0; i < required; ++i)
    if (values_[i] == nullptr)
      throw Failure(call + " missing the required argument '" + std::string(names.begin()[i]) + "'");
}

int64_t Arguments::integer(size_t i, int64_t otherwise) const { return has(i) ? as_index(*values_[i]) : otherwise; }

bool Arguments::truth(size_t i, bool otherwise) const { return has(i) ? truthy(*values_[i]) : otherwise; }

const Str& Arguments::text(size_t i) const {
  if (!values_[i]->is_text())
    throw Failure(std::string(function_) + "() argument " + std::to_string(i + 1) + " must be str, not " +
                  values_[i]->type_name());
  return values_[i]->str();
}

}  // namespace orrery::text::jinja
