// What a model family has to say about itself; every family is a file pair here and a line in families().
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/base/tensor_view.h"
#include "orrery/text/decoder_spec.h"

namespace orrery::text {

class GgufConfig;
class ConfigJson;

/// One row of a family's tensor table. The first "{}" in a name is the layer, the second the expert; a name without the
/// second stands for a stack [experts, …], of which the row is a slice. Files call a tensor by any of the names.
struct TensorRow {
  using Extent = int64_t (*)(const DecoderSpec&);
  std::string_view canonical;                     ///< what the engine asks for, in llama's words
  std::string_view gguf;                          ///< llama.cpp's
  std::string_view meta;                          ///< the original authors', llama2.c's too; empty where they have none
  std::vector<Extent> shape;                      ///< [rows, cols] as functions of the spec
  bool (*present)(const DecoderSpec&) = nullptr;  ///< nullptr: always
  std::string_view hub = {};                      ///< the hub's; empty: the canonical one
  int64_t first_layer = 0;                        ///< layers before it have no such tensor
};

/// A tensor that a model of this spec has.
struct ExpectedTensor {
  std::string canonical, hub, gguf, meta;
  std::vector<int64_t> shape;
};

/// The tensors of a file without a config, to read a spec from their names and shapes.
class OriginalTensors {
 public:
  OriginalTensors(const std::vector<TensorView>& tensors, std::string where)
      : tensors_(tensors), where_(std::move(where)) {}
  bool has(std::string_view name) const;
  /// Throws Error naming the tensor when it is missing or has fewer axes than `axes`.
  const TensorView& at(std::string_view name, size_t axes = 1) const;
  /// N + 1 for the largest N of the names "PREFIX.N.…"; 0 where there is none.
  int64_t layers(std::string_view prefix) const;
  const std::string& where() const { return where_; }

 private:
  const TensorView* find(std::string_view name) const;

  const std::vector<TensorView>& tensors_;
  std::string where_;
};

struct Family {
  std::string_view name;
  std::vector<std::string_view> gguf_architectures;  ///< general.architecture
  std::vector<std::string_view> model_types;         ///< config.json model_type
  std::vector<std::string_view> hub_architectures;   ///< config.json architectures
  /// Both throw Error naming the field that is missing, wrong or asks for something that is not supported.
  DecoderSpec (*spec_from_hub)(const ConfigJson&);
  DecoderSpec (*spec_from_gguf)(const GgufConfig&);
  /// Writes into `config` what spec_from_hub reads, in 2023's dialect. Throws Error for a spec that the family's
  /// configs cannot say. nullptr: none is ever written.
  void (*describe)(const DecoderSpec&, nlohmann::json& config) = nullptr;
  std::span<const TensorRow> tensors;
  /// Tensors of a file that are no weights: obsolete buffers, and what the spec has already taken in.
  bool (*ignorable)(std::string_view name, const DecoderSpec&);
  /// Takes apart a tensor that some files keep fused (q, k and v in one) or call by an older name: views of its rows
  /// under the names of the table. Empty: the tensor is none of these. nullptr: the family knows no such files.
  std::vector<TensorView> (*split)(const TensorView&, const DecoderSpec&) = nullptr;
  /// Of the families that share a GGUF architecture, the first that claims a file has it. nullptr: claims all.
  bool (*claims_gguf)(const GgufConfig&) = nullptr;
  RopeLayout gguf_layout = RopeLayout::kHalf;  ///< how q's and k's rows lie in GGUF files
  /// The attention's scale that llama.cpp takes for such a model; nullptr: head_dim^-0.5.
  double (*gguf_attention_scale)(const DecoderSpec&) = nullptr;
  /// The axes that the hub gives a tensor, by its canonical name, where they are not the table's; empty: they are.
  std::vector<int64_t> (*hub_shape)(std::string_view canonical, const DecoderSpec&) = nullptr;
  double hub_norm_offset = 0;  ///< what the hub's norms leave to be added to their weights; GGUF's have it in them
  bool gguf_windows = false;   ///< whether its GGUF files can say which layers have windows
  /// Tensors that llama.cpp wants and does not use, and those that it gets in their place.
  std::vector<std::pair<std::string_view, std::string_view>> gguf_stand_ins = {};
  /// A tensor of the original authors' files that this family has and no other; the spec of such a file, which has no
  /// config. Throws Error naming a tensor that is missing.
  std::string_view original_mark = {};
  DecoderSpec (*spec_from_original)(const OriginalTensors&) = nullptr;
};

/// Rows [first, first + count) of a tensor [rows, cols], or slice `first` of [slices, rows, cols], under another name.
TensorView rows_of(const TensorView& tensor, std::string name, int64_t first, int64_t count);
TensorView slice_of(const TensorView& tensor, std::string name, int64_t slice);

/// The name of slice `expert` of a stacked tensor: "NAME#expert".
std::string slice_name(std::string_view stack, int64_t expert);

/// Every family there is.
const std::vector<Family>& families();

/// The family of a GGUF architecture, or of a hub config's architectures and model_type. Throws Error listing the known
/// ones.
const Family& family_of_gguf(const GgufConfig& config);
const Family& family_of_hub(const ConfigJson& config);
const Family& family_named(std::string_view name);
/// The family whose mark is among the tensors; nullptr when none is.
const Family* family_of_original(const OriginalTensors& tensors);

/// The family's table for a given spec, layer by layer. Throws Error when the spec's sizes are not positive.
std::vector<ExpectedTensor> expected_tensors(const Family& family, const DecoderSpec& spec);

}  // namespace orrery::text
