// A hub folder with a llama of a few thousand random weights, for tests that need a model and not its answers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "orrery/base/tensor_view.h"
#include "orrery/text/decoder_spec.h"

namespace orrery::text {

/// A folder of its own below the system's temporary folder; gone with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// config.json in 2023's dialect: hidden 64, 2 layers, 4 heads on 2, vocabulary 96. `changes` are merged into it (null
/// removes).
nlohmann::json tiny_config(const nlohmann::json& changes = {});
DecoderSpec tiny_spec(const nlohmann::json& changes = {});

/// Tensors of a model, with values of their own.
struct TinyTensors {
  std::vector<TensorView> views;
  std::vector<std::vector<float>> values;

  void add(const std::string& name, const std::vector<int64_t>& shape);
  void remove(const std::string& name);
  TensorView* find(const std::string& name);
};

/// Writes config.json and model.safetensors (f32, seeded) with the tensors that the config implies, after `edit`.
void write_tiny_model(const std::filesystem::path& folder, const nlohmann::json& config,
                      const std::function<void(TinyTensors&)>& edit = {});

/// The message of the Error that `action` throws; "no error" when it returns.
std::string error_of(const std::function<void()>& action);

/// Each part is in the text.
void expect_contains(const std::string& text, const std::vector<std::string>& parts);

}  // namespace orrery::text
