// A language model on disk, whatever form people have it in.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/tensor_view.h"
#include "orrery/text/decoder_spec.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// Opens, never copies: tensors are views into mapped files. Immutable after open.
class Checkpoint {
 public:
  /// A .gguf file; a hub folder (config.json with *.safetensors or *.bin, sharded or not); a llama2.c .bin; or the short name of a
  /// model in the cache ("smollm2"). Throws Error naming the path and what was looked for; an architecture that is not known says
  /// which are.
  static std::shared_ptr<const Checkpoint> open(const std::string& model);
  virtual ~Checkpoint() = default;

  const std::filesystem::path& path() const { return path_; }
  const DecoderSpec& spec() const { return spec_; }
  /// Throws Error when the checkpoint has no tokenizer.
  const Tokenizer& tokenizer() const;
  bool has_tokenizer() const { return tokenizer_ != nullptr; }
  /// Every tensor under its own file's name.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  /// A tensor by the file's name; nullptr when absent.
  const TensorView* find(std::string_view name) const;
  /// "gguf", "safetensors", "torch", "llama2.c".
  const std::string& format() const { return format_; }
  int64_t file_bytes() const { return file_bytes_; }
  /// Hints that a view's pages will not be read again (after repacking).
  virtual void release(const TensorView&) const {}

 protected:
  std::filesystem::path path_;
  std::string format_;
  int64_t file_bytes_ = 0;
  DecoderSpec spec_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<TensorView> tensors_;
};

}  // namespace orrery::text
