#include "orrery/serve/config/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "orrery/base/error.h"

namespace orrery::serve {
namespace {

class Config : public testing::Test {
 protected:
  Config() : folder_(std::filesystem::temp_directory_path() / ("orrery-config-" + std::to_string(getpid()))) {
    std::filesystem::create_directory(folder_);
  }
  ~Config() override { std::filesystem::remove_all(folder_); }
  ServeOptions read(const std::string& text) {
    std::ofstream(folder_ / "orrery.toml") << text;
    ServeOptions options;
    read_config(folder_ / "orrery.toml", {.max_sequences = 5}, options);
    return options;
  }
  std::string error_of(const std::string& text) {
    try {
      read(text);
      return "no error";
    } catch (const Error& error) {
      return error.what();
    }
  }

  const std::filesystem::path folder_;
};

TEST_F(Config, SaysWhatIsServedAndHow) {
  std::ofstream(folder_ / "mine.gguf") << "x";
  const ServeOptions options = read(R"(
port = 9000
memory = "1.5G"
cors = ["https://a.example", "https://b.example"]
api_keys = "keys.txt"
database = "postgresql://db/studio"
drain_seconds = 5

[[model]]
name = "chat"
path = "mine.gguf"
pinned = true
context = 4096
kv = "q8_0"
adapters = { pirate = "pirate/" }

[[model]]
path = "smollm2"
sequences = 2
)");
  EXPECT_EQ(options.http.port, 9000);
  EXPECT_EQ(options.http.address, "127.0.0.1");
  EXPECT_EQ(options.memory_bytes, 1'500'000'000);
  EXPECT_EQ(options.gate.cors_origins.size(), 2u);
  EXPECT_EQ(options.gate.keys_file, (folder_ / "keys.txt").string());
  EXPECT_EQ(options.drain_time.count(), 5);
  ASSERT_EQ(options.models.size(), 2u);
  EXPECT_EQ(options.models[0].name, "chat");
  EXPECT_EQ(options.models[0].path, (folder_ / "mine.gguf").string());
  EXPECT_TRUE(options.models[0].pinned);
  EXPECT_EQ(options.models[0].engine.context, 4096);
  EXPECT_EQ(options.models[0].engine.kv_dtype, DType::kQ8_0);
  EXPECT_EQ(options.models[0].engine.max_sequences, 5);
  EXPECT_EQ(options.models[0].adapters.at(0).second, (folder_ / "pirate/").string());
  EXPECT_EQ(options.models[1].name, "smollm2");
  EXPECT_EQ(options.models[1].path, "smollm2");
  EXPECT_EQ(options.models[1].engine.max_sequences, 2);
}

TEST_F(Config, NamesLineAndKeyOfWhatIsWrong) {
  for (const auto& [text, parts] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"port = 9000\nprot = 1", {"line 2", "prot", "port"}},
           {"port = \"high\"", {"line 1", "port", "high", "65535"}},
           {"port = 70000", {"70000"}},
           {"memory = \"8 apples\"", {"memory", "8G"}},
           {"cors = \"https://a\"", {"cors", "list"}},
           {"cors = [1]", {"cors"}},
           {"[[model]]\nname = \"a\"", {"path"}},
           {"[[model]]\npath = \"a\"\ncontext = -1", {"line 3", "model.context"}},
           {"[[model]]\npath = \"a\"\nkv = \"q9\"", {"model.kv", "q4_0"}},
           {"[[model]]\npath = \"a\"\n[[model]]\npath = \"b/a\"", {"second time"}},
           {"model = 1", {"[[model]]"}},
           {"port = ", {"line 1", "TOML"}}}) {
    const std::string error = error_of(text);
    for (const std::string& part : parts) EXPECT_NE(error.find(part), std::string::npos) << text << "\n" << error;
  }
  ServeOptions options;
  EXPECT_THROW(read_config(folder_ / "none.toml", {}, options), Error);
}

TEST_F(Config, ReadsSizes) {
  EXPECT_EQ(bytes_of("123"), 123);
  EXPECT_EQ(bytes_of("2K"), 2000);
  EXPECT_EQ(bytes_of("0.5M"), 500'000);
  for (const char* wrong : {"", "G", "-1", "1g", "1 G", "1GB", "9e99T"}) EXPECT_FALSE(bytes_of(wrong)) << wrong;
}

}  // namespace
}  // namespace orrery::serve
