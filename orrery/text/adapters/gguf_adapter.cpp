#include <fmt/format.h>

#include <map>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/adapters/readers.h"

namespace orrery::text {

namespace {

Error refuse(const std::string& where, std::string found, std::string expected) {
  return Error(
      {.doing = "read a GGUF adapter", .where = where, .found = std::move(found), .expected = std::move(expected)});
}

void check_metadata(const formats::GgufFile& file, const std::string& where) {
  const auto check = [&](const char* key, const char* expected) {
    const std::string found = file.get_string(key).value_or("nothing");
    if (found != expected) throw refuse(fmt::format("{}, {}", where, key), found, expected);
  };
  check("general.type", "adapter");
  check("adapter.type", "lora");
  for (const auto& [key, value] : file.metadata())
    if (key.starts_with("adapter.") && key != "adapter.type" && key != "adapter.lora.alpha")
      throw refuse(fmt::format("{}, {}", where, key), "an option that is not supported", "adapter.lora.alpha alone");
}

}  // namespace

Adapter read_gguf_adapter(const formats::GgufFile& file, const std::string& where) {
  check_metadata(file, where);
  Adapter adapter{.kind = "LoRA", .names = Adapter::Names::kGguf};
  adapter.architecture = file.get_string("general.architecture").value_or("");
  std::map<std::string, LinearChange> changes;
  for (const TensorView& tensor : file.tensors()) {
    std::string_view name = tensor.name;
    const bool a = name.ends_with(".lora_a"), b = name.ends_with(".lora_b");
    name = name.substr(0, name.rfind('.'));
    if (!(a || b) || !name.ends_with(".weight"))
      throw refuse(where, "tensor " + tensor.name, "BASE-TENSOR.weight.lora_a and .lora_b");
    name.remove_suffix(std::string_view(".weight").size());
    LinearChange& change = changes[std::string(name)];
    change.module = name;
    (a ? change.a : change.b) = tensor;
  }
  // llama.cpp: alpha 0 is a scale of 1.
  const double alpha = file.get_float("adapter.lora.alpha").value_or(0);
  for (auto& [module, change] : changes) {
    if (change.a.data == nullptr || change.b.data == nullptr)
      throw refuse(where, fmt::format("only one half of the pair of {}", module), "both lora_a and lora_b");
    if (change.a.shape.size() != 2 || change.b.shape.size() != 2 || change.b.cols() != change.a.rows())
      throw refuse(where,
                   fmt::format("{} has lora_a {} and lora_b {}", module, shape_string(change.a.shape),
                               shape_string(change.b.shape)),
                   "[rank, inputs] and [outputs, rank]");
    change.scale = alpha == 0 ? 1 : alpha / double(change.rank());
    adapter.linears.push_back(std::move(change));
  }
  if (adapter.linears.empty()) throw refuse(where, "no tensor", "lora_a and lora_b pairs");
  return adapter;
}

}  // namespace orrery::text
