// The checkpoints of llama2.c (karpathy/llama2.c, export.py): float32 weights behind a header of seven integers, and
// the tokenizer file that goes with them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/file.h"
#include "orrery/base/tensor_view.h"

namespace orrery::formats {

/// The header's fields under llama2.c's names.
struct Llama2cConfig {
  int32_t dim = 0, hidden_dim = 0, n_layers = 0, n_heads = 0, n_kv_heads = 0, vocab_size = 0, max_seq_len = 0;
  bool shared_classifier = true;  ///< output.weight is tok_embeddings.weight
};

/// A mapped model. Nothing is copied.
class Llama2cFile {
 public:
  /// Version 0 (no magic) or version 1 ("ak42"). Throws Error naming the file and the field: sizes that are not
  /// positive or do not divide each other, a file that is shorter or longer than they say, version 2 (int8).
  static Llama2cFile open(const std::filesystem::path& path);
  /// The same on bytes in memory (for tests and fuzzing); `bytes` must outlive the result.
  static Llama2cFile parse(std::span<const std::byte> bytes, const std::string& name);

  int version() const { return version_; }
  const Llama2cConfig& config() const { return config_; }
  /// One view per layer and matrix under Meta's names (layers.0.attention.wq.weight [n_heads * head_dim, dim]; rotary
  /// pairs are interleaved); version 0 has freqs_cos and freqs_sin [max_seq_len, head_dim / 2] too. output.weight only
  /// where it is not shared.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const;
  const MappedFile& file() const { return file_; }

 private:
  MappedFile file_;
  int version_ = 0;
  Llama2cConfig config_;
  std::vector<TensorView> tensors_;
};

/// llama2.c's tokenizer.bin: the pieces of a SentencePiece model in the order of their ids, and the scores by which
/// pairs are merged.
struct Llama2cTokenizer {
  MappedFile file;
  int32_t max_token_length = 0;
  std::vector<float> scores;
  std::vector<std::string_view> tokens;  ///< views into the file

  /// Throws Error naming the file and the token whose length lies.
  static Llama2cTokenizer open(const std::filesystem::path& path);
  static Llama2cTokenizer parse(std::span<const std::byte> bytes, const std::string& name);
};

}  // namespace orrery::formats
