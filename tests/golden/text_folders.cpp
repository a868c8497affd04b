#include "tests/golden/text_folders.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>

#include "orrery/text/checkpoint.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"

namespace orrery::text::golden {

namespace fs = std::filesystem;

fs::path text_root() {
  const fs::path source = ORRERY_SOURCE_DIR;
  fs::path root = source.parent_path() / "shared" / "golden";
  if (!fs::is_directory(root)) root = source / "tests" / "fixtures" / "golden";
  if (const char* chosen = std::getenv("ORRERY_GOLDEN"); chosen && *chosen) root = chosen;
  return fs::is_directory(root / "text") ? root / "text" : root;
}

fs::path data_root() { return fs::path(ORRERY_SOURCE_DIR).parent_path() / "shared" / "data"; }

std::string kind_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return name.substr(0, name.find('_'));
}

std::vector<fs::path> folders() {
  std::map<std::string, fs::path> by_name;
  std::error_code missing;
  const auto add_all = [&](const fs::path& root) {
    for (const auto& entry : fs::directory_iterator(root, missing))
      if (entry.is_directory()) by_name.emplace(entry.path().filename().string(), entry.path());
  };
  add_all(text_root());
  if (const char* chosen = std::getenv("ORRERY_GOLDEN"); !chosen || !*chosen)
    add_all(fs::path(ORRERY_SOURCE_DIR) / "tests" / "fixtures" / "golden" / "text");
  std::vector<fs::path> result;
  for (const auto& [name, folder] : by_name) result.push_back(folder);
  return result;
}

void PrintTo(const ModelCase& model, std::ostream* out) { *out << model.model.string(); }

bool is_adapter_folder(const fs::path& folder) {
  if (fs::exists(folder / "adapter_config.json")) return true;
  return fs::exists(folder / "adapter.pth") || fs::exists(folder / "adapter.safetensors");
}

namespace {

std::string test_name(const std::string& text) {
  std::string name;
  for (char c : text) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

bool belongs_to_training(const fs::path& folder) {
  static const std::vector<std::string> kKinds = {"dpo", "ppo"};
  return std::ranges::count(kKinds, kind_of(folder)) > 0;
}

/// A broken config counts as a llama's, which must pass: opening the model shows what is wrong.
std::string type_of(const fs::path& config) try {
  return ConfigJson::open(config).string("model_type", "");
} catch (const std::exception&) {
  return "llama";
}

/// A folder's file, opened once: every test is a process that lists all of them.
const Expected& io_of(const fs::path& folder) {
  static std::map<fs::path, Expected> opened;
  return opened.try_emplace(folder, folder).first->second;
}

/// Empty when the family is there; its goldens then must pass.
std::string why_unsupported(const fs::path& folder, const std::string& type) try {
  if (belongs_to_training(folder)) return "belongs to the tests of training";
  std::vector<std::string_view> known;
  for (const Family& family : families())
    known.insert(known.end(), family.model_types.begin(), family.model_types.end());
  if (std::ranges::count(known, type) == 0)
    return fmt::format("the family {} is not supported yet; known: {}", type, fmt::join(known, ", "));
  return io_of(folder).has("logits") ? "" : "its io.safetensors has no logits";
} catch (const std::exception&) {
  return "";
}

bool io_has(const fs::path& folder, std::string_view tensor) try {
  return io_of(folder).has(tensor);
} catch (const std::exception&) {
  return false;
}

/// Every config of the folder, every index of shards in place of the weights that open() would choose, and the weights
/// in their authors' form.
std::vector<ModelCase> cases_of(const fs::path& folder) {
  std::vector<ModelCase> result;
  const std::string type = type_of(folder / "config.json"), unsupported = why_unsupported(folder, type);
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    const bool config = file.starts_with("config.") && file.ends_with(".json");
    const bool weights = file.ends_with(".index.json") || file.starts_with("original.");
    if (!config && !weights) continue;
    const std::string form =
        file == "config.json" ? "" : "_" + (weights && !file.ends_with(".json") ? file : entry.path().stem().string());
    result.push_back({.name = test_name(folder.filename().string() + form),
                      .folder = folder,
                      .model = file == "config.json" ? folder : entry.path(),
                      .type = type,
                      .unsupported = unsupported});
  }
  return result;
}

std::vector<ModelCase> find_cases() {
  std::vector<ModelCase> result;
  for (const fs::path& folder : folders()) {
    if (!fs::exists(folder / "io.safetensors") || kind_of(folder) == "reward-model") continue;  // text_reward.cpp
    // An adapter's base model in the hub's names gives the logits without the adapter.
    if (fs::exists(folder / "hf" / "config.json") && io_has(folder, "logits_base"))
      result.push_back({.name = test_name(folder.filename().string() + "_base"),
                        .folder = folder,
                        .model = folder / "hf",
                        .logits = "logits_base"});
    // So does the base in Meta's names.
    if (fs::exists(folder / "params.json") && io_has(folder, "logits_base"))
      for (const fs::path& model : {folder, folder / "consolidated.00.pth"})
        result.push_back({.name = test_name(folder.filename().string() + "_base_" +
                                            (model == folder ? "meta" : model.filename().string())),
                          .folder = folder,
                          .model = model,
                          .logits = "logits_base"});
    if (!fs::exists(folder / "config.json")) continue;
    // And so does the base beside a PEFT adapter. What the adapters make of them: text_adapters.cpp.
    if (fs::exists(folder / "adapter_config.json"))
      result.push_back({.name = test_name(folder.filename().string() + "_base"),
                        .folder = folder,
                        .model = folder,
                        .logits = "logits_base"});
    if (is_adapter_folder(folder)) continue;
    for (ModelCase& model : cases_of(folder)) result.push_back(std::move(model));
  }
  std::ranges::sort(result, {}, &ModelCase::name);
  return result;
}

const std::vector<ModelCase>& all_cases() {
  static const std::vector<ModelCase> all = find_cases();
  return all;
}

}  // namespace

std::vector<ModelCase> model_cases() {
  std::vector<ModelCase> result = all_cases();
  std::erase_if(result, [](const ModelCase& model) { return !model.unsupported.empty(); });
  return result;
}

std::vector<ModelCase> unsupported_cases() {
  std::vector<ModelCase> result = all_cases();
  std::erase_if(result,
                [](const ModelCase& model) { return model.unsupported.empty() || model.model != model.folder; });
  return result;
}

std::vector<ModelCase> model_cases_of(std::string_view family) {
  std::vector<ModelCase> result = model_cases();
  const auto& types = family_named(family).model_types;
  std::erase_if(result, [&](const ModelCase& model) { return std::ranges::count(types, model.type) == 0; });
  return result;
}

std::vector<ModelCase> model_cases_with(std::string_view tensor) {
  std::vector<ModelCase> result = model_cases();
  std::erase_if(result,
                [&](const ModelCase& model) { return model.logits != "logits" || !io_has(model.folder, tensor); });
  return result;
}

Expected::Expected(const fs::path& folder) : file_(formats::SafetensorsFile::open(folder / "io.safetensors")) {}

const TensorView& Expected::tensor(std::string_view name) const {
  if (const TensorView* found = file_.find(name)) return *found;
  throw std::runtime_error(fmt::format("io.safetensors has no tensor {}", name));
}

namespace {
template <class T>
std::vector<T> copy(const TensorView& tensor, DType dtype) {
  if (tensor.dtype != dtype) throw std::runtime_error(fmt::format("{} is {}", tensor.name, name(tensor.dtype)));
  std::vector<T> result(tensor.elements());
  std::memcpy(result.data(), tensor.data, tensor.bytes);
  return result;
}
}  // namespace

std::vector<std::string> Expected::names() const {
  std::vector<std::string> result;
  for (const TensorView& tensor : file_.tensors()) result.push_back(tensor.name);
  return result;
}

std::vector<float> Expected::floats(std::string_view name) const { return copy<float>(tensor(name), DType::kF32); }

std::vector<int64_t> Expected::integers(std::string_view name) const {
  return copy<int64_t>(tensor(name), DType::kI64);
}

std::vector<int32_t> Expected::ids(std::string_view name, int64_t row) const {
  const std::vector<int64_t> all = integers(name);
  const int64_t cols = tensor(name).cols();
  return {all.begin() + row * cols, all.begin() + (row + 1) * cols};
}

}  // namespace orrery::text::golden
