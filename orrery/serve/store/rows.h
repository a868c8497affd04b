// Small things that the store's statements share.
#pragma once

#include <soci/soci.h>

#include <optional>
#include <string>
#include <vector>

#include "orrery/serve/store/fields.h"
#include "orrery/serve/store/store.h"

namespace orrery::serve {

/// A column that may be NULL: into(x.value, x.state), use(x.value, x.state, "name").
struct Nullable {
  Nullable() = default;
  explicit Nullable(std::optional<std::string> text)
      : value(text.value_or("")), state(text ? soci::i_ok : soci::i_null) {}
  std::optional<std::string> text() const { return state == soci::i_null ? std::nullopt : std::optional(value); }

  std::string value;
  soci::indicator state = soci::i_null;
};

/// The string, or null; or what a column of JSON text says.
Json json_string(const std::optional<std::string>& text);
Json json_value(const std::optional<std::string>& text);

/// Throws StoreError kInvalid unless 1 <= limit <= StoreLimits::kPageRows.
void check_page(const std::string& doing, const Page& page);

[[noreturn]] void not_found(const std::string& doing, const std::string& what, const std::string& id);
[[noreturn]] void conflict(const std::string& doing, const std::string& where, std::string found);

/// The rows of a page, and whether more follow. `fetch(limit)` gives the first rows, newest first; `time(row)` is their
/// time. Rows of the same time stay together, because a page's end is a time.
template <class Row, class Fetch, class Time>
std::pair<std::vector<Row>, bool> whole_page(const Page& page, Fetch fetch, Time time) {
  for (size_t most = static_cast<size_t>(page.limit) + 1;; most *= 2) {
    std::vector<Row> rows = fetch(static_cast<long long>(most));
    if (rows.size() < most) return {std::move(rows), false};
    size_t end = static_cast<size_t>(page.limit);
    while (end < rows.size() && time(rows[end]) == time(rows[end - 1])) ++end;
    if (end == rows.size()) continue;  // it may go on
    rows.resize(end);
    return {std::move(rows), true};
  }
}

}  // namespace orrery::serve
