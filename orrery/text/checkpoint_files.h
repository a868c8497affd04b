// The kinds of checkpoint that Checkpoint::open tells apart; one file each.
#pragma once

#include <filesystem>
#include <memory>

#include "orrery/text/checkpoint.h"
#include "orrery/text/tokenizer/sentencepiece_vocab.h"

namespace orrery::text {

std::shared_ptr<const Checkpoint> open_gguf_checkpoint(const std::filesystem::path& file);
/// The folder, or one file in it: a config*.json, or the weights (a file of tensors or an index of shards).
std::shared_ptr<const Checkpoint> open_hub_checkpoint(const std::filesystem::path& folder_or_file);
std::shared_ptr<const Checkpoint> open_llama2_c_checkpoint(const std::filesystem::path& file);

/// Meta's layout: a folder with params.json and consolidated.00.pth, 01 … (or consolidated.safetensors) and no
/// config.json, or one of those files; or LLaMA-Adapter's base, whose config.json says "llama-adapter…" and whose
/// model.safetensors has Meta's names.
bool is_meta_checkpoint(const std::filesystem::path& folder_or_file);
/// Slices of several shards are joined in memory; what is whole in its shard is not copied. The tokenizer lies beside
/// the weights or one folder up.
std::shared_ptr<const Checkpoint> open_meta_checkpoint(const std::filesystem::path& folder_or_file);

/// The weights of RWKV under its authors' names: such a file (.pth, .safetensors, or rwkv.cpp's .bin), or the only file
/// of weights in a folder, with a config that says "rwkv…" or none. Empty when `folder_or_file` is no such thing.
std::filesystem::path find_rwkv_weights(const std::filesystem::path& folder_or_file);
/// The tokenizer lies beside the weights. `folder_or_file`: what the user asked for.
std::shared_ptr<const Checkpoint> open_rwkv_checkpoint(const std::filesystem::path& weights,
                                                       const std::filesystem::path& folder_or_file);

/// The tokenizer beside a llama2.c model: tok512.bin for a vocabulary of 512, as in karpathy's tinyllamas, else
/// tokenizer.bin; empty when neither is there.
std::filesystem::path find_llama2_c_tokenizer(const std::filesystem::path& model, int64_t vocab_size);

struct Llama2cPieces {
  std::vector<std::string> pieces;
  std::vector<float> scores;
  std::vector<PieceType> types;
};
/// The vocabulary as SentencePiece has it: llama2.c's tokenizer.py writes spaces for U+2581 and line breaks around the
/// markup. Throws Error when it is too small to be one of Llama 2's kind.
Llama2cPieces read_llama2_c_pieces(const std::filesystem::path& tokenizer);

}  // namespace orrery::text
