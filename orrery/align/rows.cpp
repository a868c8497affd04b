#include "orrery/align/rows.h"

#include <fmt/format.h>

namespace orrery::align {

void refuse_bad_rows(size_t records, const std::vector<BadRow>& bad, const std::filesystem::path& file, bool skip_bad) {
  if (records == 0)
    throw Error({.doing = "read training data",
                 .where = file.string(),
                 .found = bad.empty() ? "no row" : fmt::format("no record; row {}: {}", bad[0].place, bad[0].reason),
                 .expected = "one record at least"});
  if (skip_bad || bad.empty()) return;
  constexpr size_t kListed = 5;
  std::string found = fmt::format("{} of {} rows that are no records", bad.size(), bad.size() + records);
  for (size_t i = 0; i < std::min(kListed, bad.size()); ++i)
    found += fmt::format("; row {}: {}", bad[i].place, bad[i].reason);
  throw Error({.doing = "read training data",
               .where = file.string(),
               .found = std::move(found),
               .advice = "--skip-bad leaves them out"});
}

}  // namespace orrery::align
