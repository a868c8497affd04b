// What the handlers of all APIs share.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "orrery/serve/http/exchange.h"
#include "orrery/serve/metrics.h"
#include "orrery/serve/models/shelf.h"
#include "orrery/serve/worker.h"

namespace orrery::serve {

/// How an API writes an error.
using ErrorForm = Response (*)(const std::exception&);

class Store;

/// Models, counts, and the thread that prepares requests.
class Service {
 public:
  Service(std::vector<ModelEntry> models, int64_t memory_bytes, int64_t queue);
  ~Service();

  Shelf shelf;
  Metrics metrics;               ///< of the server's thread
  std::atomic<int64_t> queue;    ///< requests that may wait for a place in a batch, per model
  std::unique_ptr<Store> store;  ///< the studio's; nullptr: it is not served
  std::string version;
  size_t body_bytes = 0;  ///< that a request may have
  Worker worker, store_worker;

  /// Runs `prepare` in the worker's thread; an exception of it answers the exchange.
  void prepare(const std::shared_ptr<Exchange>& exchange, ErrorForm form, std::function<void()> prepare);
  /// The same with a model, which may have to be opened first. Throws Refusal for one that is not known, and for a full
  /// queue.
  void prepare_with(const std::shared_ptr<Exchange>& exchange, ErrorForm form, const std::string& model,
                    std::function<void(const std::shared_ptr<Model>&)> prepare);
  /// Runs what has to wait until an engine is idle, one after the other, in a thread where nothing else waits for it.
  /// Throws Refusal for a full queue.
  void compute(const std::shared_ptr<Exchange>& exchange, ErrorForm form, std::function<void()> task);
  /// Runs what reads PDFs and pictures, likewise in a thread of its own: one may take a minute.
  void read_files(const std::shared_ptr<Exchange>& exchange, ErrorForm form, std::function<void()> task);

 private:
  /// A worker with tasks that may wait, but not too many.
  struct Lane {
    std::atomic<int64_t> tasks{0};
    Worker worker;
  };
  void run_in(Lane& lane, const std::shared_ptr<Exchange>& exchange, ErrorForm form, std::function<void()> task);

  Lane computing_, files_;
};

}  // namespace orrery::serve
