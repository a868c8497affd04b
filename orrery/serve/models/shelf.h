// Models behind one port: opened on first use, closed when memory is needed.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "orrery/serve/models/model.h"
#include "orrery/serve/worker.h"

namespace orrery::serve {

/// A model that may be asked for.
struct ModelEntry {
  std::string name;                                           ///< what requests call it
  std::string path;                                           ///< as Checkpoint::open takes it
  bool pinned = false;                                        ///< opened at the start, never closed
  std::vector<std::pair<std::string, std::string>> adapters;  ///< name, file or folder
  text::EngineOptions engine;
};

/// From any thread.
class Shelf {
 public:
  using Ready = std::function<void(std::shared_ptr<Model> model, std::exception_ptr error)>;

  /// `memory_bytes`: models are closed, the least recently used first, while weights and caches take more; 0: no limit.
  Shelf(std::vector<ModelEntry> entries, int64_t memory_bytes);

  /// Calls `ready` with the model of that name ("": the first), when it is open; maybe at once, maybe from another
  /// thread. Throws Refusal (404) for a name that is not there.
  void use(const std::string& name, Ready ready);
  /// Opens what is pinned, in order; waits.
  void open_pinned();

  /// Ends what all models are doing.
  void cancel_all();

  struct Listing {
    std::string name, path;
    std::shared_ptr<Model> model;  ///< nullptr: not open
    std::vector<std::string> adapters;
  };
  std::vector<Listing> list() const;

 private:
  struct Slot {
    ModelEntry entry;
    std::shared_ptr<Model> model;
    std::vector<Ready> waiting;
    uint64_t last_use = 0;
    bool opening = false;
  };
  Slot& find(const std::string& name);
  void open(Slot& slot);
  void make_room(int64_t bytes);
  static int64_t bytes_of(const Model& model);

  const int64_t memory_bytes_;
  mutable std::mutex mutex_;
  std::list<Slot> slots_;  // guarded by mutex_, apart from `entry`
  uint64_t clock_ = 0;
  Worker worker_;  // last: its tasks use the rest
};

}  // namespace orrery::serve
