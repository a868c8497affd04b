// How a model writes calls of tools into its answer.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// Plain data, which the parser, the grammar of forced calls and the way back obey. Marks are texts; some are special
/// tokens of the vocabulary (shown_tokens()). A mark that is empty is not written. No mark begins with a blank or is
/// the beginning of another.
struct ToolFormat {
  enum class Shape {
    kObjects,  ///< JSON objects {"name": …, "arguments": {…}}, alone or in a list
    kNamed,    ///< the name as plain text between marks, then the arguments as JSON
  };

  std::string name;  ///< for people: "hermes", …
  Shape shape = Shape::kObjects;
  std::string block_begin, block_end;  ///< around one object (kObjects, not `list`), or around all calls

  // kObjects. The parser takes an object and a list alike, and "arguments" and "parameters" alike.
  bool bare = false;  ///< an answer that begins with { is a call too, where it names a known tool
  bool list = false;  ///< all calls are written as one list in one block
  std::string name_key = "name", arguments_key = "arguments";
  std::string lead, tail;  ///< GBNF of what else an object holds, before the name and after the arguments

  // kNamed: call_begin name [id_mark id] name_end arguments call_end
  std::string call_begin, name_end, id_mark, call_end;
  std::string content_name;  ///< a call of this name is no call but content, up to the next one

  // The way back (tool_messages.h).
  bool parallel = true;               ///< several calls in one answer
  bool arguments_as_text = false;     ///< the template wants arguments as JSON text, not as an object
  bool short_ids = false;             ///< ids of nine letters and digits; else call_ and 24 of them
  bool template_lists_tools = true;   ///< false: a message of ours tells the model about them
  bool template_writes_calls = true;  ///< false: it leaves them out of messages, so that content must have them

  /// All marks that are not empty.
  std::vector<std::string_view> marks() const;
};

/// The format of a model, from its chat template's text and its vocabulary; the generic one ("generic") where the
/// template says nothing about tools, or writes calls in a form that is not known. Known: Hermes (Hermes 2 Pro and 3,
/// Qwen 2.5 and 3, SmolLM3, Granite 4), a list between tags (SmolLM2-1.7B's instructions, Apriel, Nemotron Nano 2),
/// Llama 3.1 to 3.3, Mistral (lists, and names before [ARGS]), DeepSeek V3, R1 and V3.1, Functionary v3.1 and v3.2,
/// Command R+ and R7B, Granite 3.
ToolFormat find_tool_format(const Tokenizer& tokenizer);

/// Calls as the model writes them. `calls`: a message's tool_calls, with arguments as objects or as text.
std::string text_of_calls(const ToolFormat& format, const nlohmann::ordered_json& calls);

/// Special tokens that are marks of the format, or parts of one, or `more` of them (a thought's): an answer is to be
/// decoded with their text, which special tokens have none of otherwise. Ascending.
std::vector<TokenId> shown_tokens(const ToolFormat& format, const Tokenizer& tokenizer,
                                  const std::vector<std::string>& more = {});

}  // namespace orrery::text
