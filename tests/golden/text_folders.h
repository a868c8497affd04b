// The golden folders of language models: which there are, what each is, and the numbers in them.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/formats/safetensors.h"

namespace orrery::text::golden {

/// The text folder of the tree that ORRERY_GOLDEN names; without it ../shared/golden where that is, else
/// tests/fixtures/golden.
std::filesystem::path text_root();
/// ../shared/data, where real inputs lie.
std::filesystem::path data_root();

/// A folder's name up to a '_', so that llama_2 is tested as llama is.
std::string kind_of(const std::filesystem::path& folder);
/// The tree's, and those that only tests/fixtures/golden has where no tree was named.
std::vector<std::filesystem::path> folders();
/// A base model with a LoRA or LLaMA-Adapter beside it.
bool is_adapter_folder(const std::filesystem::path& folder);

/// One way to open one folder's model: each dialect of its config and each form of its weights is a case.
struct ModelCase {
  std::string name;               ///< "llama", "llama_config_v5", "llama_sharded_pytorch_model_bin": a test's name
  std::filesystem::path folder;   ///< where io.safetensors is
  std::filesystem::path model;    ///< what Checkpoint::open gets
  std::string logits = "logits";  ///< the tensor of io.safetensors to expect
  std::string type = "llama";     ///< config.json's model_type; Meta's files have none and are llamas
  std::string unsupported;        ///< why it cannot be run yet; empty in model_cases()
};
void PrintTo(const ModelCase& model, std::ostream* out);
/// For INSTANTIATE_TEST_SUITE_P, of cases that have a name.
constexpr auto name_of = [](const auto& info) { return info.param.name; };

std::vector<ModelCase> model_cases();        ///< those that must pass
std::vector<ModelCase> unsupported_cases();  ///< one for each folder that nothing here can run
/// Those of model_cases() that belong to one family.
std::vector<ModelCase> model_cases_of(std::string_view family);
/// Those of model_cases() whose io.safetensors has this tensor, which goes with "logits".
std::vector<ModelCase> model_cases_with(std::string_view tensor);

/// A folder's io.safetensors.
class Expected {
 public:
  explicit Expected(const std::filesystem::path& folder);
  bool has(std::string_view name) const { return file_.find(name) != nullptr; }
  const std::vector<int64_t>& shape(std::string_view name) const { return tensor(name).shape; }
  std::vector<std::string> names() const;
  std::vector<float> floats(std::string_view name) const;
  std::vector<int64_t> integers(std::string_view name) const;
  /// Row `row` of [rows, cols] integers.
  std::vector<int32_t> ids(std::string_view name, int64_t row = 0) const;

 private:
  const TensorView& tensor(std::string_view name) const;
  formats::SafetensorsFile file_;
};

}  // namespace orrery::text::golden
