// Held-out photos beside what the scene shows of them.
#pragma once

#include <filesystem>

#include "orrery/scene/gaussians/dataset_photos.h"
#include "orrery/scene/gaussians/task.h"

namespace orrery::scene {

/// Of every held-out photo, of which there is one at least, folder/NAME.png, the scene on the left and the photo on the
/// right; and folder/index.html, which shows them with their numbers, the lowest PSNR first. Returns the means.
Likeness write_held_out(const std::filesystem::path& folder, GaussianTask& task, const DatasetPhotos& held_out);

}  // namespace orrery::scene
