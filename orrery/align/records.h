// Training data in the forms that people have it, as conversations or texts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace orrery::align {

/// One example of what a model is to say. Exactly one of `messages` and `text` is filled.
struct Record {
  int64_t place = 0;                ///< line of a .jsonl file, or number in a list, from 1
  nlohmann::ordered_json messages;  ///< [{"role", "content", …}, …]
  nlohmann::ordered_json tools;     ///< a list of JSON schemas, or null
  std::string text, completion;     ///< a prompt and what follows it; or a text alone, which is learned as a whole
  bool whole_text = false;          ///< `text` alone
};

/// A row that is no record.
struct BadRow {
  int64_t place = 0;
  std::string reason;
};

struct Records {
  std::vector<Record> records;
  std::vector<BadRow> bad;
};

/// Reads a file of rows, a JSON list or one JSON object per line:
///   text | messages (+ tools) | prompt + completion, as strings or lists of messages (TRL)
///   instruction (+ input, system, history) + output (Alpaca)
///   conversations [{from, value}] (+ system, tools) (ShareGPT)
/// Rows that are none of these are in `bad`, with the reason. Throws Error naming the file where it cannot be read, and
/// where a JSON list does not parse.
Records read_records(const std::filesystem::path& file);

/// Throws Error listing the first bad rows and saying how many there are; nothing where all are good or `skip_bad`.
void refuse_bad_rows(const Records& records, const std::filesystem::path& file, bool skip_bad);

}  // namespace orrery::align
