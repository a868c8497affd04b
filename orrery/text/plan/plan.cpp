#include "orrery/text/plan/plan.h"

#include <algorithm>
#include <filesystem>

#include "orrery/text/checkpoint_cache.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"

namespace orrery::text {
namespace {
namespace fs = std::filesystem;

// A config, where that is all there is.
fs::path config_alone(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.ends_with(".json") && !name.ends_with(".index.json") && name != "params.json") return path;
  if (!fs::is_directory(path) || !fs::exists(path / "config.json")) return {};
  for (const auto& entry : fs::directory_iterator(path))
    for (const char* ending : {".safetensors", ".bin", ".pt", ".pth", ".ckpt"})
      if (entry.path().extension() == ending) return {};
  return path / "config.json";
}

DecoderSpec spec_of(const fs::path& config_file) {
  const ConfigJson config = ConfigJson::open(config_file);
  return family_of_hub(config).spec_from_hub(config);
}

std::vector<std::string> types_of(const DecoderSpec& spec, const PlanOptions& options) {
  if (!options.types.empty()) return options.types;
  if (family_named(spec.family).gguf_architectures.empty()) return {"F32", "F16"};
  return {"F16", "Q8_0", "Q4_K_M", "Q4_0"};
}

}  // namespace

Plan make_plan(const std::string& model, const PlanOptions& options) {
  const fs::path path = find_model(model), config = config_alone(path);
  const std::shared_ptr<const Checkpoint> checkpoint = config.empty() ? Checkpoint::open(path.string()) : nullptr;
  Plan plan;
  plan.spec = checkpoint ? checkpoint->spec() : spec_of(config);
  const DecoderSpec& spec = plan.spec;
  plan.context = options.context > 0 ? options.context : std::min<int64_t>(spec.context_length, 8192);

  std::vector<std::vector<PlannedTensor>> variants;
  const std::vector<PlannedTensor> tensors = planned_tensors(spec, checkpoint.get());
  if (checkpoint && options.types.empty()) {
    variants.push_back(tensors);
    plan.rows.push_back({.type = "as it is"});
  }
  for (const std::string& type : types_of(spec, options)) {
    const Mixture& mixture = mixture_named(type);
    variants.push_back(retyped(tensors, spec, mixture));
    plan.rows.push_back({.type = std::string(mixture.name)});
  }
  plan.size = size_of(tensors);
  plan.cache_bytes_per_token = cache_bytes_per_token(spec, options.workload.kv);
  plan.sequence_bytes = sequence_bytes(spec, options.workload.kv, plan.context);

  ThreadPool pool(options.threads);
  MeasuredShapes shapes;
  for (const auto& variant : variants) {
    const MeasuredShapes own = shapes_of(spec, variant);
    shapes.cols = own.cols, shapes.loop_weights = own.loop_weights, shapes.head_dim = own.head_dim;
    shapes.kinds.insert(own.kinds.begin(), own.kinds.end());
  }
  plan.machine = measure_machine(pool, shapes);
  for (size_t i = 0; i < variants.size(); ++i) {
    plan.rows[i].weight_bytes = weight_bytes(variants[i]);
    plan.rows[i].rates = predict(spec, variants[i], plan.machine, options.workload);
  }
  return plan;
}

}  // namespace orrery::text
