#include "orrery/serve/api/chat_work.h"

#include <random>

#include "orrery/text/chat/tools/tool_grammar.h"

namespace orrery::serve {
namespace {

// A grammar for the answer's form, or for its calls of tools.
std::shared_ptr<const text::Grammar> grammar_of(const ChatRequest& chat, Model& model, const std::string& prompt) {
  const text::Tokenizer& tokenizer = model.engine.checkpoint().tokenizer();
  std::optional<std::string> calls;
  try {
    calls = text::tool_grammar(model.tool_format, chat.tools, tokenizer, model.reasoning, prompt);
  } catch (const Error& error) {
    throw Refusal(400, error.parts().where, error.parts(), "invalid_schema");
  }
  if (!calls) return chat.form.grammar(model);
  if (!chat.form.free())
    throw Refusal(400, chat.form.field,
                  {.doing = "read the request",
                   .where = chat.form.field,
                   .found = "it beside tools that must be called",
                   .expected = "one of them"});
  return std::make_shared<text::Grammar>(text::Grammar::from_gbnf(*calls, model.trie()));
}

}  // namespace

ChatWork chat_work(const ChatRequest& chat, Model& model, const Exchange& exchange) {
  const ChatPrompt prompt = chat_prompt(model, chat, [&] { return exchange.gone(); });
  const bool tools = chat.tools.choice != text::ToolRequest::Choice::kNone;
  text::Request request = chat.generation->request(model);
  request.prompt = prompt.tokens;
  request.patches = prompt.patches;
  request.grammar = grammar_of(chat, model, prompt.text);
  request.top_logprobs = chat.top_logprobs;
  request.cache_prompt = true;
  std::vector<std::string> marks;
  if (model.reasoning) marks = {model.reasoning->begin, model.reasoning->end};
  request.shown_tokens =
      text::shown_tokens(tools ? model.tool_format : text::ToolFormat{}, model.engine.checkpoint().tokenizer(), marks);
  ChatWork work{.options = {.model = model.name,
                            .include_usage = chat.generation->include_usage,
                            .logprobs = chat.top_logprobs >= 0}};
  work.requests = seeded(request, chat.generation->n);
  std::random_device random;
  for (int i = 0; i < chat.generation->n; ++i)
    work.options.parsers.emplace_back(
        model.tool_format, model.reasoning,
        text::ToolCallParser::Options{
            .tools = tools, .single = !chat.tools.parallel, .names = chat.tools.names(), .seed = random()},
        prompt.text);
  return work;
}

void prepare_chat(const std::shared_ptr<Exchange>& exchange, Service& service, ErrorForm form, const std::string& model,
                  const ChatRequest& chat, std::function<void(const std::shared_ptr<Model>&)> answer) {
  const bool long_work = !chat.attachments.empty();
  service.prepare_with(exchange, form, model,
                       [=, &service, answer = std::move(answer)](const std::shared_ptr<Model>& open) {
                         if (!long_work) return answer(open);
                         service.read_files(exchange, form, [answer, open] { answer(open); });
                       });
}

}  // namespace orrery::serve
