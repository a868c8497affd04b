// karpathy/llama2.c's models: LLaMA with llama2.c's constants, in Meta's layout.
#include "orrery/formats/llama2_c.h"

#include <fmt/format.h>

#include "orrery/base/error.h"
#include "orrery/text/checkpoint_files.h"
#include "orrery/text/families/family.h"
#include "orrery/text/tokenizer/sentencepiece_build.h"
#include "orrery/text/tokenizer/special_names.h"

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

constexpr TokenId kUnk = 0, kBos = 1, kEos = 2, kFirstByte = 3, kFirstPiece = 259;  // Llama 2's vocabulary begins so

PieceType type_of(TokenId id) {
  if (id == kUnk) return PieceType::kUnknown;
  if (id < kFirstByte) return PieceType::kControl;
  return id < kFirstPiece ? PieceType::kByte : PieceType::kNormal;
}

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& path) {
  const Llama2cPieces vocabulary = read_llama2_c_pieces(path);
  SentencePieceParts sp;
  sp.algorithm = SentencePieceParts::Algorithm::kBpe;
  sp.pieces.assign(vocabulary.pieces.begin(), vocabulary.pieces.end());
  sp.scores = vocabulary.scores;
  sp.types = vocabulary.types;
  sp.byte_fallback = true;
  sp.remove_extra_whitespaces = false;
  PipelineTokenizer::Parts parts = build_sentencepiece(std::move(sp), path.string());
  parts.special.assign(vocabulary.pieces.size(), false);
  for (TokenId id : {kUnk, kBos, kEos}) {
    parts.special[id] = true;
    parts.raw_added.add({.content = vocabulary.pieces[id], .id = id, .special = true});
  }
  parts.prefix = {kBos};
  auto tokenizer = std::make_unique<PipelineTokenizer>(std::move(parts));
  tokenizer->unk = kUnk;
  tokenizer->bos = kBos;
  tokenizer->eos = kEos;
  tokenizer->add_bos = true;
  tokenizer->leading_space = Tokenizer::LeadingSpace::kDropOne;
  // run.c: generate() stops where another story begins.
  find_end_of_generation(*tokenizer, std::vector<TokenId>{kBos});
  return tokenizer;
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
    if (const fs::path tokenizer = find_llama2_c_tokenizer(file, spec_.vocab_size); !tokenizer.empty())
      tokenizer_ = load_tokenizer(tokenizer);
  }

  void release(const TensorView& view) const override { weights_.file().release({view.data, size_t(view.bytes)}); }

 private:
  formats::Llama2cFile weights_;
};

}  // namespace

fs::path find_llama2_c_tokenizer(const fs::path& model, int64_t vocab_size) {
  for (const std::string& name : {"tok" + std::to_string(vocab_size) + ".bin", std::string("tokenizer.bin")})
    if (const fs::path file = model.parent_path() / name; fs::exists(file)) return file;
  return {};
}

Llama2cPieces read_llama2_c_pieces(const fs::path& path) {
  const formats::Llama2cTokenizer file = formats::Llama2cTokenizer::open(path);
  if (file.tokens.size() <= size_t(kFirstPiece))
    throw Error({.doing = "read a llama2.c tokenizer",
                 .where = path.string(),
                 .found = fmt::format("{} tokens", file.tokens.size()),
                 .expected = fmt::format("more than the {} of markup and bytes", kFirstPiece)});
  Llama2cPieces result;
  result.scores = file.scores;
  for (size_t id = 0; id < file.tokens.size(); ++id) {
    std::string& piece = result.pieces.emplace_back();
    for (char c : file.tokens[id]) c == ' ' ? piece += "\u2581" : piece += c;
    result.types.push_back(type_of(TokenId(id)));
  }
  result.pieces[kBos] = "<s>";
  result.pieces[kEos] = "</s>";
  return result;
}

std::shared_ptr<const Checkpoint> open_llama2_c_checkpoint(const fs::path& file) {
  return std::make_shared<Llama2cCheckpoint>(file);
}

}  // namespace orrery::text
