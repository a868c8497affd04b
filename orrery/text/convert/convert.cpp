#include "orrery/text/convert/convert.h"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/checkpoint_files.h"
#include "orrery/text/convert/gguf_metadata.h"
#include "orrery/text/convert/mixture.h"
#include "orrery/text/convert/retype.h"
#include "orrery/text/convert/vocabulary.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;
using formats::GgufMetadata;
using formats::GgufValue;

/// One tensor of the output and where it comes from.
struct Plan {
  TensorView target;
  const TensorView* source;
  Retyper::RowOrder order;
};

/// Half-split rotary pairs (i, i + dim/2) become neighbours (2i, 2i + 1), head by head.
Retyper::RowOrder interleaving_order(const RopeSpec& rope, int64_t head_dim) {
  return [dim = rope.dim, head_dim](int64_t row) {
    const int64_t head = row / head_dim * head_dim, i = row % head_dim;
    return i < dim ? head + i / 2 + i % 2 * (dim / 2) : row;
  };
}

bool is_rotated(const std::string& canonical) {
  return canonical.find("self_attn.q_proj.") != std::string::npos ||
         canonical.find("self_attn.k_proj.") != std::string::npos;
}

std::vector<Plan> plan_tensors(const Checkpoint& checkpoint, const Family& family, const Mixture& mixture) {
  const DecoderSpec& spec = checkpoint.spec();
  const MixtureModel model{spec.layers, spec.heads / spec.kv_heads, !spec.tied_embeddings};
  std::vector<Plan> plans;
  for (const ExpectedTensor& expected : expected_tensors(family, spec)) {
    const TensorView& source = *checkpoint.tensor(expected.canonical);
    TensorView target{.name = expected.gguf, .dtype = source.dtype, .shape = source.shape};
    target.dtype = source.shape.size() < 2 ? DType::kF32 : mixed_type(mixture, model, target).type;
    target.bytes = bytes_of(target.dtype, target.elements());
    Retyper::RowOrder order;
    if (is_rotated(expected.canonical) && spec.rope.layout == RopeLayout::kHalf)
      order = interleaving_order(spec.rope, spec.head_dim);
    plans.push_back({std::move(target), &source, std::move(order)});
  }
  return plans;
}

void add_special_tokens(const Tokenizer& tokenizer, GgufMetadata& metadata) {
  const std::pair<const char*, std::optional<TokenId>> ids[] = {
      {"bos", tokenizer.bos}, {"eos", tokenizer.eos}, {"unknown", tokenizer.unk}, {"padding", tokenizer.pad}};
  for (const auto& [name, id] : ids)
    if (id) metadata[fmt::format("tokenizer.ggml.{}_token_id", name)] = GgufValue::u32(uint32_t(*id));
  metadata["tokenizer.ggml.add_bos_token"] = GgufValue::boolean(tokenizer.add_bos);
  metadata["tokenizer.ggml.add_eos_token"] = GgufValue::boolean(tokenizer.add_eos);
  if (!tokenizer.chat_template.empty())
    metadata["tokenizer.chat_template"] = GgufValue::string(tokenizer.chat_template);
}

fs::path folder_of(const Checkpoint& checkpoint) {
  const fs::path& path = checkpoint.path();
  return fs::is_directory(path) ? path : path.parent_path();
}

GgufMetadata describe(const Checkpoint& checkpoint, const Family& family, const Mixture& mixture,
                      const ConvertOptions& options) {
  GgufMetadata metadata;
  const std::string architecture(family.gguf_architectures.front());
  const fs::path folder = fs::absolute(folder_of(checkpoint)).lexically_normal();
  const std::string name = (folder.has_filename() ? folder : folder.parent_path()).filename().string();
  metadata["general.architecture"] = GgufValue::string(architecture);
  metadata["general.type"] = GgufValue::string("model");
  metadata["general.name"] = GgufValue::string(options.name.empty() ? name : options.name);
  metadata["general.file_type"] = GgufValue::u32(uint32_t(mixture.file_type));
  metadata["general.quantization_version"] = GgufValue::u32(2);
  add_spec(checkpoint.spec(), architecture, metadata);
  return metadata;
}

}  // namespace

QuantizeSummary convert_to_gguf(const std::string& model, const fs::path& output, const ConvertOptions& options) {
  const Mixture& mixture = mixture_named(options.type);
  const auto checkpoint = Checkpoint::open(model);
  if (checkpoint->format() == "gguf")
    throw Error({.doing = "convert a model to GGUF",
                 .where = model,
                 .found = "a GGUF file",
                 .expected = "a hub folder",
                 .advice = "use quantize to change the types of a GGUF file"});
  const Family& family = family_named(checkpoint->spec().family);
  if (family.gguf_architectures.empty())
    throw Error({.doing = "convert a model to GGUF",
                 .where = model,
                 .found = fmt::format("a {} model", family.name),
                 .expected = "one of a family that GGUF has an architecture for"});
  std::vector<Plan> plans = plan_tensors(*checkpoint, family, mixture);

  const std::vector<float> divisors = rope_divisors(checkpoint->spec().rope);
  const TensorView rope_freqs{.name = "rope_freqs.weight",
                              .dtype = DType::kF32,
                              .shape = {int64_t(divisors.size())},
                              .data = reinterpret_cast<const std::byte*>(divisors.data()),
                              .bytes = int64_t(divisors.size() * sizeof(float))};
  if (!divisors.empty()) plans.push_back({rope_freqs, &rope_freqs, {}});

  GgufMetadata metadata = describe(*checkpoint, family, mixture, options);
  Vocabulary vocabulary;
  if (checkpoint->has_tokenizer()) {
    const int64_t size = checkpoint->spec().vocab_size;
    vocabulary = checkpoint->format() == "llama2.c"
                     ? read_llama2_c_vocabulary(find_llama2_c_tokenizer(checkpoint->path(), size), size)
                     : read_vocabulary(folder_of(*checkpoint), size);
    add_vocabulary(vocabulary, metadata);
    add_special_tokens(checkpoint->tokenizer(), metadata);
  }

  QuantizeSummary summary;
  std::vector<TensorView> targets;
  std::map<std::string, const Plan*, std::less<>> plan_of;
  for (const Plan& plan : plans) {
    targets.push_back(plan.target);
    plan_of[plan.target.name] = &plan;
    summary.tensors[plan.target.dtype] += 1;
    summary.input_bytes += plan.source->bytes;
    summary.output_bytes += plan.target.bytes;
  }
  Retyper retyper(options.threads);
  int64_t done = 0;
  formats::write_gguf(output, metadata, targets, [&](const TensorView& target) {
    const Plan& plan = *plan_of.at(target.name);
    if (options.progress) options.progress(done, summary.input_bytes);
    done += plan.source->bytes;
    const auto bytes = retyper.run(*plan.source, target.dtype, plan.order);
    if (bytes.data() != plan.source->data) checkpoint->release(*plan.source);
    return bytes;
  });
  if (options.progress) options.progress(done, summary.input_bytes);
  return summary;
}

}  // namespace orrery::text
