// What reading a file of training data gives: records, and the rows that are none.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "orrery/base/error.h"

namespace orrery::align {

/// A row that is no record.
struct BadRow {
  int64_t place = 0;  ///< line of a .jsonl file, or number in a list, from 1
  std::string reason;
};

template <class T>
struct Rows {
  std::vector<T> records;  ///< in the file's order; each has the `place` of its row
  std::vector<BadRow> bad;
};

/// Throws Error listing the first bad rows and saying how many there are; nothing where all are good or `skip_bad`.
/// Throws it also where there is no record at all.
void refuse_bad_rows(size_t records, const std::vector<BadRow>& bad, const std::filesystem::path& file, bool skip_bad);
template <class T>
void refuse_bad_rows(const Rows<T>& rows, const std::filesystem::path& file, bool skip_bad) {
  refuse_bad_rows(rows.records.size(), rows.bad, file, skip_bad);
}

/// What `tokens` makes of each record. A record for which it throws Error joins the bad rows, with what was found and
/// expected.
template <class Record, class Tokens>
auto tokens_of(const Rows<Record>& rows, const Tokens& tokens) {
  Rows<decltype(tokens(rows.records[0]))> result{.bad = rows.bad};
  for (const Record& record : rows.records) {
    try {
      result.records.push_back(tokens(record));
    } catch (const Error& error) {
      const Error::Parts& parts = error.parts();
      result.bad.push_back(
          {record.place, parts.expected.empty() ? parts.found : parts.found + ", expected " + parts.expected});
    }
  }
  std::ranges::stable_sort(result.bad, {}, &BadRow::place);
  return result;
}

}  // namespace orrery::align
