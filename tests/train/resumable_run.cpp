// For kill_test.cpp: resumable_run FOLDER OPTIM trains a small model into the folder, or goes on with what is there,
// and writes a byte to standard output before each micro-batch.
#include <fmt/format.h>
#include <unistd.h>

#include "orrery/base/error.h"
#include "tests/train/regression.h"

using namespace orrery;

int main(int, char** arguments) try {
  train::Regression task({7, 5}, 1000);
  task.on_micro_batch = [](int64_t, size_t) {
    if (::write(STDOUT_FILENO, ".", 1) != 1) ::_exit(3);
  };
  train::run(task, {.max_steps = std::stoll(arguments[3]),
                    .learning_rate = 0.01,
                    .optimizer = {.optim = from_name(train::kOptimizerNames, "optim", arguments[2])},
                    .ema_decay = 0.9,
                    .logging_steps = 1,
                    .save_steps = 2,
                    .output_dir = arguments[1],
                    .resume = true,
                    .eval_steps = 5,
                    .load_best_model_at_end = true});
  return 0;
} catch (const Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
