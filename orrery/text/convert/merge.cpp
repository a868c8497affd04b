#include "orrery/text/convert/merge.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "orrery/base/atomic_folder.h"
#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/formats/safetensors.h"
#include "orrery/text/checkpoint_files.h"
#include "orrery/text/convert/convert.h"
#include "orrery/text/convert/to_hub.h"
#include "orrery/text/engine/engine.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;

constexpr int64_t kShardBytes = int64_t{5} << 30;  // as transformers cuts them
constexpr size_t kComparedTokens = 64;
constexpr const char* kComparedText =
    "An orrery is a working model of a known system. In the year 1704 George Graham and Thomas Tompion built the first "
    "of the modern kind: def turn(planets): return [(p.angle + p.speed) % 360 for p in planets]";

/// What lies beside a model's weights and belongs to it.
constexpr const char* kCompanions[] = {"config.json",
                                       "generation_config.json",
                                       "params.json",
                                       "tokenizer.json",
                                       "tokenizer.model",
                                       "tokenizer_config.json",
                                       "vocab.json",
                                       "merges.txt",
                                       "special_tokens_map.json",
                                       "added_tokens.json",
                                       "chat_template.jinja",
                                       "chat_template.json",
                                       "processor_config.json",
                                       "preprocessor_config.json"};

Error refusal(const std::string& where, std::string found, std::string expected) {
  return Error(
      {.doing = "merge an adapter", .where = where, .found = std::move(found), .expected = std::move(expected)});
}

fs::path folder_of(const fs::path& path) {
  if (fs::is_directory(path)) return path;
  return path.parent_path().empty() ? fs::path(".") : path.parent_path();
}

void copy_companions(const fs::path& model, const fs::path& to) {
  for (const char* name : kCompanions)
    if (fs::exists(folder_of(model) / name)) fs::copy_file(folder_of(model) / name, to / name);
  const fs::path above = folder_of(model) / ".." / "tokenizer.model";  // Meta's, of all sizes of a model
  if (is_meta_checkpoint(model) && !fs::exists(to / "tokenizer.model") && !fs::exists(to / "tokenizer.json") &&
      fs::exists(above))
    fs::copy_file(above, to / "tokenizer.model");
  if (!fs::is_directory(model) && model.extension() == ".json" && model.filename().string().starts_with("config"))
    fs::copy_file(model, to / "config.json", fs::copy_options::overwrite_existing);  // the config that was asked for
}

class Merge {
 public:
  Merge(const std::string& model, std::vector<WeightedAdapter> adapters, const MergeOptions& options)
      : base_(Checkpoint::open(model)),
        adapters_(bind_all(std::move(adapters))),
        options_(options),
        merged_(*base_, adapters_, options.threads) {
    summary_.changed = merged_.count();
  }

  MergeSummary into(const fs::path& output) {
    const bool to_gguf = output.extension() == ".gguf", from_gguf = base_->format() == "gguf";
    if (!to_gguf && fs::exists(output)) throw refusal(output.string(), "a folder that is there already", "a new one");
    if (base_->format() == "llama2.c")
      throw refusal(base_->path().string(), "a llama2.c file", "a hub folder, Meta's folder or a GGUF file");
    if (from_gguf) {
      if (std::error_code failed; fs::equivalent(base_->path(), output, failed))
        throw refusal(output.string(), "the model itself", "another file");
      const fs::path partial = fmt::format("{}.partial-{}.gguf", output.string(), getpid());
      const Cleanup cleanup{partial};
      write_gguf(partial);
      compare(partial.string());
      if (to_gguf)
        fs::rename(partial, output);
      else
        convert_to_hub(partial.string(), output, {.type = float_type(), .threads = options_.threads, .progress = {}});
    } else {
      AtomicFolder folder(output);
      write_folder(folder.path());
      compare(folder.path().string());
      if (to_gguf)
        convert_to_gguf(
            folder.path().string(), output,
            {.type = float_type(), .name = output.stem().string(), .threads = options_.threads, .progress = {}});
      else
        folder.commit();
    }
    return summary_;
  }

 private:
  struct Cleanup {
    fs::path file;
    ~Cleanup() {
      std::error_code failed;
      fs::remove(file, failed);
    }
  };

  std::vector<WeightedAdapter> bind_all(std::vector<WeightedAdapter> adapters) const {
    for (WeightedAdapter& weighted : adapters) weighted.adapter = bind(weighted.adapter, base_->spec());
    return adapters;
  }

  formats::TensorSource source(std::span<const TensorView> tensors) {
    total_ = done_ = 0;
    for (const TensorView& tensor : tensors) total_ += tensor.bytes;
    summary_.tensors = static_cast<int64_t>(tensors.size());
    return [this](const TensorView& tensor) {
      if (options_.progress) options_.progress(done_, total_);
      done_ += tensor.bytes;
      return merged_.bytes(tensor);
    };
  }

  void write_gguf(const fs::path& path) {
    const formats::GgufFile file = formats::GgufFile::open(base_->path());
    for (const std::string& name : merged_.names())
      if (file.find(name) == nullptr)
        throw refusal(base_->path().string(),
                      fmt::format("a change of {}, which the file keeps fused with others", name),
                      "changes of whole tensors");
    formats::write_gguf(path, file.metadata(), file.tensors(), source(file.tensors()));
  }

  void write_folder(const fs::path& folder) {
    for (const TensorView& tensor : base_->tensors())
      if (tensor.name.find('#') != std::string::npos)
        throw refusal(base_->path().string(), fmt::format("experts stacked in one tensor ({})", tensor.name),
                      "a tensor for each expert");
    copy_companions(base_->path(), folder);
    if (is_meta_checkpoint(base_->path()))
      formats::write_safetensors(folder / "consolidated.safetensors", base_->tensors(), {}, source(base_->tensors()));
    else
      formats::write_safetensors_sharded(folder, "model", base_->tensors(), kShardBytes, {{"format", "pt"}},
                                         source(base_->tensors()));
  }

  /// The type of the matrices, which are of one as a rule.
  std::string float_type() const {
    const auto has = [&](DType dtype) {
      return std::ranges::any_of(base_->tensors(),
                                 [&](const TensorView& t) { return t.rows() > 1 && t.dtype == dtype; });
    };
    return has(DType::kF32) ? "F32" : has(DType::kBF16) ? "BF16" : "F16";
  }

  std::vector<TokenId> compared_tokens() const {
    std::vector<TokenId> tokens(kComparedTokens);
    if (base_->has_tokenizer()) {
      tokens = base_->tokenizer().encode(kComparedText);
    } else {
      for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<TokenId>(i * 7919 % base_->spec().vocab_size);
    }
    tokens.resize(std::min<size_t>({tokens.size(), kComparedTokens, size_t(base_->spec().context_length)}));
    return tokens;
  }

  std::vector<float> logits(Engine& engine, std::span<const AdapterUse> adapters) const {
    std::vector<float> all;
    engine.score(
        compared_tokens(), [&](int64_t, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); },
        {}, adapters);
    return all;
  }

  /// One engine after the other, so that only one model's weights are packed at a time.
  void compare(const std::string& merged) {
    const EngineOptions engine{.threads = options_.threads, .max_sequences = 1, .kv_dtype = DType::kF32};
    std::vector<float> expected;
    {
      Engine unmerged(base_, engine);
      std::vector<AdapterUse> uses;
      try {
        for (const WeightedAdapter& weighted : adapters_) {
          uses.push_back({fmt::format("{}", uses.size()), weighted.weight});
          unmerged.load_adapter(uses.back().name, weighted.adapter);
        }
      } catch (const Error& error) {
        summary_.not_compared = error.what();
        return;
      }
      expected = logits(unmerged, uses);
    }
    Engine with_it(Checkpoint::open(merged), engine);
    const std::vector<float> found = logits(with_it, {});
    float largest = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      const float change = std::abs(found[i] - expected[i]);
      if (!std::isnan(largest) && !(change <= largest)) largest = change;
    }
    summary_.largest_logit_change = largest;
  }

  std::shared_ptr<const Checkpoint> base_;
  const std::vector<WeightedAdapter> adapters_;
  const MergeOptions& options_;
  MergedTensors merged_;
  MergeSummary summary_;
  int64_t done_ = 0, total_ = 0;
};

}  // namespace

MergeSummary merge_adapters(const std::string& model, std::vector<WeightedAdapter> adapters, const fs::path& output,
                            const MergeOptions& options) {
  return Merge(model, std::move(adapters), options).into(output);
}

}  // namespace orrery::text
