#include "orrery/text/pictures/picture_prompt.h"

#include <fmt/format.h>

#include "orrery/base/error.h"
#include "orrery/text/pictures/fuyu_processor.h"
#include "orrery/text/pictures/fuyu_text.h"

namespace orrery::text {

void check_sees_pictures(const Checkpoint& checkpoint) {
  if (checkpoint.spec().patches.size > 0) return;
  throw Error({.doing = "ask about a picture",
               .where = checkpoint.path().string(),
               .found = fmt::format("a model of the family {}, which sees none", checkpoint.spec().family),
               .expected = "one that sees pictures: Fuyu"});
}

PicturePrompt picture_prompt(const Checkpoint& checkpoint, std::span<const formats::Image> pictures,
                             std::string_view text) {
  check_sees_pictures(checkpoint);
  if (pictures.size() != 1)
    throw Error({.doing = "ask about pictures",
                 .found = fmt::format("{} of them", pictures.size()),
                 .expected = "one: Fuyu was trained on one picture before each text"});
  const std::filesystem::path& path = checkpoint.path();
  const PatchSpec& spec = checkpoint.spec().patches;
  if (spec.channels != 3)
    throw Error({.doing = "ask about a picture",
                 .where = path.string(),
                 .found = fmt::format("patches of {} channels", spec.channels),
                 .expected = "3: red, green, blue"});
  const auto config =
      FuyuProcessorConfig::open(std::filesystem::is_directory(path) ? path : path.parent_path(), spec.size);
  PatchGrid grid = fuyu_patches(pictures.front(), config, checkpoint.spec().context_length);

  const Tokenizer& tokenizer = checkpoint.tokenizer();
  const TokenId newline = fuyu_token(tokenizer, "|NEWLINE|");
  PicturePrompt result;
  for (int64_t row = 0; row < grid.rows; ++row) {
    for (int64_t column = 0; column < grid.columns; ++column) {
      result.patches.positions.push_back(static_cast<int64_t>(result.prompt.size()));
      result.prompt.push_back(spec.image_token);
    }
    result.prompt.push_back(newline);
  }
  result.patches.values = std::move(grid.values);
  result.prompt.push_back(fuyu_token(tokenizer, "<s>"));
  const auto words = fuyu_text_tokens(tokenizer, text, grid.scale);
  result.prompt.insert(result.prompt.end(), words.begin(), words.end());
  result.prompt.push_back(fuyu_token(tokenizer, "<0x04>"));
  return result;
}

}  // namespace orrery::text
