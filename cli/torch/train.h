// What orrery train does.
#pragma once

#include "cli/train/command.h"

namespace orrery::cli {

void train(const TrainCommand& command);

}  // namespace orrery::cli
