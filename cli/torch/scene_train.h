// What orrery scene train does.
#pragma once

#include "cli/train/scene_command.h"

namespace orrery::cli {

void scene_train(const SceneTrainCommand& command);

}  // namespace orrery::cli
