// karpathy/llama2.c's models: LLaMA with llama2.c's constants, in Meta's layout.
#include "orrery/formats/llama2_c.h"

#include "orrery/text/checkpoint_files.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;

DecoderSpec spec_of(const formats::Llama2cConfig& config) {
  DecoderSpec spec;
  spec.family = "llama";
  spec.vocab_size = config.vocab_size;
  spec.hidden_size = config.dim;
  spec.intermediate_size = config.hidden_dim;
  spec.layers = config.n_layers;
  spec.heads = config.n_heads;
  spec.kv_heads = config.n_kv_heads;
  spec.head_dim = config.dim / config.n_heads;
  spec.context_length = config.max_seq_len;
  spec.norm_eps = 1e-5;  // run.c: rmsnorm
  spec.tied_embeddings = config.shared_classifier;
  spec.rope.dim = spec.head_dim;
  spec.rope.theta = 10000.0;  // run.c: forward
  spec.rope.layout = RopeLayout::kInterleaved;
  return spec;
}

/// tok512.bin for a vocabulary of 512, as in karpathy's tinyllamas, else tokenizer.bin; empty when neither is there.
fs::path find_tokenizer(const fs::path& model, int64_t vocab_size) {
  for (const std::string& name : {"tok" + std::to_string(vocab_size) + ".bin", std::string("tokenizer.bin")})
    if (const fs::path file = model.parent_path() / name; fs::exists(file)) return file;
  return {};
}

class Llama2cCheckpoint : public Checkpoint {
 public:
  explicit Llama2cCheckpoint(const fs::path& file) : weights_(formats::Llama2cFile::open(file)) {
    path_ = file;
    format_ = "llama2.c";
    file_bytes_ = int64_t(weights_.file().bytes().size());
    tensors_ = weights_.tensors();
    spec_ = spec_of(weights_.config());
    bind(family_named("llama"), &ExpectedTensor::meta);
    if (const fs::path tokenizer = find_tokenizer(file, spec_.vocab_size); !tokenizer.empty())
      tokenizer_ = Tokenizer::open(tokenizer);
  }

  void release(const TensorView& view) const override { weights_.file().release({view.data, size_t(view.bytes)}); }

 private:
  formats::Llama2cFile weights_;
};

}  // namespace

std::shared_ptr<const Checkpoint> open_llama2_c_checkpoint(const fs::path& file) {
  return std::make_shared<Llama2cCheckpoint>(file);
}

}  // namespace orrery::text
