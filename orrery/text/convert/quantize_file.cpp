#include "orrery/text/convert/quantize_file.h"

#include <algorithm>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/convert/mixture.h"
#include "orrery/text/convert/retype.h"

namespace orrery::text {

namespace {

/// GGML_QNT_VERSION: of the block formats, the same since 2023.
constexpr int64_t kQuantizationVersion = 2;

MixtureModel model_of(const formats::GgufFile& file) {
  const std::string prefix = file.get_string("general.architecture").value_or("") + ".";
  MixtureModel model;
  model.layers = file.get_int(prefix + "block_count").value_or(0);
  model.has_output = file.find("output.weight") != nullptr;
  model.experts = file.get_int(prefix + "expert_count").value_or(0);
  // Some architectures have a list of heads, one count per layer; the mixtures then see one head per key-value head.
  const auto heads = file.metadata().find(prefix + "attention.head_count");
  const auto kv_heads = file.metadata().find(prefix + "attention.head_count_kv");
  const auto scalar = [&](auto entry) {
    return entry != file.metadata().end() && entry->second.type != formats::GgufValue::Type::kArray;
  };
  if (scalar(heads) && scalar(kv_heads))
    model.queries_per_kv_head = *file.get_int(heads->first) / std::max<int64_t>(1, *file.get_int(kv_heads->first));
  return model;
}

void refuse_requantizing(const TensorView& tensor, DType target) {
  throw Error({.doing = "quantise a model",
               .where = "tensor " + tensor.name,
               .found = std::string(name(tensor.dtype)),
               .expected = "f32, f16 or bf16 to make " + std::string(name(target)) + " of",
               .advice = "start from an F16 or F32 file, or allow requantising, which loses more"});
}

}  // namespace

QuantizeSummary quantize_file(const std::filesystem::path& input, const std::filesystem::path& output,
                              const QuantizeOptions& options) {
  const Mixture& mixture = mixture_named(options.type);
  const formats::GgufFile file = formats::GgufFile::open(input);
  for (const MappedFile& part : file.files())
    if (std::error_code failed; std::filesystem::equivalent(part.path(), output, failed))
      throw Error({.doing = "quantise a model", .where = output.string(), .expected = "another file than the input"});
  const MixtureModel model = model_of(file);

  QuantizeSummary summary;
  std::vector<TensorView> targets;
  for (const TensorView& tensor : file.tensors()) {
    TensorView& target = targets.emplace_back(tensor);
    const MixedType choice = mixed_type(mixture, model, tensor);
    target.dtype = choice.type;
    if (target.dtype != tensor.dtype && is_block_type(tensor.dtype) && !options.allow_requantize)
      refuse_requantizing(tensor, target.dtype);
    target.bytes = bytes_of(target.dtype, target.elements());
    target.data = nullptr;
    summary.tensors[target.dtype] += 1;
    summary.fallbacks += choice.fallback;
    summary.input_bytes += tensor.bytes;
    summary.output_bytes += target.bytes;
  }

  formats::GgufMetadata metadata = file.metadata();
  metadata["general.file_type"] = formats::GgufValue::u32(uint32_t(mixture.file_type));
  if (is_block_type(mixture.base))
    metadata["general.quantization_version"] = formats::GgufValue::u32(uint32_t(kQuantizationVersion));

  Retyper retyper(options.threads);
  int64_t done = 0;
  formats::write_gguf(output, metadata, targets, [&](const TensorView& target) {
    const TensorView* const source = file.find(target.name);
    if (options.progress) options.progress(done, summary.input_bytes);
    done += source->bytes;
    return retyper.run({&source, 1}, target.dtype);
  });
  if (options.progress) options.progress(done, summary.input_bytes);
  return summary;
}

}  // namespace orrery::text
