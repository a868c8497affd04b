// What a model has computed of a prompt, on disk.
//
// A prompt cache is a safetensors file. Its tensors: "tokens" i32 [n]; with attention these are whole pages of 64, and
// "page.0" … u8 [page bytes] are as KvCache has them in memory; "state" u8, what a recurrent model remembers of the
// tokens (Layers::saved_state_bytes(); 0 bytes with attention). Its metadata: "format" and "version"; one entry per
// field of a PromptFingerprint; "rotation", under which root the pages are remembered; "digest" of all tensors' bytes.
// The bytes are those of this machine's kernels and byte order: a cache is no interchange format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "orrery/formats/safetensors.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/engine/kv_cache.h"

namespace orrery::text {

/// What keys, values and states depend on beside the tokens, in words: the model (sizes, file bytes, a digest of some
/// weights); with attention also the cache's type, rotary embedding, windows.
using PromptFingerprint = std::vector<std::pair<std::string, std::string>>;
PromptFingerprint prompt_fingerprint(const Checkpoint& checkpoint, const DecoderSpec& spec,
                                     const kernels::KvFormat& format, bool exact);

/// A 64-bit digest of bytes after others; finds damage, not forgery.
uint64_t digest(std::span<const std::byte> bytes, uint64_t before = 0);

struct StoredPrompt {
  std::vector<TokenId> tokens;
  std::vector<std::span<const std::byte>> pages;
  std::span<const std::byte> state;
  uint64_t root = 0;
};

/// Bytes of what a model remembers.
struct PromptLayout {
  int64_t page_bytes = 0;                              ///< of 64 tokens; 0: the model is recurrent
  std::function<int64_t(int64_t tokens)> state_bytes;  ///< of a recurrent model, after one token or more
};

/// Wholly or not at all.
void write_prompt_cache(const std::filesystem::path& path, const PromptFingerprint& fingerprint,
                        const StoredPrompt& prompt);

/// What is in a file; pages and state lie in its memory. Throws Error naming the file and the field that is damaged, or
/// that is another than the fingerprint's, with both values.
StoredPrompt read_prompt_cache(const formats::SafetensorsFile& file, const std::string& name,
                               const PromptFingerprint& fingerprint, const PromptLayout& layout);

}  // namespace orrery::text
