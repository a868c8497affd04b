#include "orrery/train/checkpoint.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/safetensors.h"

namespace orrery::train {

namespace {
namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "checkpoint-", kPartial = ".partial";
constexpr const char *kParameters = "parameters.safetensors", *kOptimizer = "optimizer.safetensors",
                     *kAverages = "averages.safetensors", *kMemory = "memory.safetensors", *kState = "state.json";

TensorView view_of(const std::string& name, const at::Tensor& tensor) {
  assert(tensor.is_contiguous() && (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kByte));
  return {.name = name,
          .dtype = tensor.scalar_type() == at::kFloat ? DType::kF32 : DType::kU8,
          .shape = tensor.sizes().vec(),
          .data = static_cast<const std::byte*>(tensor.const_data_ptr()),
          .bytes = static_cast<int64_t>(tensor.nbytes())};
}

void write(const fs::path& file, const NamedTensors& tensors) {
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : tensors) views.push_back(view_of(name, tensor));
  formats::write_safetensors(file, views);
}

std::string text(const TensorView& view) { return fmt::format("{} {}", name(view.dtype), shape_string(view.shape)); }

/// Bit for bit into the tensors, which are all that the file may hold.
void read(const fs::path& file, const NamedTensors& tensors) {
  const auto source = formats::SafetensorsFile::open(file);
  const auto refuse = [&](const std::string& name, const std::string& found, const std::string& expected) {
    throw Error({.doing = "resume a run",
                 .where = fmt::format("{}, {}", file.string(), name),
                 .found = found,
                 .expected = expected});
  };
  std::map<std::string, TensorView> stored;
  for (const TensorView& view : source.tensors()) {
    stored[view.name] = view;
    if (!tensors.contains(view.name))
      refuse(view.name, text(view), "nothing of that name: other tensors learn in this run");
  }
  for (const auto& [name, tensor] : tensors) {
    const TensorView wanted = view_of(name, tensor);
    const auto found = stored.find(name);
    if (found == stored.end()) refuse(name, "nothing", text(wanted));
    if (text(found->second) != text(wanted)) refuse(name, text(found->second), text(wanted));
    std::memcpy(tensor.data_ptr(), found->second.data, tensor.nbytes());
    release(source.files(), {found->second.data, tensor.nbytes()});  // both at once would be twice the memory
  }
}

void write_state(const fs::path& file, const RunState& state, OptimizerKind optimizer) {
  nlohmann::ordered_json json = json_of(state);
  json["optim"] = name_of(kOptimizerNames, optimizer);
  AtomicFile out(file);
  out.write(json.dump(2) + "\n");
  out.commit();
}

RunState read_state(const fs::path& file, OptimizerKind optimizer) {
  const auto refuse = [&](const std::string& where, const std::string& found, const std::string& expected) {
    throw Error({.doing = "resume a run", .where = file.string() + where, .found = found, .expected = expected});
  };
  RunState state;
  std::string optim;
  try {
    const auto json = nlohmann::json::parse(read_text(file));
    state = run_state(json);
    json.at("optim").get_to(optim);
  } catch (const nlohmann::json::exception& error) {
    refuse("", error.what(), "the state of a run");
  }
  if (optim != name_of(kOptimizerNames, optimizer))
    refuse(", optim", optim, std::string(name_of(kOptimizerNames, optimizer)) + ", as this run is told");
  return state;
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

void Checkpoints::save(const RunTensors& tensors, const RunState& state, OptimizerKind optimizer) const {
  const fs::path place = folder(state.global_step), making = place.string() + std::string(kPartial);
  fs::remove_all(making);
  fs::create_directories(making);
  write(making / kParameters, tensors.parameters);
  write(making / kOptimizer, tensors.optimizer);
  if (!tensors.averages.empty()) write(making / kAverages, tensors.averages);
  if (!tensors.memory.empty()) write(making / kMemory, tensors.memory);
  write_state(making / kState, state, optimizer);
  fs::remove_all(place);  // of an earlier run to the same step
  fs::rename(making, place);
  sync_folder(run_);
  const std::vector<int64_t> all = steps();
  if (keep_ == 0) return;
  for (size_t i = 0; i + static_cast<size_t>(keep_) < all.size(); ++i) {
    if (all[i] == state.best_global_step) continue;
    const fs::path leaving = folder(all[i]).string() + std::string(kPartial);  // half a checkpoint is none
    fs::rename(folder(all[i]), leaving);
    fs::remove_all(leaving);
  }
}

std::optional<int64_t> Checkpoints::newest() const {
  const std::vector<int64_t> all = steps();
  return all.empty() ? std::nullopt : std::optional(all.back());
}

std::map<std::string, std::vector<int64_t>> Checkpoints::sizes(int64_t step) const {
  std::map<std::string, std::vector<int64_t>> sizes;
  const auto file = formats::SafetensorsFile::open(folder(step) / kParameters);
  for (const TensorView& view : file.tensors()) sizes[view.name] = view.shape;
  return sizes;
}

RunState Checkpoints::load(int64_t step, const RunTensors& tensors, OptimizerKind optimizer) const {
  const RunState state = read_state(folder(step) / kState, optimizer);
  read(folder(step) / kParameters, tensors.parameters);
  read(folder(step) / kOptimizer, tensors.optimizer);
  if (!tensors.averages.empty()) read(folder(step) / kAverages, tensors.averages);
  if (!tensors.memory.empty()) read(folder(step) / kMemory, tensors.memory);
  return state;
}

void Checkpoints::load_weights(int64_t step, const NamedTensors& parameters) const {
  const fs::path averages = folder(step) / kAverages;
  read(fs::exists(averages) ? averages : folder(step) / kParameters, parameters);
}

}  // namespace orrery::train
