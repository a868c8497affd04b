#include "orrery/serve/api/prompts.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/serve/api/generation.h"

namespace orrery::serve {

using nlohmann::ordered_json;

std::vector<ordered_json> read_prompts(Fields& fields, std::string_view name, size_t most) {
  const ordered_json* prompt = fields.any(name);
  if (prompt == nullptr) fields.refuse(name, "nothing", "a string, token ids, or a list of them");
  const auto is_ids = [](const ordered_json& list) {
    return list.is_array() && !list.empty() &&
           std::all_of(list.begin(), list.end(), [](const ordered_json& one) { return one.is_number_integer(); });
  };
  if (prompt->is_string() || is_ids(*prompt)) return {*prompt};
  if (!prompt->is_array() || prompt->empty() || prompt->size() > most)
    fields.refuse(name, "another form", fmt::format("a string, token ids, or a list of up to {} of them", most));
  for (const ordered_json& one : *prompt)
    if (!one.is_string() && !is_ids(one)) fields.refuse(name, "another form", "strings, or lists of token ids");
  return {prompt->begin(), prompt->end()};
}

std::vector<text::TokenId> tokens_of(const Model& model, const ordered_json& prompt, const std::string& param) {
  const text::Tokenizer& tokenizer = model.engine.checkpoint().tokenizer();
  std::vector<text::TokenId> tokens;
  if (prompt.is_string()) {
    tokens = tokenizer.encode(prompt.get_ref<const std::string&>());
  } else {
    for (const ordered_json& id : prompt) {
      if (id < 0 || id >= model.engine.spec().vocab_size)
        throw Refusal(400, param,
                      {.doing = "read the request",
                       .where = param,
                       .found = "token " + id.dump(),
                       .expected = fmt::format("0 to {}", model.engine.spec().vocab_size - 1)});
      tokens.push_back(id.get<text::TokenId>());
    }
  }
  if (tokens.empty() && tokenizer.bos) tokens.push_back(*tokenizer.bos);
  if (tokens.empty())
    throw Refusal(400, param,
                  {.doing = "read the request", .where = param, .found = "no token", .expected = "one at least"});
  check_fits(model, tokens.size(), param);
  return tokens;
}

}  // namespace orrery::serve
