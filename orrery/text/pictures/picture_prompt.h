// Questions about pictures, as the model that sees them was trained on them.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "orrery/formats/image.h"
#include "orrery/text/engine/engine.h"

namespace orrery::text {

/// What Request takes.
struct PicturePrompt {
  std::vector<TokenId> prompt;
  std::shared_ptr<const ImagePatches> patches;
};

/// A prompt of the pictures and a text about them. Fuyu's is its processor's (transformers, FuyuProcessor): for each
/// row of patches an image token per patch and |NEWLINE|, then <s>, the text, and <0x04>, after which it answers.
/// Throws Error for a model that sees no pictures, another number of pictures than it takes (Fuyu: one), a picture with
/// more patches than the context, and processor settings or a tokenizer that are not its own (fuyu_processor.h,
/// fuyu_text.h).
PicturePrompt picture_prompt(const Checkpoint& checkpoint, std::span<const formats::Image> pictures,
                             std::string_view text);

/// The Error of picture_prompt() for models that see no pictures, or not so many, before there are any.
void check_picture_count(const Checkpoint& checkpoint, size_t count);

}  // namespace orrery::text
