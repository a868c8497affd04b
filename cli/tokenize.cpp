// orrery tokenize: text to token ids and back.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "orrery/base/error.h"
#include "orrery/text/checkpoint.h"

namespace orrery::cli {
namespace {

struct TokenizeOptions {
  std::string model, text;
  bool has_text = false, ids = false, raw = false, decode = false, json = false;
};

std::vector<text::TokenId> parse_ids(const std::string& text, const text::Tokenizer& tokenizer) {
  std::vector<text::TokenId> ids;
  const char *at = text.data(), *end = at + text.size();
  while (at != end) {
    if (std::isspace(static_cast<unsigned char>(*at)) || *at == ',' || *at == '[' || *at == ']') {
      ++at;
      continue;
    }
    text::TokenId id = -1;
    const auto [rest, problem] = std::from_chars(at, end, id);
    if (problem != std::errc{} || id < 0 || id >= tokenizer.size())
      throw Error(
          {.doing = "decode token ids",
           .found = std::string(at, std::find_if(at, end, [](unsigned char c) { return std::isspace(c) || c == ','; })),
           .expected = fmt::format("numbers from 0 to {}", tokenizer.size() - 1)});
    ids.push_back(id);
    at = rest;
  }
  return ids;
}

// The bytes of a token, as they can be shown: quoted, control characters and half characters escaped.
std::string shown(std::string_view bytes) {
  nlohmann::ordered_json text = std::string(bytes);
  try {
    return text.dump();
  } catch (const nlohmann::json::exception&) {  // half a character
    std::string escaped = "\"";
    for (unsigned char byte : bytes) escaped += fmt::format("\\x{:02x}", byte);
    return escaped + '"';
  }
}

void print_tokens(const TokenizeOptions& options, const text::Tokenizer& tokenizer,
                  const std::vector<text::TokenId>& ids) {
  if (options.json) {
    nlohmann::ordered_json pieces = nlohmann::ordered_json::array();
    for (text::TokenId id : ids) pieces.push_back(tokenizer.piece(id));
    return print_json({{"count", ids.size()}, {"ids", ids}, {"pieces", pieces}});
  }
  if (options.ids) return print(fmt::format("{}\n", fmt::join(ids, " ")));
  std::string table;
  for (text::TokenId id : ids)
    table +=
        fmt::format("{:>8}  {}{}\n", id, shown(tokenizer.bytes(id, true)), tokenizer.is_special(id) ? "  special" : "");
  print(table + fmt::format("{} tokens\n", ids.size()));
}

void tokenize(const TokenizeOptions& options) {
  const auto checkpoint = text::Checkpoint::open(options.model);
  const text::Tokenizer& tokenizer = checkpoint->tokenizer();
  const std::string text = options.has_text && options.text != "-" ? options.text : read_standard_input();
  if (options.decode) return print(tokenizer.decode(parse_ids(text, tokenizer), !options.raw) + "\n");
  print_tokens(options, tokenizer,
               tokenizer.encode(text, {.add_special = !options.raw, .parse_special = !options.raw}));
}

}  // namespace

void add_tokenize(CLI::App& app) {
  CLI::App* command = app.add_subcommand("tokenize", "Cut a text into a model's tokens");
  auto options = std::make_shared<TokenizeOptions>();
  add_model_argument(*command, options->model);
  CLI::Option* text =
      command->add_option("text", options->text, "The text; - or nothing reads standard input")->option_text("[TEXT]");
  command->add_flag("--ids", options->ids, "Print the ids alone, on one line");
  command->add_flag("--raw", options->raw,
                    "Add no special tokens, and read text that looks like one as plain text; with --decode, leave "
                    "special tokens out");
  command->add_flag("--decode", options->decode, "The other way: TEXT is ids, print what they say");
  command->add_flag("--json", options->json, "Print ids and pieces as JSON");
  set_examples(*command, {{"orrery tokenize smollm2 \"Hello, world\"", "see the pieces"},
                          {"orrery tokenize smollm2 --ids --raw - < text.txt", "ids of a file, for a script"},
                          {"orrery tokenize smollm2 --decode \"19556 28 905\"", "back to text"}});
  command->callback([options, text] {
    options->has_text = text->count() > 0;
    tokenize(*options);
  });
}

}  // namespace orrery::cli
