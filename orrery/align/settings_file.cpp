#include "orrery/align/settings_file.h"

#include "orrery/align/fields.h"
#include "orrery/train/field_toml.h"

namespace orrery::align {

namespace fs = std::filesystem;

void read_settings(const fs::path& file, Settings& settings) {
  const toml::table table = train::parse(file);
  std::set<std::string, std::less<>> known = {"method"};
  visit_fields(settings, [&](const Field& field, auto& member, auto&... names) {
    known.insert(field.name);
    const toml::node* node = table.get(field.name);
    if (node == nullptr) return;
    if (!field.has(settings.method))
      train::refuse(file, *node, field.name, "a setting of another method",
                    fmt::format("one that {} has", name_of(kMethodNames, settings.method)));
    train::TomlReader(file, *node)(field, member, names...);
  });
  train::refuse_unknown(file, table, known, "orrery train");
}

Method method_of_file(const fs::path& file) {
  const toml::table table = train::parse(file);
  const toml::node* node = table.get("method");
  if (node == nullptr) train::refuse(file, table, "method", "nothing", "sft, dpo, …");
  const auto text = node->value_exact<std::string>();
  return from_name(kMethodNames, file.string() + ", method", text.value_or(""));
}

std::string settings_text(const Settings& settings) {
  std::string text = fmt::format("method = {}\n", train::toml_of(std::string(name_of(kMethodNames, settings.method))));
  const train::TomlWriter write(text);
  visit_fields(settings, [&](const Field& field, const auto& member, const auto&... names) {
    if (field.has(settings.method)) write(field, member, names...);
  });
  return text;
}

}  // namespace orrery::align
