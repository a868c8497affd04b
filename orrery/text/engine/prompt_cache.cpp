#include "orrery/text/engine/prompt_cache.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "orrery/base/error.h"
#include "orrery/text/engine/context_options.h"
#include "orrery/text/engine/scheduler.h"

namespace orrery::text {
namespace {

using kernels::kPageTokens;

constexpr const char* kFormat = "orrery prompt cache";
constexpr const char* kVersion = "1";

Error refusal_of(const std::string& file, const std::string& field, std::string found, std::string expected) {
  return Error({.doing = "use a prompt cache",
                .where = file + ", " + field,
                .found = std::move(found),
                .expected = std::move(expected),
                .advice = "delete the file, or name another"});
}

std::string rope_text(const RopeSpec& rope) {
  return fmt::format("theta {} dim {} {} factor {} context {} beta {} {} magnitude {} bands {} {} factors {} {}",
                     rope.theta, rope.dim, name(rope.scaling), rope.factor, rope.original_context, rope.beta_fast,
                     rope.beta_slow, rope.attention_factor, rope.low_freq_factor, rope.high_freq_factor,
                     fmt::join(rope.factors, ","), fmt::join(rope.short_factors, ","));
}

// What a layer's keys and values, or its state, are made with.
std::pair<std::string, std::string> key_and_value(MixerKind mixer) {
  switch (mixer) {
    case MixerKind::kAttention:
      return {"self_attn.k_proj", "self_attn.v_proj"};
    case MixerKind::kHyena:
      return {"mixer.in_proj", "mixer.in_proj"};
    case MixerKind::kRwkv4:
    case MixerKind::kRwkv5:
    case MixerKind::kRwkv7:
      break;
  }
  return {"time_mix.key", "time_mix.value"};
}

// Of the first MiB of the tensors that what is remembered depends on first and last.
uint64_t weights_digest(const Checkpoint& checkpoint) {
  constexpr int64_t kMost = 1 << 20;
  const auto [key, value] = key_and_value(checkpoint.spec().mixer);
  uint64_t sum = 0;
  for (const std::string& name :
       {std::string("model.embed_tokens.weight"), fmt::format("model.layers.0.{}.weight", key),
        fmt::format("model.layers.{}.{}.weight", checkpoint.spec().layers - 1, value)}) {
    if (const TensorView* tensor = checkpoint.tensor(name))
      sum = digest({tensor->data, static_cast<size_t>(std::min(kMost, tensor->bytes))}, sum);
  }
  return sum;
}

uint64_t digest_of(const StoredPrompt& prompt) {
  uint64_t sum = digest(std::as_bytes(std::span(prompt.tokens)));
  for (const auto& page : prompt.pages) sum = digest(page, sum);
  return digest(prompt.state, sum);
}

std::string hexadecimal(uint64_t value) { return fmt::format("{:016x}", value); }

std::string_view root_name(uint64_t root) { return root == kLongRotation ? "long" : "plain"; }

const TensorView& tensor(const formats::SafetensorsFile& file, const std::string& name, const std::string& tensor_name,
                         DType dtype) {
  const TensorView* view = file.find(tensor_name);
  if (view == nullptr) throw refusal_of(name, tensor_name, "no such tensor", "one");
  if (view->dtype != dtype)
    throw refusal_of(name, tensor_name, std::string(orrery::name(view->dtype)), std::string(orrery::name(dtype)));
  return *view;
}

}  // namespace

uint64_t digest(std::span<const std::byte> bytes, uint64_t before) {
  uint64_t hash = (before ^ bytes.size()) * 0x9e3779b97f4a7c15u + 1;
  for (size_t at = 0; at < bytes.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min<size_t>(8, bytes.size() - at));
    hash = std::rotl((hash ^ word) * 0xff51afd7ed558ccdu, 29);
  }
  return hash;
}

PromptFingerprint prompt_fingerprint(const Checkpoint& checkpoint, const DecoderSpec& spec,
                                     const kernels::KvFormat& format, bool exact) {
  PromptFingerprint fields = {{"family", spec.family},
                              {"vocab_size", std::to_string(spec.vocab_size)},
                              {"hidden_size", std::to_string(spec.hidden_size)},
                              {"layers", std::to_string(spec.layers)},
                              {"heads", fmt::format("{} on {} of {}", spec.heads, spec.kv_heads, spec.head_dim)},
                              {"file_bytes", std::to_string(checkpoint.file_bytes())},
                              {"weights", hexadecimal(weights_digest(checkpoint))},
                              {"exact", exact ? "yes" : "no"}};
  if (spec.mixer == MixerKind::kAttention) {
    fields.insert(fields.end(),
                  {{"kv", std::string(name(format.dtype))},
                   {"rope", rope_text(spec.rope) + (spec.local_rope ? "; local " + rope_text(*spec.local_rope) : "")},
                   {"windows", fmt::format("{}; sinks {} before {}; groups of {} behind {}",
                                           fmt::join(spec.windows, ","), spec.streaming.sinks, spec.streaming.window,
                                           spec.self_extend.group, spec.self_extend.neighbours)}});
  }
  return fields;
}

void write_prompt_cache(const std::filesystem::path& path, const PromptFingerprint& fingerprint,
                        const StoredPrompt& prompt) {
  const auto view = [](const std::string& name, DType dtype, std::span<const std::byte> bytes) {
    const auto size = static_cast<int64_t>(bytes.size());
    return TensorView{name, dtype, {size / info(dtype).block_bytes}, bytes.data(), size};
  };
  std::vector<TensorView> tensors = {view("tokens", DType::kI32, std::as_bytes(std::span(prompt.tokens))),
                                     view("state", DType::kU8, prompt.state)};
  for (size_t i = 0; i < prompt.pages.size(); ++i)
    tensors.push_back(view(fmt::format("page.{}", i), DType::kU8, prompt.pages[i]));
  std::map<std::string, std::string, std::less<>> metadata(fingerprint.begin(), fingerprint.end());
  metadata["format"] = kFormat;
  metadata["version"] = kVersion;
  metadata["rotation"] = root_name(prompt.root);
  metadata["digest"] = hexadecimal(digest_of(prompt));
  formats::write_safetensors(path, tensors, metadata);
}

StoredPrompt read_prompt_cache(const formats::SafetensorsFile& file, const std::string& name,
                               const PromptFingerprint& fingerprint, const PromptLayout& layout) {
  const auto& metadata = file.metadata();
  const auto expect = [&](const std::string& field, const std::string& expected) {
    const auto entry = metadata.find(field);
    const std::string found = entry == metadata.end() ? "no such field" : entry->second;
    if (found != expected) throw refusal_of(name, field, found, expected);
  };
  const auto expect_bytes = [&](const TensorView& view, int64_t expected) {
    if (view.bytes != expected)
      throw refusal_of(name, view.name, fmt::format("{} bytes", view.bytes), fmt::format("{}", expected));
  };
  expect("format", kFormat);
  expect("version", kVersion);
  for (const auto& [field, value] : fingerprint) expect(field, value);

  StoredPrompt prompt;
  const TensorView& tokens = tensor(file, name, "tokens", DType::kI32);
  const int64_t count = tokens.elements();
  const bool recurrent = layout.page_bytes == 0;
  if (!recurrent && count % kPageTokens != 0)
    throw refusal_of(name, "tokens", fmt::format("{} of them", count), "a multiple of 64");
  prompt.tokens.resize(static_cast<size_t>(count));
  if (tokens.bytes > 0) std::memcpy(prompt.tokens.data(), tokens.data, static_cast<size_t>(tokens.bytes));
  for (int64_t i = 0; !recurrent && i < count / kPageTokens; ++i) {
    const TensorView& page = tensor(file, name, fmt::format("page.{}", i), DType::kU8);
    expect_bytes(page, layout.page_bytes);
    prompt.pages.emplace_back(page.data, page.bytes);
  }
  const TensorView& state = tensor(file, name, "state", DType::kU8);
  expect_bytes(state, recurrent && count > 0 ? layout.state_bytes(count) : 0);
  prompt.state = {state.data, static_cast<size_t>(state.bytes)};
  const auto rotation = metadata.find("rotation");
  prompt.root = rotation != metadata.end() && rotation->second == "long" ? kLongRotation : 0;
  expect("rotation", std::string(root_name(prompt.root)));
  expect("digest", hexadecimal(digest_of(prompt)));
  return prompt;
}

}  // namespace orrery::text
