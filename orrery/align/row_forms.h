// The pieces of a row that several kinds of records have, in the forms that people have them. All throw Bad.
#pragma once

#include <optional>
#include <string>

#include "orrery/align/preferences.h"
#include "orrery/align/row_reader.h"

namespace orrery::align {

/// Whether a member is there and not null.
bool has(const Json& row, const char* name);
/// Throws where a member is missing.
const Json& member(const Json& row, const char* name);
std::string string_of(const Json& row, const char* name);

/// A list of JSON schemas, or null. It may be a string that holds one, as some data sets keep it.
Json tools_of(const Json& row);

/// Messages in OpenAI's form, of a list that is in it or in ShareGPT's ({from, value}). `where` is what reasons call
/// it.
Json messages_of(const Json& list, const std::string& where);
/// Throws unless the assistant says something or calls a tool in these messages.
void need_answer(const Json& messages, const std::string& where);

/// Throws unless messages begin with the assistant's and it says something.
void check_answer(const Json& messages, const std::string& where);

/// Whether a row is a conversation: messages; conversations (+ system); instruction (+ input, system, history).
bool has_conversation(const Json& row);
/// Its messages; of an instruction's with `output` as the assistant's where `answered`.
Json conversation_of(const Json& row, bool answered);

/// `prompt`, a string or messages; else a conversation's messages; null where the row has neither.
Json explicit_prompt(const Json& row);
/// Two strings or two lists of messages.
std::pair<Json, Json> prompt_and_completion_of(const Json& row);

/// The messages of an HH-RLHF dialogue (Bai et al. 2022): turns that begin with "\n\nHuman: " or "\n\nAssistant: ".
/// Turns of one speaker behind each other become one message, with a blank line between. Nothing where the text does
/// not begin so.
std::optional<Json> dialogue_of(const std::string& text);

/// Whether a row prefers one answer to another.
bool has_preference(const Json& row);
Preference preference_of(const Json& row);

}  // namespace orrery::align
