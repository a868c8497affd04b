// For kill_test.cpp and ranks_test.cpp: resumable_run FOLDER OPTIM STEPS [NAN] trains a small model into the folder, or
// goes on with what is there, and writes a byte to standard output before each micro-batch. In step NAN, from 0, a loss
// is no number. Where DIE_ONCE is in the environment, the process that can make the file of that name kills itself in
// step 7.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>

#include "orrery/base/error.h"
#include "tests/train/regression.h"

using namespace orrery;

int main(int count, char** arguments) try {
  const int64_t nan_step = count > 4 ? std::stoll(arguments[4]) : -1;
  train::Regression task({3, 4, 0, 3, 2}, 1000);
  task.on_micro_batch = [&](int64_t step, size_t micro_batch) {
    if (step == nan_step && micro_batch == 1) task.parameters().at("v").data_ptr<float>()[0] = NAN;
    const char* die_once = std::getenv("DIE_ONCE");
    if (die_once != nullptr && step == 7 && ::open(die_once, O_CREAT | O_EXCL, 0600) >= 0) ::raise(SIGKILL);
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
