#include "orrery/scene/gaussians/settings_file.h"

#include <charconv>

#include "orrery/scene/gaussians/fields.h"
#include "orrery/train/field_toml.h"

namespace orrery::scene {

void read_settings(const std::filesystem::path& file, TrainSettings& settings) {
  const toml::table table = train::parse(file);
  std::set<std::string, std::less<>> known;
  visit_fields(settings, [&](const train::Field& field, auto& member, auto&... names) {
    known.insert(field.name);
    if (const toml::node* node = table.get(field.name)) train::TomlReader(file, *node)(field, member, names...);
  });
  train::refuse_unknown(file, table, known, "orrery scene train");
}

std::string settings_text(const TrainSettings& settings) {
  std::string text;
  visit_fields(settings, train::TomlWriter(text));
  return text;
}

int64_t gaussians_within(const std::string& memory, int sh_degree) {
  if (memory.empty()) return 0;
  double amount = 0;
  const auto [end, code] = std::from_chars(memory.data(), memory.data() + memory.size(), amount);
  const std::string_view unit(end, static_cast<size_t>(memory.data() + memory.size() - end));
  const double bytes = amount * (unit == "G" ? 1e9 : unit == "M" ? 1e6 : unit.empty() ? 1 : -1);
  if (code != std::errc() || !(bytes > 0))
    throw Error({.doing = "train Gaussians",
                 .where = "memory",
                 .found = memory,
                 .expected = "a number of bytes, such as 4G or 512M"});
  const int values = 11 + 3 * (sh_degree + 1) * (sh_degree + 1);
  // Bytes, as bench/scene measures them where there are most (relocation): values and moments, and what a view needs of
  // each (projected, activated, places in tiles, gradients but those of harmonics).
  constexpr int kElse = 460;
  return std::max<int64_t>(1, static_cast<int64_t>(bytes / (3 * 4 * values + kElse)));
}

}  // namespace orrery::scene
