#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/inspect/adapter.h"
#include "cli/inspect/inspection.h"
#include "orrery/base/progress.h"
#include "orrery/base/tensor_view.h"

namespace orrery::cli {
namespace {

using nlohmann::ordered_json;

std::string bytes_shown(const ordered_json& bytes) { return bytes_text(bytes.get<double>()); }

std::string row(std::string_view title, std::string_view text) { return fmt::format("{:<12}{}\n", title, text); }

std::string model_rows(const ordered_json& m) {
  const auto number = [&](const char* key) { return m[key].get<int64_t>(); };
  std::string text =
      row("model", fmt::format("{}, {:.1f} M parameters", m["family"].get<std::string>(), number("parameters") / 1e6));
  text += row("", fmt::format("{} layers of {}; {} heads of {} ({} for keys and values); feed-forward {}",
                              number("layers"), number("hidden_size"), number("heads"), number("head_dim"),
                              number("kv_heads"), number("intermediate_size")));
  if (m["rope_theta"].is_null())
    return text + row("", fmt::format("any context, norm eps {}", m["norm_eps"].get<double>()));
  return text + row("", fmt::format("context {}, rope theta {}, norm eps {}{}", number("context_length"),
                                    m["rope_theta"].get<double>(), m["norm_eps"].get<double>(),
                                    m["tied_embeddings"].get<bool>() ? ", tied embeddings" : ""));
}

std::string memory_rows(const ordered_json& memory) {
  if (memory.contains("state_bytes_per_sequence"))
    return row("memory",
               fmt::format("{} for the weights, {} for each sequence, at any length",
                           bytes_shown(memory["weight_bytes"]), bytes_shown(memory["state_bytes_per_sequence"])));
  std::vector<std::string> totals;
  for (const auto& [type, bytes] : memory["bytes_at_context"].items())
    totals.push_back(fmt::format("{} as {}", bytes_shown(bytes), type));
  return row("memory",
             fmt::format("{} for the weights, {} for each token of the cache (f16)",
                         bytes_shown(memory["weight_bytes"]), bytes_shown(memory["cache_bytes_per_token"]["f16"]))) +
         row("", fmt::format("with {} tokens: {}", memory["context"].get<int64_t>(), fmt::join(totals, ", ")));
}

std::string tokenizer_rows(const ordered_json& tokenizer) {
  if (tokenizer.is_null()) return row("tokenizer", "none");
  std::string text = fmt::format("{} tokens", tokenizer["size"].get<int64_t>());
  for (const char* name : {"bos", "eos", "unk", "pad"})
    if (const ordered_json& token = tokenizer[name]; !token.is_null())
      text += fmt::format("; {} {} {}", name, token["piece"].get<std::string>(), token["id"].get<int64_t>());
  const size_t template_bytes = tokenizer["chat_template"].get_ref<const std::string&>().size();
  return row("tokenizer", text) +
         row("", template_bytes > 0 ? fmt::format("chat template of {} bytes", template_bytes) : "no chat template");
}

std::string value_shown(const ordered_json& value, bool all) {
  constexpr size_t kMost = 72;
  std::string text = value.is_object()
                         ? fmt::format("{} values: {} …", value["length"].get<size_t>(), value["first"].dump())
                         : value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  if (all || text.size() <= kMost) return text;
  text.resize(kMost);
  while ((text.back() & 0xC0) == 0x80) text.pop_back();  // not in the middle of a character
  if (text.back() & 0x80) text.pop_back();
  return text + " …";
}

std::string metadata_rows(const ordered_json& metadata, bool all) {
  if (metadata.empty()) return "";
  size_t width = 0;
  for (const auto& [key, value] : metadata.items()) width = std::max(width, key.size());
  std::string text = "metadata\n";
  for (const auto& [key, value] : metadata.items())
    text += fmt::format("  {:<{}}  {}\n", key, width, value_shown(value, all));
  return text;
}

// Tensors that differ only in the first number of their names: "blk.{0-29}.attn_q.weight".
struct TensorGroup {
  std::string before, after, dtype, shape;
  std::vector<int64_t> numbers;  // empty: a name without a number
  int64_t bytes = 0;

  bool holds(const TensorGroup& other) const {
    return before == other.before && after == other.after && dtype == other.dtype && shape == other.shape &&
           numbers.empty() == other.numbers.empty();
  }
  std::string name() const { return numbers.empty() ? before : before + ranges() + after; }

  std::string ranges() const {
    std::vector<std::string> runs;
    for (size_t i = 0; i < numbers.size();) {
      size_t end = i + 1;
      while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
      runs.push_back(end - i == 1 ? fmt::format("{}", numbers[i]) : fmt::format("{}-{}", numbers[i], numbers[end - 1]));
      i = end;
    }
    const std::string text = fmt::format("{}", fmt::join(runs, ","));
    return numbers.size() == 1 ? text : "{" + text + "}";
  }
};

TensorGroup group_of(const ordered_json& tensor, bool all) {
  const std::string name = tensor["name"];
  TensorGroup group{.before = name,
                    .dtype = tensor["dtype"],
                    .shape = shape_string(tensor["shape"].get<std::vector<int64_t>>()),
                    .bytes = tensor["bytes"]};
  if (all) return group;
  for (size_t start = name.find('.'); start != name.npos; start = name.find('.', start + 1)) {
    const size_t end = std::min(name.find('.', start + 1), name.size());
    const std::string part = name.substr(start + 1, end - start - 1);
    if (part.empty() || part.size() > 6 || !std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; }))
      continue;
    group.before = name.substr(0, start + 1);
    group.after = name.substr(end);
    group.numbers = {std::stoll(part)};
    break;
  }
  return group;
}

std::string tensor_rows(const ordered_json& tensors, bool all) {
  std::vector<TensorGroup> groups;
  for (const ordered_json& tensor : tensors) {
    TensorGroup group = group_of(tensor, all);
    const auto same =
        std::ranges::find_if(groups, [&](const TensorGroup& other) { return !all && other.holds(group); });
    if (same == groups.end() || group.numbers.empty()) {
      groups.push_back(std::move(group));
    } else {
      same->numbers.push_back(group.numbers.front());
      same->bytes += group.bytes;
    }
  }
  size_t name_width = 0, shape_width = 0;
  for (TensorGroup& group : groups) {
    std::ranges::sort(group.numbers);
    name_width = std::max(name_width, group.name().size());
    shape_width = std::max(shape_width, group.shape.size());
  }
  std::string text = fmt::format("tensors: {}\n", tensors.size());
  for (const TensorGroup& group : groups)
    text += fmt::format("  {:<{}}  {:<{}}  {:<6} {:>8}{}\n", group.name(), name_width, group.shape, shape_width,
                        group.dtype, bytes_text(static_cast<double>(group.bytes)),
                        group.numbers.size() > 1 ? fmt::format("  in {}", group.numbers.size()) : "");
  return text;
}

}  // namespace

std::string inspection_text(const ordered_json& inspection, bool all) {
  std::string text = fmt::format("{}: {}, {}\n", inspection["path"].get<std::string>(),
                                 inspection["format"].get<std::string>(), bytes_shown(inspection["file_bytes"]));
  if (inspection.contains("model"))
    text +=
        model_rows(inspection["model"]) + memory_rows(inspection["memory"]) + tokenizer_rows(inspection["tokenizer"]);
  else if (inspection.contains("problem"))
    text += row("no model", inspection["problem"].get<std::string>());
  if (inspection.contains("adapter")) text += row("adapter", adapter_text(inspection["adapter"]));
  return text + metadata_rows(inspection["metadata"], all) + tensor_rows(inspection["tensors"], all);
}

}  // namespace orrery::cli
