// What an image adds to the prompts of the multimodal LLaMA-Adapter V2.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

namespace orrery::text {

/// clip_feats [tokens, clip_dim]: all tokens of CLIP's image encoder, after ln_post and its projection. They are
/// projected (clip_proj, clip_proj_norm), put behind the learned visual_query, and pass the visual blocks (pre-norm
/// Transformer blocks with exact GELU, Dosovitskiy et al. 2021); the query's rows, projected (visual_proj,
/// visual_proj_norm), are the result [query_len, hidden_size] for AdapterOptions::visual_query. `adapter`: the authors'
/// file, or a .safetensors with its names; v_num_heads comes from a config.json beside it, or is the authors' 16.
/// Throws Error naming tensors that are missing or whose shapes do not go together.
std::vector<float> visual_query(const std::filesystem::path& adapter, std::span<const float> clip_feats);

}  // namespace orrery::text
