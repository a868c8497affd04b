// Training data in the forms that people have it, as conversations or texts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "orrery/align/rows.h"

namespace orrery::align {

/// One example of what a model is to say. Exactly one of `messages` and `text` is filled.
struct Record {
  int64_t place = 0;                ///< line of a .jsonl file, or number in a list, from 1
  nlohmann::ordered_json messages;  ///< [{"role", "content", …}, …]
  size_t given = 0;                 ///< of the messages, those that come before anything to be learned
  nlohmann::ordered_json tools;     ///< a list of JSON schemas, or null
  std::string text, completion;     ///< a prompt and what follows it; or a text alone, which is learned as a whole
  bool whole_text = false;          ///< `text` alone
};

using Records = Rows<Record>;

/// Reads a file of rows, a JSON list or one JSON object per line, packed with gzip or not:
///   text | messages (+ tools) | prompt + completion, as strings or lists of messages (TRL)
///   instruction (+ input, system, history) + output (Alpaca)
///   conversations [{from, value}] (+ system, tools) (ShareGPT)
///   a preference in any form of read_preferences, HH-RLHF's dialogues too: chosen is learned
/// Rows that are none of these are in `bad`, with the reason; so are those that are no JSON, longer than 16 MiB, nested
/// more than 100 levels deep or with more than 1,000 members in an object. Throws Error naming the file where it cannot
/// be read, and where a JSON list does not end.
Records read_records(const std::filesystem::path& file);

}  // namespace orrery::align
