#include "orrery/train/checkpoint.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/safetensors.h"
#include "orrery/nn/from_view.h"

namespace orrery::train {

namespace {
namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "checkpoint-", kPartial = ".partial";
constexpr const char *kParameters = "parameters.safetensors", *kOptimizer = "optimizer.safetensors",
                     *kState = "state.json";

void write(const fs::path& file, const NamedTensors& tensors) {
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : tensors) views.push_back(nn::view_from_tensor(tensor, name));
  formats::write_safetensors(file, views);
}

NamedTensors read(const fs::path& file) {
  const auto source = formats::SafetensorsFile::open(file);
  NamedTensors tensors;
  for (const TensorView& view : source.tensors()) tensors[view.name] = nn::tensor_from_view(view);
  return tensors;
}

}  // namespace

Checkpoints::Checkpoints(fs::path run, int64_t keep) : run_(std::move(run)), keep_(keep) {
  fs::create_directories(run_);
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(run_))
    if (entry.path().filename().string().starts_with(kPrefix) && entry.path().extension() == kPartial)
      left.push_back(entry.path());
  for (const fs::path& folder : left) fs::remove_all(folder);
}

fs::path Checkpoints::folder(int64_t step) const { return run_ / fmt::format("{}{}", kPrefix, step); }

std::vector<int64_t> Checkpoints::steps() const {
  std::vector<int64_t> steps;
  for (const auto& entry : fs::directory_iterator(run_)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    int64_t step = 0;
    const char *begin = name.data() + kPrefix.size(), *end = name.data() + name.size();
    if (const auto [last, code] = std::from_chars(begin, end, step); code == std::errc() && last == end)
      steps.push_back(step);
  }
  std::ranges::sort(steps);
  return steps;
}

void Checkpoints::save(const AdamW& optimizer) const {
  const fs::path place = folder(optimizer.steps()), making = place.string() + std::string(kPartial);
  fs::remove_all(making);
  fs::create_directories(making);
  write(making / kParameters, optimizer.parameters());
  write(making / kOptimizer, optimizer.state());
  AtomicFile state(making / kState);
  state.write(nlohmann::json{{"global_step", optimizer.steps()}}.dump() + "\n");
  state.commit();
  fs::remove_all(place);  // of an earlier run to the same step
  fs::rename(making, place);
  sync_folder(run_);
  std::vector<int64_t> all = steps();
  if (keep_ == 0) return;
  for (size_t i = 0; i + static_cast<size_t>(keep_) < all.size(); ++i) {
    const fs::path leaving = folder(all[i]).string() + std::string(kPartial);  // half a checkpoint is none
    fs::rename(folder(all[i]), leaving);
    fs::remove_all(leaving);
  }
}

std::optional<int64_t> Checkpoints::newest() const {
  const std::vector<int64_t> all = steps();
  return all.empty() ? std::nullopt : std::optional(all.back());
}

void Checkpoints::load(int64_t step, AdamW& optimizer) const {
  const NamedTensors stored = read(folder(step) / kParameters);
  at::NoGradGuard without_gradients;
  for (const auto& [name, tensor] : optimizer.parameters()) {
    const auto found = stored.find(name);
    if (found == stored.end() || found->second.sizes() != tensor.sizes())
      throw Error({.doing = "resume a run",
                   .where = fmt::format("{}, {}", (folder(step) / kParameters).string(), name),
                   .found = found == stored.end() ? "nothing" : shape_string(found->second.sizes().vec()),
                   .expected = shape_string(tensor.sizes().vec())});
    tensor.copy_(found->second);
  }
  for (const auto& [name, tensor] : stored)
    if (!optimizer.parameters().contains(name))
      throw Error({.doing = "resume a run",
                   .where = (folder(step) / kParameters).string(),
                   .found = name,
                   .expected = "nothing of that name: other tensors learn in this run"});
  optimizer.set_state(read(folder(step) / kOptimizer), step);
}

}  // namespace orrery::train
