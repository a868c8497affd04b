#include "tests/serve/served.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <future>

#include "orrery/text/tokenizer/byte_level.h"
#include "tests/serve/client.h"

namespace orrery::serve {

using nlohmann::json;

namespace {

constexpr const char* kMarks[] = {"<|endoftext|>",  "<|im_start|>",   "<|im_end|>",
                                  "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"};

constexpr const char* kChatMl =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' "
    "}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

json byte_tokenizer() {
  json vocabulary = json::object(), added = json::array();
  for (int byte = 0; byte < 256; ++byte) {
    std::string character;
    text::append_byte_level(character, std::string(1, static_cast<char>(byte)));
    vocabulary[character] = byte;
  }
  for (size_t i = 0; i < std::size(kMarks); ++i)
    added.push_back({{"id", 256 + i},
                     {"content", kMarks[i]},
                     {"special", true},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false}});
  const json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", json::array()}}}};
}

}  // namespace

void write_chat_model(const std::filesystem::path& folder) {
  text::write_tiny_model(folder, text::tiny_config({{"vocab_size", 256 + std::size(kMarks)},
                                                    {"max_position_embeddings", 1 << 20},
                                                    {"bos_token_id", 256},
                                                    {"eos_token_id", 258}}));
  std::ofstream(folder / "tokenizer.json") << byte_tokenizer().dump();
  std::ofstream(folder / "tokenizer_config.json") << json{
      {"tokenizer_class", "PreTrainedTokenizerFast"},
      {"eos_token", "<|im_end|>"},
      {"chat_template", kChatMl}}.dump();
}

Served::Served(ServeOptions options) {
  write_chat_model(folder_.path());
  options.http.port = 0;
  options.models.resize(1);
  options.models[0].name = "tiny";
  options.models[0].path = folder_.path();
  options.models[0].pinned = true;
  options.models[0].engine.threads = 2;
  options.database = folder_ / "studio.db";
  options.log_requests = false;
  options.drain_time = std::chrono::seconds(30);
  std::promise<uint16_t> port;
  thread_ = std::thread([options, &port] {
    serve([options] { return options; }, [&](const std::string&, uint16_t chosen) { port.set_value(chosen); });
  });
  port_ = port.get_future().get();
  EXPECT_TRUE(wait_until([&] { return ask(port_, "GET", "/ready").status == 200; }));
}

Served::~Served() {
  ::kill(::getpid(), SIGTERM);
  thread_.join();
}

double Served::metric(const std::string& line) const {
  const std::string text = ask(port_, "GET", "/metrics").body;
  const size_t at = text.find("\n" + line);
  return at == std::string::npos ? -1 : std::atof(text.c_str() + text.find(' ', at));
}

bool wait_until(const std::function<bool()>& is) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!is()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

int64_t resident_bytes() {
  int64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace orrery::serve
