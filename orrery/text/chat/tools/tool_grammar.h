// Grammars that make a model call tools, in its own format.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "orrery/text/chat/reasoning.h"
#include "orrery/text/chat/tools/tool_format.h"
#include "orrery/text/chat/tools/tool_request.h"

namespace orrery::text {

/// A model that must call and has nothing more to say may repeat its calls to the end of its context.
constexpr int kMostCalls = 16;

/// The GBNF that an answer to the request must follow (Grammar::from_gbnf), or nothing where it is free.
///
/// Choice kRequired: calls and nothing else, each of a tool (of the named one) with arguments that fit its parameters;
/// one call where request.parallel is false or the format knows no more, else kMostCalls at most. A thought may come
/// first where the model has marks for it, and must be closed where `prompt` opens it: inside, "</" begins nothing but
/// the mark, unless that is one token.
///
/// Choice kAuto: free, but for functions with "strict": true. Then the text is free up to the mark that begins a call,
/// and calls follow the grammar (of tools that are not strict, any object). That needs a mark which is one token of the
/// vocabulary: Error naming the field otherwise ("tools[0].function.strict"). (A model that spells the mark with
/// other tokens is not held to the grammar.)
///
/// What a schema may say is what grammar.h says; anything else is an Error naming its place in the tools.
std::optional<std::string> tool_grammar(const ToolFormat& format, const ToolRequest& request,
                                        const Tokenizer& tokenizer,
                                        const std::optional<ReasoningMarks>& reasoning = std::nullopt,
                                        std::string_view prompt = {});

}  // namespace orrery::text
