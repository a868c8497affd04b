#include "orrery/formats/gguf.h"
#include "orrery/text/checkpoint_files.h"
#include "orrery/text/families/family.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/sampling/recommended.h"

namespace orrery::text {

namespace {

class GgufCheckpoint : public Checkpoint {
 public:
  explicit GgufCheckpoint(const std::filesystem::path& file) : gguf_(formats::GgufFile::open(file)) {
    path_ = file;
    format_ = "gguf";
    for (const MappedFile& part : gguf_.files()) file_bytes_ += int64_t(part.bytes().size());
    tensors_ = gguf_.tensors();
    const GgufConfig config(gguf_, file.string());
    const Family& family = family_of_gguf(config);
    spec_ = family.spec_from_gguf(config);
    sampling_ = recommended_by_gguf(gguf_);
    bind(family, &ExpectedTensor::gguf);
    const std::string vocabulary = gguf_.get_string("tokenizer.ggml.model").value_or("none");
    if (vocabulary != "none" && vocabulary != "no_vocab") tokenizer_ = Tokenizer::from_gguf(gguf_);
  }

  void release(const TensorView& view) const override {
    orrery::release(gguf_.files(), {view.data, size_t(view.bytes)});
  }

 private:
  formats::GgufFile gguf_;
};

}  // namespace

std::shared_ptr<const Checkpoint> open_gguf_checkpoint(const std::filesystem::path& file) {
  return std::make_shared<GgufCheckpoint>(file);
}

}  // namespace orrery::text
