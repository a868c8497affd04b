#include "orrery/serve/service.h"

#include <fmt/format.h>

#include "orrery/serve/refusal.h"
#include "orrery/serve/store/store.h"

namespace orrery::serve {
namespace {

void guarded(const std::shared_ptr<Exchange>& exchange, ErrorForm form, const std::function<void()>& task) {
  try {
    task();
  } catch (const std::exception& error) {
    exchange->post([exchange, response = form(error)] {
      if (!exchange->answered() && !exchange->gone()) exchange->respond(response);
    });
  }
}

void check_queue(int64_t waiting, int64_t most) {
  if (waiting < most) return;
  Refusal full(429, "",
               {.doing = "answer",
                .found = fmt::format("{} requests that wait already", most),
                .advice = "try again in a moment"},
               "queue_full");
  full.retry_after = 1;
  throw full;
}

}  // namespace

Service::Service(std::vector<ModelEntry> models, int64_t memory_bytes, int64_t queue)
    : shelf(std::move(models), memory_bytes), queue(queue) {}

Service::~Service() = default;

void Service::prepare(const std::shared_ptr<Exchange>& exchange, ErrorForm form, std::function<void()> prepare) {
  worker.post([exchange, form, prepare = std::move(prepare)] {
    if (!exchange->gone()) guarded(exchange, form, prepare);
  });
}

void Service::prepare_with(const std::shared_ptr<Exchange>& exchange, ErrorForm form, const std::string& model,
                           std::function<void(const std::shared_ptr<Model>&)> prepare) {
  shelf.use(model, [=, this](const std::shared_ptr<Model>& open, const std::exception_ptr& error) {
    guarded(exchange, form, [&] {
      if (exchange->gone()) return;
      if (error) std::rethrow_exception(error);
      check_queue(open->turnstile.waiting(), queue);
      prepare(open);
    });
  });
}

void Service::compute(const std::shared_ptr<Exchange>& exchange, ErrorForm form, std::function<void()> task) {
  run_in(computing_, exchange, form, std::move(task));
}

void Service::read_files(const std::shared_ptr<Exchange>& exchange, ErrorForm form, std::function<void()> task) {
  run_in(files_, exchange, form, std::move(task));
}

void Service::run_in(Lane& lane, const std::shared_ptr<Exchange>& exchange, ErrorForm form,
                     std::function<void()> task) {
  check_queue(lane.tasks, queue);
  ++lane.tasks;
  lane.worker.post([exchange, form, &lane, task = std::move(task)] {
    if (!exchange->gone()) guarded(exchange, form, task);
    --lane.tasks;
  });
}

}  // namespace orrery::serve
