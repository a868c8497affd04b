// What has been said, as data.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace orrery::cli {

struct Message {
  std::string role, content;  ///< role: "system", "user", "assistant"
  bool operator==(const Message&) const = default;
};

struct Conversation {
  std::string system;          ///< empty: what the model's template says by itself
  std::vector<Message> turns;  ///< user and assistant in turn

  /// Takes the last question, and its answer where there is one. False when nothing has been said.
  bool undo();
  /// [{"role", "content"}, …], the first `left_out` turns left out.
  nlohmann::ordered_json messages(size_t left_out = 0) const;
  /// {"model": …, "messages": […]}, written wholly or not at all.
  void save(const std::filesystem::path& path, const std::string& model) const;
  /// That form, or the bare array. Throws Error naming the file and the message that is no text.
  static Conversation load(const std::filesystem::path& path);
};

}  // namespace orrery::cli
