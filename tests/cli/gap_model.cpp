#include "tests/cli/gap_model.h"

#include <cstdint>
#include <fstream>
#include <utility>

namespace orrery::cli_test {

std::string model_for_gaps(const TemporaryFolder& folder) {
  std::string more;
  const auto number = [&](uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) more += static_cast<char>(value >> (8 * i));
  };
  const auto key = [&](const std::string& name, uint32_t type) {
    number(name.size(), 8);
    more += name;
    number(type, 4);
  };
  const std::pair<const char*, int> marks[] = {{"pre", kPrefix}, {"suf", kSuffix}, {"mid", kMiddle}};
  for (const auto& [name, id] : marks) {
    key("tokenizer.ggml.fim_" + std::string(name) + "_token_id", 4);
    number(static_cast<uint64_t>(id), 4);
  }
  key("test.padding", 8);
  const size_t padding = 32 - (more.size() + 8) % 32;  // the tensors' alignment
  number(padding, 8);
  more += std::string(padding, 'x');

  std::string file = read_file(*smollm2());
  file[16] = static_cast<char>(file[16] + 4);  // the number of keys
  file.insert(24, more);
  const std::string path = folder.path("gaps.gguf");
  std::ofstream(path, std::ios::binary) << file;
  return path;
}

}  // namespace orrery::cli_test
