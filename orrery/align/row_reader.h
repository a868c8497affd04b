// From a file of training data to its rows, for the readers of records.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/align/rows.h"

namespace orrery::align {

using Json = nlohmann::ordered_json;

/// Why a row is no record; becomes its reason.
struct Bad {
  std::string reason;
};

/// Throws Bad for what is no JSON (text that is no UTF-8, lone surrogates and NaN are none), and for what takes more
/// than its share of the stack or of time: 100 levels, 1,000 members of one object, 16 MiB.
Json parse_json(std::string_view text);

/// The rows of a file, as they stand there: the elements of a JSON list, or lines that are not blank. The file may be
/// packed with gzip. Only one row and a few pages of the file are in memory at a time, and of a row no more than
/// parse_json refuses. Throws Error naming the file where it cannot be read and where a list does not end or is
/// followed by something.
void for_each_row(const std::filesystem::path& file,
                  const std::function<void(std::string_view row, int64_t place)>& visit);

/// `add` appends what it makes of a row, which is an object, or throws Bad.
template <class T>
Rows<T> read_rows(const std::filesystem::path& file, void (*add)(const Json& row, std::vector<T>& records)) {
  Rows<T> rows;
  for_each_row(file, [&](std::string_view row, int64_t place) {
    std::vector<T> records;
    try {
      const Json json = parse_json(row);
      if (!json.is_object()) throw Bad{std::string("it is ") + json.type_name() + ", expected an object"};
      add(json, records);
    } catch (const Bad& bad) {
      constexpr size_t kLongest = 300;  // a reason may quote the row
      rows.bad.push_back({place, bad.reason.substr(0, kLongest)});
      return;
    }
    for (T& record : records) {
      record.place = place;
      rows.records.push_back(std::move(record));
    }
  });
  return rows;
}

}  // namespace orrery::align
