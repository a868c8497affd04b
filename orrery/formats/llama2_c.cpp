#include "orrery/formats/llama2_c.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/formats/bytes.h"

namespace orrery::formats {
namespace {

constexpr uint32_t kMagic = 0x616b3432;  // "ak42"
constexpr uint64_t kVersion1HeaderBytes = 256;
constexpr int32_t kMaxLayers = 4096;
constexpr size_t kMaxTokens = 1 << 20;

/// The order of a file's tensors; "{}" runs over the layers.
struct Described {
  const char* name;
  std::vector<int64_t> shape;
};

std::vector<Described> layout(int version, const Llama2cConfig& c) {
  const int64_t head_dim = c.dim / c.n_heads, kv_dim = head_dim * c.n_kv_heads;
  const Described embedding = {"tok_embeddings.weight", {c.vocab_size, c.dim}}, norm = {"norm.weight", {c.dim}},
                  attention_norm = {"layers.{}.attention_norm.weight", {c.dim}},
                  ffn_norm = {"layers.{}.ffn_norm.weight", {c.dim}},
                  wq = {"layers.{}.attention.wq.weight", {c.dim, c.dim}},
                  wk = {"layers.{}.attention.wk.weight", {kv_dim, c.dim}},
                  wv = {"layers.{}.attention.wv.weight", {kv_dim, c.dim}},
                  wo = {"layers.{}.attention.wo.weight", {c.dim, c.dim}},
                  w1 = {"layers.{}.feed_forward.w1.weight", {c.hidden_dim, c.dim}},
                  w2 = {"layers.{}.feed_forward.w2.weight", {c.dim, c.hidden_dim}},
                  w3 = {"layers.{}.feed_forward.w3.weight", {c.hidden_dim, c.dim}},
                  cos = {"freqs_cos", {c.max_seq_len, head_dim / 2}},
                  sin = {"freqs_sin", {c.max_seq_len, head_dim / 2}};
  std::vector<Described> all;
  if (version == 0) {
    all = {embedding, attention_norm, wq, wk, wv, wo, ffn_norm, w1, w2, w3, norm, cos, sin};
  } else {
    all = {attention_norm, ffn_norm, norm, embedding, wq, wk, wv, wo, w1, w2, w3};
  }
  if (!c.shared_classifier) all.push_back({"output.weight", {c.vocab_size, c.dim}});
  return all;
}

bool per_layer(const Described& tensor) { return std::string_view(tensor.name).starts_with("layers."); }

int read_version(ByteReader& reader) {
  if (reader.read<uint32_t>("header") != kMagic) {
    reader.seek(0, "header");
    return 0;
  }
  const auto version = reader.read<int32_t>("version");
  if (version != 1) {
    reader.fail("version", std::to_string(version), "version 0 or 1 (float32)",
                "export the model again with --version 1");
  }
  return version;
}

Llama2cConfig read_config(ByteReader& reader, int version) {
  Llama2cConfig config;
  for (int32_t* field : {&config.dim, &config.hidden_dim, &config.n_layers, &config.n_heads, &config.n_kv_heads,
                         &config.vocab_size, &config.max_seq_len}) {
    *field = reader.read<int32_t>("header");
  }
  if (version == 0) {  // a negative vocabulary says that the classifier has weights of its own
    config.shared_classifier = config.vocab_size > 0;
    if (config.vocab_size < 0 && config.vocab_size != INT32_MIN) config.vocab_size = -config.vocab_size;
  } else {
    config.shared_classifier = reader.read<uint8_t>("header") != 0;
    reader.seek(kVersion1HeaderBytes, "header");
  }
  const auto check = [&](const char* field, int32_t value, bool good, const char* expected) {
    if (!good) reader.fail(field, std::to_string(value), expected, "is it really a llama2.c checkpoint?");
  };
  check("dim", config.dim, config.dim > 0, "a positive number");
  check("hidden_dim", config.hidden_dim, config.hidden_dim > 0, "a positive number");
  check("n_layers", config.n_layers, config.n_layers > 0 && config.n_layers <= kMaxLayers, "1 to 4096");
  check("n_heads", config.n_heads,
        config.n_heads > 0 && config.dim % config.n_heads == 0 && config.dim / config.n_heads % 2 == 0,
        "a divisor of dim that leaves an even head");
  check("n_kv_heads", config.n_kv_heads, config.n_kv_heads > 0 && config.n_heads % config.n_kv_heads == 0,
        "a divisor of n_heads");
  check("vocab_size", config.vocab_size, config.vocab_size > 0, "a number other than 0");
  check("max_seq_len", config.max_seq_len, config.max_seq_len > 0, "a positive number");
  return config;
}

}  // namespace

Llama2cFile Llama2cFile::parse(std::span<const std::byte> bytes, const std::string& name) {
  ByteReader reader(bytes, "read a llama2.c checkpoint", name);
  Llama2cFile file;
  file.version_ = read_version(reader);
  file.config_ = read_config(reader, file.version_);
  for (const Described& described : layout(file.version_, file.config_)) {
    const bool layers = per_layer(described);
    // Two extents below 2^31 and four bytes stay below 2^64.
    uint64_t size = sizeof(float);
    for (const int64_t extent : described.shape) size *= static_cast<uint64_t>(extent);
    for (int32_t layer = 0; layer < (layers ? file.config_.n_layers : 1); ++layer) {
      TensorView tensor{.name = layers ? fmt::format(fmt::runtime(described.name), layer) : described.name,
                        .dtype = DType::kF32,
                        .shape = described.shape,
                        .bytes = static_cast<int64_t>(size)};
      tensor.data = reader.take(size, tensor.name).data();
      file.tensors_.push_back(std::move(tensor));
    }
  }
  if (reader.remaining() > 0) {
    reader.fail("end", fmt::format("{} bytes more", reader.remaining()), fmt::format("{} in all", reader.position()),
                "is it really a llama2.c checkpoint?");
  }
  return file;
}

Llama2cFile Llama2cFile::open(const std::filesystem::path& path) {
  MappedFile mapped = MappedFile::open(path);
  Llama2cFile file = parse(mapped.bytes(), path.string());
  file.file_ = std::move(mapped);
  return file;
}

const TensorView* Llama2cFile::find(std::string_view name) const {
  const auto found =
      std::find_if(tensors_.begin(), tensors_.end(), [&](const TensorView& t) { return t.name == name; });
  return found == tensors_.end() ? nullptr : &*found;
}

Llama2cTokenizer Llama2cTokenizer::parse(std::span<const std::byte> bytes, const std::string& name) {
  ByteReader reader(bytes, "read a llama2.c tokenizer", name);
  Llama2cTokenizer tokenizer;
  tokenizer.max_token_length = reader.read<int32_t>("max_token_length");
  while (reader.remaining() > 0) {
    const std::string field = fmt::format("token {}", tokenizer.tokens.size());
    if (tokenizer.tokens.size() == kMaxTokens)
      reader.fail(field, "one more token", fmt::format("at most {}", kMaxTokens));
    tokenizer.scores.push_back(reader.read<float>(field));
    const auto size = reader.read<int32_t>(field);
    if (size < 0 || size > tokenizer.max_token_length) {
      reader.fail(field, fmt::format("{} bytes", size), fmt::format("0 to {}", tokenizer.max_token_length));
    }
    tokenizer.tokens.push_back(reader.take_text(static_cast<uint64_t>(size), field));
  }
  if (tokenizer.tokens.empty()) reader.fail("tokens", "none", "one for each id");
  return tokenizer;
}

Llama2cTokenizer Llama2cTokenizer::open(const std::filesystem::path& path) {
  MappedFile mapped = MappedFile::open(path);
  Llama2cTokenizer tokenizer = parse(mapped.bytes(), path.string());
  tokenizer.file = std::move(mapped);
  return tokenizer;
}

}  // namespace orrery::formats
