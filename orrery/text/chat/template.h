// Chat templates: the subset of Jinja2 that hub models use, rendered exactly as jinja2 renders it in Hugging Face's
// environment (trim_blocks, lstrip_blocks, loopcontrols, generation blocks; tojson without HTML escapes).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace orrery::text {

/// A parsed template. Immutable; render is safe from many threads. Templates are untrusted: steps, depth and output are
/// bounded.
class ChatTemplate {
 public:
  struct Limits {
    int64_t steps = 10'000'000;       ///< statements and expression nodes evaluated
    int depth = 200;                  ///< nesting of blocks, calls and expressions, at parse and at render
    int64_t output_bytes = 64 << 20;  ///< rendered text, and any one string made on the way
  };

  /// Throws Error with line and column for a syntax error or a feature that is not supported.
  explicit ChatTemplate(std::string_view source);
  ChatTemplate(std::string_view source, const Limits& limits);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// context: {"messages": [...], "tools": [...] | null, "add_generation_prompt": bool, "bos_token": "...", ...};
  /// objects keep their order. Throws Error for raise_exception (its message in `found`), undefined operations, and
  /// exceeded limits.
  std::string render(const nlohmann::ordered_json& context) const;
  /// The same at a given time, which is what strftime_now tells the template (in local time).
  std::string render(const nlohmann::ordered_json& context, std::chrono::system_clock::time_point now) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery::text
