// orrery template: a chat template, rendered as the model would get it.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/text/chat/template.h"
#include "orrery/text/checkpoint.h"

namespace orrery::cli {
namespace {

using nlohmann::ordered_json;

struct TemplateOptions {
  std::string source, messages;
  bool add_generation_prompt = false;
};

bool is_template_file(const std::string& path) {
  return path.ends_with(".jinja") || path.ends_with(".jinja2") || path.ends_with(".j2");
}

// The file's context: an object as it is, or the bare messages.
ordered_json read_context(const std::string& path) {
  ordered_json document = parse_json(read_text_or_standard_input(path), path);
  if (document.is_array()) document = {{"messages", std::move(document)}};
  if (!document.is_object())
    throw Error({.doing = "render a chat template",
                 .where = path,
                 .expected = "an object with \"messages\", or an array of messages"});
  return document;
}

// The template, and in the context what a model brings: its special tokens.
std::string find_template(const std::string& source, ordered_json& context) {
  if (is_template_file(source)) return read_text(source);
  const auto checkpoint = text::Checkpoint::open(source);
  const text::Tokenizer& tokenizer = checkpoint->tokenizer();
  if (tokenizer.chat_template.empty())
    throw Error({.doing = "render a chat template", .where = source, .found = "a model without one"});
  const auto fill = [&](const char* key, const std::optional<text::TokenId>& id) {
    if (id && !context.contains(key)) context[key] = tokenizer.piece(*id);
  };
  fill("bos_token", tokenizer.bos);
  fill("eos_token", tokenizer.eos);
  return tokenizer.chat_template;
}

void render(const TemplateOptions& options) {
  ordered_json context = read_context(options.messages);
  if (options.add_generation_prompt) context["add_generation_prompt"] = true;
  const std::string source = find_template(options.source, context);
  const std::string text = text::ChatTemplate(source).render(context);
  print(output_is_terminal() && !text.ends_with('\n') ? text + "\n" : text);
}

}  // namespace

void add_template(CLI::App& app) {
  CLI::App* command = app.add_subcommand("template", "Render a chat template");
  auto options = std::make_shared<TemplateOptions>();
  command->add_option("source", options->source, "A model, or a template file (.jinja)")
      ->required()
      ->option_text("MODEL|FILE.jinja");
  command
      ->add_option(
          "-m,--messages", options->messages,
          "JSON: {\"messages\": [{\"role\", \"content\"}, …], \"tools\", \"add_generation_prompt\", \"bos_token\", …}, "
          "or the bare array; - is standard input")
      ->required()
      ->option_text("FILE");
  command->add_flag("--add-generation-prompt", options->add_generation_prompt, "End where the answer begins");
  set_examples(*command,
               {{"orrery template smollm2 --messages chat.json --add-generation-prompt", "see what the model sees"},
                {"orrery template chat_template.jinja --messages chat.json", "try a template"}});
  command->callback([options] { render(*options); });
}

}  // namespace orrery::cli
