// What orrery scene's commands below the libtorch line do.
#pragma once

#include "cli/scene/commands.h"

namespace orrery::cli {

void scene_check(const SceneCheckCommand& command);
void scene_poses(const ScenePosesCommand& command);
void scene_train(const SceneTrainCommand& command);

}  // namespace orrery::cli
