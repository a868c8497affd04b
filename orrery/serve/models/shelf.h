// Models behind one port: opened on first use, closed when memory is needed.
#pragma once

#include <cstdint>
#include <functional>
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

  bool operator==(const ModelEntry&) const = default;
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

  /// Throws Error for a model that is not on the shelf yet and cannot be had: its files or its adapters' are not what
  /// they should be, or it cannot have the options.
  void check(const std::vector<ModelEntry>& entries) const;
  /// Other models, in this order. Those whose entries are the same stay as they are; the others serve the requests that
  /// have them, and are closed when the last one has ended. What is pinned is opened in the background.
  void replace(std::vector<ModelEntry> entries, int64_t memory_bytes);

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
    explicit Slot(ModelEntry e) : entry(std::move(e)), pinned(entry.pinned) {}

    const ModelEntry entry;
    bool pinned;  ///< the latest entry's
    std::shared_ptr<Model> model;
    std::vector<Ready> waiting;
    uint64_t last_use = 0;
    bool opening = false;
  };
  using Slots = std::vector<std::shared_ptr<Slot>>;
  std::shared_ptr<Slot> find(const std::string& name) const;
  static std::shared_ptr<Slot> same(const Slots& slots, const ModelEntry& entry);
  void begin_to_open(const std::shared_ptr<Slot>& slot);
  void open(Slot& slot);
  void make_room(int64_t bytes);
  void let_go();
  static int64_t bytes_of(const Model& model);

  mutable std::mutex mutex_;
  // Guarded by mutex_, apart from a slot's entry:
  int64_t memory_bytes_;
  Slots slots_;
  Slots retired_;  // not to be found any more, perhaps in use
  uint64_t clock_ = 0;
  Worker worker_;  // last: its tasks use the rest
};

}  // namespace orrery::serve
