// One reader per kind of scene, for raw_scene.cpp alone.
#pragma once

#include "orrery/scene/data/raw_scene.h"

namespace orrery::scene {

/// nullopt where the folder holds no such scene.
std::optional<RawScene> read_colmap_scene(const std::filesystem::path& folder, const ReadOptions& options);
std::optional<RawScene> read_transforms_scene(const std::filesystem::path& folder, const ReadOptions& options);
std::optional<RawScene> read_opensfm_scene(const std::filesystem::path& folder, const ReadOptions& options);

/// Cameras, frames and points of a model whose photos lie in the scene's folder of images, or in images_N.
void take_model(const formats::ColmapModel& model, const ReadOptions& options, RawScene& scene);

/// "images_4" where that is wanted and there, else "images".
std::filesystem::path folder_of_pictures(const std::filesystem::path& folder, const ReadOptions& options);

/// The mask of the picture `name` in a folder of masks: COLMAP's NAME.jpg.png, or NAME.png; empty where there is none.
std::filesystem::path find_mask(const std::filesystem::path& masks, const std::string& name);

/// JPEG, PNG and WebP files below a folder, relative to it, sorted.
std::vector<std::string> pictures_below(const std::filesystem::path& folder);

}  // namespace orrery::scene
