// A language model on disk, whatever form people have it in.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/tensor_view.h"
#include "orrery/text/decoder_spec.h"
#include "orrery/text/sampling/sampler.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

struct ExpectedTensor;
struct Family;

/// Opens, never copies: tensors are views into mapped files. Immutable after open.
class Checkpoint {
 public:
  /// A .gguf file; a hub folder (config.json with *.safetensors or *.bin, sharded or not) or one file of it, which then
  /// is the config or the weights to use (config.v5.json, pytorch_model.bin.index.json); Meta's folder (params.json
  /// with consolidated.*.pth) or one file of it; RWKV's .pth or .safetensors, or rwkv.cpp's .bin, or a folder of one; a
  /// llama2.c .bin; or the short name of a model in the cache
  /// ("smollm2"). Throws Error naming the path and what was looked for; an architecture that is not known says which
  /// are; missing tensors, wrong shapes and tensors that the family has no use for are named one by one.
  static std::shared_ptr<const Checkpoint> open(const std::string& model);
  virtual ~Checkpoint() = default;

  const std::filesystem::path& path() const { return path_; }
  const DecoderSpec& spec() const { return spec_; }
  /// Throws Error when the checkpoint has no tokenizer.
  const Tokenizer& tokenizer() const;
  bool has_tokenizer() const { return tokenizer_ != nullptr; }
  /// What the model's authors recommend to sample with (GGUF's general.sampling.*, generation_config.json); the
  /// defaults where the files say nothing.
  const SamplingOptions& sampling() const { return sampling_; }
  /// A tensor by its canonical name, which is the hub's, whatever the file calls it: "model.embed_tokens.weight",
  /// "model.layers.0.self_attn.q_proj.weight", "model.norm.weight", "lm_head.weight" (nullptr with tied embeddings);
  /// nullptr when the family has none. Those that spec() implies are there, with the shapes it implies; whether q and k
  /// rows are permuted is spec().rope.layout.
  const TensorView* tensor(std::string_view canonical_name) const;
  /// Every tensor under its own file's name.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  /// A tensor by the file's name; nullptr when absent.
  const TensorView* find(std::string_view name) const;
  /// "gguf", "safetensors", "torch", "rwkv.cpp", "llama2.c".
  const std::string& format() const { return format_; }
  int64_t file_bytes() const { return file_bytes_; }
  /// Hints that a view's pages will not be read again (after repacking).
  virtual void release(const TensorView&) const {}

 protected:
  /// Fills canonical_ from spec_ and tensors_, whose names are the expected tensors' `name` (one of its members), and
  /// counts the spec's parameters. Throws the Error that open() promises.
  void bind(const Family& family, std::string ExpectedTensor::*name);
  /// Replaces fused tensors by views of their parts.
  void split(const Family& family);

  std::filesystem::path path_;
  std::string format_;
  int64_t file_bytes_ = 0;
  DecoderSpec spec_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  SamplingOptions sampling_;
  std::vector<TensorView> tensors_;
  std::map<std::string, size_t, std::less<>> canonical_;  ///< canonical name -> index in tensors_
};

}  // namespace orrery::text
