#include "orrery/text/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>

#include "orrery/base/error.h"
#include "orrery/text/checkpoint_cache.h"
#include "orrery/text/checkpoint_files.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

namespace {

/// "a, b, c"; what does not fit on a readable line is counted.
std::string enumerate(const std::vector<std::string>& names) {
  constexpr size_t kMost = 24;
  if (names.size() <= kMost) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kMost, ", "), names.size() - kMost);
}

/// The slices of a tensor [experts, rows, cols]; empty for any other.
std::vector<TensorView> slices_of_stack(const TensorView& tensor) {
  std::vector<TensorView> slices;
  if (tensor.shape.size() == 3)
    for (int64_t i = 0; i < tensor.shape[0]; ++i) slices.push_back(slice_of(tensor, slice_name(tensor.name, i), i));
  return slices;
}

bool starts_with_bytes(const std::filesystem::path& file, std::string_view magic) {
  std::string start(magic.size(), '\0');
  std::ifstream(file, std::ios::binary).read(start.data(), std::streamsize(start.size()));
  return start == magic;
}

}  // namespace

std::shared_ptr<const Checkpoint> Checkpoint::open(const std::string& model) {
  const std::filesystem::path path = find_model(model);
  if (is_meta_checkpoint(path)) return open_meta_checkpoint(path);
  if (const std::filesystem::path weights = find_rwkv_weights(path); !weights.empty())
    return open_rwkv_checkpoint(weights, path);
  if (std::filesystem::is_directory(path)) return open_hub_checkpoint(path);
  if (starts_with_bytes(path, "GGUF")) return open_gguf_checkpoint(path);
  const std::string extension = path.extension().string();
  if (extension == ".json" || extension == ".safetensors") return open_hub_checkpoint(path);
  if (extension == ".bin" || extension == ".pt" || extension == ".pth" || extension == ".ckpt") {
    // PyTorch writes a zip, or since before 2020 a pickle of protocol 2; llama2.c starts with a small number.
    const bool torch = starts_with_bytes(path, "PK\3\4") || starts_with_bytes(path, "\x80\x02");
    return torch ? open_hub_checkpoint(path) : open_llama2_c_checkpoint(path);
  }
  throw Error({.doing = "open a language model",
               .where = path.string(),
               .found = "a file that is none of these",
               .expected = "a .gguf file, a hub folder (config.json and weights), Meta's folder (params.json and "
                           "consolidated.00.pth), RWKV's .pth or rwkv.cpp's .bin, or a llama2.c .bin file"});
}

void Checkpoint::split(const Family& family) {
  const auto replace = [this](const auto& parts_of) {
    std::vector<TensorView> whole;
    whole.swap(tensors_);
    for (TensorView& tensor : whole) {
      std::vector<TensorView> parts = parts_of(tensor);
      if (parts.empty()) parts.push_back(std::move(tensor));
      std::ranges::move(parts, std::back_inserter(tensors_));
    }
  };
  if (family.split) replace([&](const TensorView& tensor) { return family.split(tensor, spec_); });
  if (spec_.mixture.experts > 0) replace(slices_of_stack);
}

void Checkpoint::bind(const Family& family, std::string ExpectedTensor::*name) {
  split(family);
  std::map<std::string_view, size_t> unused;
  for (size_t i = 0; i < tensors_.size(); ++i) unused.emplace(tensors_[i].name, i);
  std::vector<std::string> missing, misshapen, surplus;
  // A table of more layers than there are tensors would only list what is missing, at any length a file cares to claim.
  if (const auto count = int64_t(tensors_.size());
      spec_.layers > count || spec_.mixture.experts > count / std::max<int64_t>(1, spec_.layers))
    missing.push_back(fmt::format("those of {} layers{} (there are {} tensors)", spec_.layers,
                                  spec_.mixture.experts > 0 ? fmt::format(" of {} experts", spec_.mixture.experts) : "",
                                  count));
  else
    for (const ExpectedTensor& expected : expected_tensors(family, spec_)) {
      const auto entry = unused.find(expected.*name);
      if (entry == unused.end()) {
        missing.push_back(expected.*name);
        continue;
      }
      const TensorView& tensor = tensors_[entry->second];
      if (tensor.shape != expected.shape)
        misshapen.push_back(
            fmt::format("{} {} instead of {}", tensor.name, shape_string(tensor.shape), shape_string(expected.shape)));
      canonical_.emplace(expected.canonical, entry->second);
      spec_.parameters += tensor.elements();
      unused.erase(entry);
    }
  for (const auto& [tensor, index] : unused)
    if (!family.ignorable(tensor, spec_)) surplus.emplace_back(tensor);

  std::vector<std::string> faults;
  if (!missing.empty()) faults.push_back("missing tensors: " + enumerate(missing));
  if (!misshapen.empty()) faults.push_back("shapes that its config contradicts: " + enumerate(misshapen));
  if (!surplus.empty()) faults.push_back("tensors that it has no use for: " + enumerate(surplus));
  if (!faults.empty())
    throw Error({.doing = fmt::format("open a {} model", family.name),
                 .where = path_.string(),
                 .found = fmt::format("{}", fmt::join(faults, "; ")),
                 .expected = "a tensor for each part of the model that its config describes, and no other"});
}

const Tokenizer& Checkpoint::tokenizer() const {
  if (!tokenizer_)
    throw Error({.doing = "read the model's tokenizer",
                 .where = path_.string(),
                 .found = "none",
                 .expected = "tokenizer.json or tokenizer.model beside the weights"});
  return *tokenizer_;
}

const TensorView* Checkpoint::tensor(std::string_view canonical_name) const {
  const auto entry = canonical_.find(canonical_name);
  return entry == canonical_.end() ? nullptr : &tensors_[entry->second];
}

const TensorView* Checkpoint::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &TensorView::name);
  return found == tensors_.end() ? nullptr : &*found;
}

}  // namespace orrery::text
