#include "orrery/text/pictures/picture_prompt.h"

#include <fmt/format.h>

#include "orrery/base/error.h"
#include "orrery/text/pictures/fuyu_processor.h"
#include "orrery/text/pictures/fuyu_text.h"

namespace orrery::text {

void check_picture_count(const Checkpoint& checkpoint, size_t count) {
  if (checkpoint.spec().patches.size == 0)
    throw Error({.doing = "ask about a picture",
                 .where = checkpoint.path().string(),
                 .found = fmt::format("a model of the family {}, which sees none", checkpoint.spec().family),
                 .expected = "one that sees pictures: Fuyu"});
  if (count != 1)
    throw Error({.doing = "ask about pictures",
                 .found = fmt::format("{} of them", count),
                 .expected = "one: Fuyu was trained on one picture before each text"});
}

PicturePrompt picture_prompt(const Checkpoint& checkpoint, std::span<const formats::Image> pictures,
                             std::string_view text) {
  check_picture_count(checkpoint, pictures.size());
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
  const auto patches = std::make_shared<ImagePatches>();
  for (int64_t row = 0; row < grid.rows; ++row) {
    for (int64_t column = 0; column < grid.columns; ++column) {
      patches->positions.push_back(static_cast<int64_t>(result.prompt.size()));
      result.prompt.push_back(spec.image_token);
    }
    result.prompt.push_back(newline);
  }
  patches->values = std::move(grid.values);
  result.patches = patches;
  result.prompt.push_back(fuyu_token(tokenizer, "<s>"));
  const auto words = fuyu_text_tokens(tokenizer, text, grid.scale);
  result.prompt.insert(result.prompt.end(), words.begin(), words.end());
  result.prompt.push_back(fuyu_token(tokenizer, "<0x04>"));
  return result;
}

}  // namespace orrery::text
