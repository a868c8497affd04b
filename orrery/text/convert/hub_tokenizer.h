// A checkpoint's tokenizer as a hub folder has one.
#pragma once

#include <filesystem>

#include "orrery/text/checkpoint.h"

namespace orrery::text {

/// Writes into `folder`: of a GGUF file tokenizer.json (byte-level BPE), tokenizer.model (SentencePiece BPE) or
/// rwkv_vocab_v20230424.txt, and tokenizer_config.json with the chat template; of a folder the files that make its
/// tokenizer and its processor of pictures, copied; nothing for a checkpoint without one. Throws Error for a GGUF
/// vocabulary of another kind.
void write_hub_tokenizer(const Checkpoint& checkpoint, const std::filesystem::path& folder);

}  // namespace orrery::text
