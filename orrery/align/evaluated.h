// A task that is evaluated on records which it does not learn from.
#pragma once

#include <memory>

#include "orrery/train/loop.h"

namespace orrery::align {

/// `task`, evaluated by one epoch of `held_out`: a task of the same kind and model, on other records in their order.
/// Metrics are its loss and whatever else it counts, over all of its records alike.
std::unique_ptr<train::Task> evaluated(std::unique_ptr<train::Task> task, std::unique_ptr<train::Task> held_out);

}  // namespace orrery::align
