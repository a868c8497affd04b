#include "orrery/text/chat/tools/tool_grammar.h"

#include <fmt/format.h>

#include <utility>

#include "orrery/base/error.h"
#include "orrery/text/chat/tools/rename_rules.h"
#include "orrery/text/sampling/grammar.h"
#include "orrery/text/sampling/json_text.h"

namespace orrery::text {

namespace {

using Json = nlohmann::ordered_json;

class ToolGrammar {
 public:
  ToolGrammar(const ToolFormat& format, const ToolRequest& request, const Tokenizer& tokenizer,
              const std::optional<ReasoningMarks>& reasoning, std::string_view prompt)
      : format_(format), request_(request), tokenizer_(tokenizer), reasoning_(reasoning), prompt_(prompt) {
    shown_ = shown_tokens(format, tokenizer,
                          reasoning ? std::vector{reasoning->begin, reasoning->end} : std::vector<std::string>());
  }

  std::string forced() {
    std::vector<std::string> calls;
    for (size_t i = 0; i < request_.tools.size(); ++i)
      if (request_.function.empty() || request_.tools[i]["function"]["name"] == request_.function)
        calls.push_back(call(i, true));
    rule("call", gbnf_join(calls));
    rule("root", thoughts() + answer(format_.shape == ToolFormat::Shape::kNamed && !format_.call_begin.empty() &&
                                     prompt_.ends_with(format_.call_begin)));
    return std::move(out_);
  }

  std::string strict(size_t first_strict) {
    const std::string& begin = format_.block_begin.empty() ? format_.call_begin : format_.block_begin;
    const auto token = tokenizer_.find(begin);
    if (!token || format_.bare)
      throw Error({.doing = "constrain calls of tools",
                   .where = fmt::format("tools[{}].function.strict", first_strict),
                   .found = "true, and a model that marks no call with one token",
                   .expected = "false, or a tool_choice that demands a call"});
    std::vector<std::string> calls;
    for (size_t i = 0; i < request_.tools.size(); ++i) calls.push_back(call(i, is_strict(i)));
    rule("call", gbnf_join(calls));
    const std::string text = fmt::format("!<[{}]>*", *token);
    const bool several = request_.parallel && format_.parallel;
    rule("root",
         fmt::format("{} ({} {}){}", text, answer(false), text, several ? fmt::format("{{0,{}}}", kMostCalls) : "?"));
    return std::move(out_);
  }

  bool is_strict(size_t i) const { return request_.tools[i]["function"].value("strict", Json(false)) == Json(true); }

 private:
  void rule(std::string_view name, std::string_view body) { out_ += fmt::format("{} ::= {}\n", name, body); }

  // A mark: special tokens as tokens, for they have no characters; the rest as text.
  std::string mark(std::string_view text) const {
    std::string out, plain;
    const auto end_plain = [&] {
      if (!plain.empty()) out += gbnf_quote(std::exchange(plain, {})) + " ";
    };
    for (size_t at = 0; at < text.size();) {
      std::optional<TokenId> best;
      for (TokenId id : shown_) {
        const std::string_view piece = tokenizer_.piece(id);
        if (text.substr(at).starts_with(piece) && (!best || piece.size() > tokenizer_.piece(*best).size())) best = id;
      }
      if (best) {
        end_plain();
        out += fmt::format("<[{}]> ", *best);
        at += tokenizer_.piece(*best).size();
      } else {
        plain += text[at++];
      }
    }
    end_plain();
    return out;
  }

  // ---- thoughts

  std::string thoughts() {
    if (!reasoning_) return {};
    const auto token = tokenizer_.find(reasoning_->end);
    // Free text, up to the mark.
    const std::string inside = token ? fmt::format("!<[{0}]>* <[{0}]>", *token)
                                     : fmt::format("([^<\\[] | [<\\[] [^/])* {}", mark(reasoning_->end));
    rule("thought", inside + " gap \"\\n\"?");
    if (prompt_opens_reasoning(prompt_, *reasoning_)) return "thought ";
    return fmt::format("(\"\\n\"? {} thought)? ", mark(reasoning_->begin));
  }

  // ---- calls

  // All calls of an answer; `begun`: the prompt ends with the first call's mark.
  std::string answer(bool begun) {
    rule("gap", R"(| " " | "\n" " "{0,8})");
    const bool several = request_.parallel && format_.parallel;
    const auto more = [&](std::string_view separator, std::string_view item) {
      return several ? fmt::format("({} {}){{0,{}}}", separator, item, kMostCalls - 1) : std::string();
    };
    const std::string open = mark_then(format_.block_begin, "gap "), close = then_mark(" gap ", format_.block_end);
    if (format_.shape == ToolFormat::Shape::kNamed) {
      const std::string item = mark(format_.call_begin) + "call";
      return fmt::format("{}{} {}{}", open, begun ? "call" : item, more("gap", item), close);
    }
    if (format_.bare) return "call";
    if (format_.list) return fmt::format(R"({}"[" gap call {} gap "]"{})", open, more(R"("," gap)", "call"), close);
    rule("block", open + "call" + close);
    return "block " + more("gap", "block");
  }

  std::string mark_then(std::string_view text, std::string_view behind) const {
    return text.empty() ? std::string() : mark(text).append(behind);
  }
  std::string then_mark(std::string_view before, std::string_view text) const {
    return text.empty() ? std::string() : std::string(before) + mark(text);
  }

  // One call of a tool, without the marks that all tools' calls begin with.
  std::string call(size_t i, bool by_schema) {
    const std::string name = request_.tools[i]["function"]["name"];
    const std::string arguments = by_schema ? arguments_of(i) : any_object(i);
    if (format_.shape == ToolFormat::Shape::kNamed) {
      const std::string id = format_.id_mark.empty() ? "" : mark(format_.id_mark) + "[a-zA-Z0-9]{9} ";
      return fmt::format("{} {}{}gap {}{}", gbnf_quote(name), id, mark(format_.name_end), arguments,
                         then_mark(" gap ", format_.call_end));
    }
    const auto key = [](const std::string& text) { return Json(text).dump() + ": "; };
    return fmt::format("\"{{\" {} {} {} {} \"}}\"", format_.lead,
                       gbnf_quote(key(format_.name_key) + Json(name).dump() + ", " + key(format_.arguments_key)),
                       arguments, format_.tail);
  }

  // The name of the rule for a tool's arguments.
  std::string arguments_of(size_t i) {
    const Json& function = request_.tools[i]["function"];
    if (!function.contains("parameters") || function["parameters"].is_null()) return R"("{" gap "}")";
    Json schema = function["parameters"];
    if (!schema.contains("type")) schema["type"] = "object";
    return add(i, [&] { return gbnf_from_json_schema(schema); });
  }

  std::string any_object(size_t i) {
    return add(i, [] { return gbnf_from_json_schema({{"type", "object"}}); });
  }

  template <typename Make>
  std::string add(size_t i, Make make) {
    const std::string prefix = fmt::format("tool-{}-", i);
    try {
      out_ += renamed_rules(make(), prefix);
    } catch (const Error& error) {
      Error::Parts parts = error.parts();
      parts.where = fmt::format("tools[{}].function.parameters{}{}", i, parts.where.empty() ? "" : ": ", parts.where);
      throw Error(std::move(parts));
    }
    return prefix + "root";
  }

  const ToolFormat& format_;
  const ToolRequest& request_;
  const Tokenizer& tokenizer_;
  const std::optional<ReasoningMarks>& reasoning_;
  std::string_view prompt_;
  std::vector<TokenId> shown_;
  std::string out_;
};

}  // namespace

std::optional<std::string> tool_grammar(const ToolFormat& format, const ToolRequest& request,
                                        const Tokenizer& tokenizer, const std::optional<ReasoningMarks>& reasoning,
                                        std::string_view prompt) {
  ToolGrammar grammar(format, request, tokenizer, reasoning, prompt);
  if (request.choice == ToolRequest::Choice::kRequired) return grammar.forced();
  if (request.choice == ToolRequest::Choice::kAuto)
    for (size_t i = 0; i < request.tools.size(); ++i)
      if (grammar.is_strict(i)) return grammar.strict(i);
  return std::nullopt;
}

}  // namespace orrery::text
