#include "orrery/text/convert/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/checkpoint_files.h"
#include "orrery/text/convert/gguf_metadata.h"
#include "orrery/text/convert/mixture.h"
#include "orrery/text/convert/retype.h"
#include "orrery/text/convert/tensor_plan.h"
#include "orrery/text/convert/vocabulary.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;
using formats::GgufMetadata;
using formats::GgufValue;

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

/// GGUF has no word for some of what a checkpoint may have.
void check_expressible(const DecoderSpec& spec, const Family& family, const std::string& model) {
  const auto refuse = [&](const std::string& found, const std::string& expected) {
    throw Error({.doing = "convert a model to GGUF", .where = model, .found = found, .expected = expected});
  };
  if (family.gguf_architectures.empty())
    refuse(fmt::format("a {} model", family.name), "one of a family that llama.cpp has");
  if (spec.rope.scaling == RopeSpec::Scaling::kDynamic)
    refuse("rope_scaling dynamic", "none, linear, yarn, llama3 or longrope: GGUF has no other");
  if (spec.labels > 0) refuse("a head of scores (score.weight)", "a language model's head");
  if (spec.value_head) refuse("a value head (v_head.summary.weight)", "a language model's head alone");
  const bool windows = std::ranges::any_of(spec.windows, [](int64_t window) { return window > 0; });
  if (windows && !family.gguf_windows)
    refuse("windows (use_sliding_window)", fmt::format("none: llama.cpp has none in the family {}", family.name));
}

fs::path checkpoint_folder(const Checkpoint& checkpoint) {
  const fs::path& path = checkpoint.path();
  return fs::is_directory(path) ? path : path.parent_path();
}

GgufMetadata describe(const Checkpoint& checkpoint, const Family& family, const Mixture& mixture,
                      const ConvertOptions& options) {
  GgufMetadata metadata;
  const std::string architecture(family.gguf_architectures.front());
  const fs::path folder = fs::absolute(checkpoint_folder(checkpoint)).lexically_normal();
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
  check_expressible(checkpoint->spec(), family, model);
  const TensorPlans plans(*checkpoint, family, mixture);
  GgufMetadata metadata = describe(*checkpoint, family, mixture, options);
  Vocabulary vocabulary;
  if (checkpoint->has_tokenizer()) {
    const int64_t size = checkpoint->spec().vocab_size;
    const fs::path folder = checkpoint_folder(*checkpoint);
    if (checkpoint->format() == "llama2.c")
      vocabulary = read_llama2_c_vocabulary(find_llama2_c_tokenizer(checkpoint->path(), size), size);
    else if (checkpoint->spec().constant_memory() && !fs::exists(folder / "tokenizer.json"))
      vocabulary = rwkv_vocabulary(checkpoint->tokenizer(), size);
    else
      vocabulary = read_vocabulary(folder, size);
    add_vocabulary(vocabulary, metadata);
    add_special_tokens(checkpoint->tokenizer(), metadata);
  } else {
    metadata["tokenizer.ggml.model"] = GgufValue::string("no_vocab");
  }

  QuantizeSummary summary;
  std::vector<TensorView> targets;
  std::map<std::string, const TensorPlan*, std::less<>> plan_of;
  for (const TensorPlan& plan : plans.plans()) {
    targets.push_back(plan.target);
    plan_of[plan.target.name] = &plan;
    summary.tensors[plan.target.dtype] += 1;
    summary.input_bytes += plan.source_bytes();
    summary.output_bytes += plan.target.bytes;
  }
  Retyper retyper(options.threads);
  int64_t done = 0;
  formats::write_gguf(output, metadata, targets, [&](const TensorView& target) {
    const TensorPlan& plan = *plan_of.at(target.name);
    if (options.progress) options.progress(done, summary.input_bytes);
    done += plan.source_bytes();
    const auto bytes = retyper.run(plan.sources, target.dtype, plan.order);
    for (const TensorView* source : plan.sources)
      if (bytes.data() != source->data) checkpoint->release(*source);
    return bytes;
  });
  if (options.progress) options.progress(done, summary.input_bytes);
  return summary;
}

}  // namespace orrery::text
