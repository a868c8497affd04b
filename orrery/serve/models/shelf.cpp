#include "orrery/serve/models/shelf.h"

#include <fmt/format.h>

#include <future>

#include "orrery/base/log.h"
#include "orrery/serve/refusal.h"
#include "orrery/text/adapters/adapter.h"

namespace orrery::serve {

Shelf::Shelf(std::vector<ModelEntry> entries, int64_t memory_bytes) : memory_bytes_(memory_bytes) {
  for (ModelEntry& entry : entries) slots_.emplace_back().entry = std::move(entry);
}

Shelf::Slot& Shelf::find(const std::string& name) {
  if (name.empty() && !slots_.empty()) return slots_.front();
  std::string names;
  for (Slot& slot : slots_) {
    if (slot.entry.name == name) return slot;
    names += (names.empty() ? "" : ", ") + slot.entry.name;
  }
  throw Refusal(
      404, "model",
      {.doing = "find the model", .where = "model", .found = "\"" + name + "\"", .expected = "one of: " + names},
      "model_not_found");
}

void Shelf::use(const std::string& name, Ready ready) {
  std::shared_ptr<Model> open_already;
  {
    std::lock_guard lock(mutex_);
    Slot& slot = find(name);
    slot.last_use = ++clock_;
    open_already = slot.model;
    if (!open_already) {
      slot.waiting.push_back(std::move(ready));
      if (slot.opening) return;
      slot.opening = true;
      worker_.post([this, &slot] { open(slot); });
      return;
    }
  }
  ready(std::move(open_already), nullptr);
}

void Shelf::open(Slot& slot) {
  std::shared_ptr<Model> model;
  std::exception_ptr error;
  try {
    auto checkpoint = text::Checkpoint::open(slot.entry.path);
    make_room(checkpoint->file_bytes());
    model = std::make_shared<Model>(slot.entry.name, std::move(checkpoint), slot.entry.engine);
    for (const auto& [name, path] : slot.entry.adapters) {
      model->engine.load_adapter(name, text::open_adapter(path));
      model->adapters.push_back(name);
    }
    make_room(0);
    log(LogLevel::kInfo, fmt::format("model {} is open: {}, {:.0f} MB", slot.entry.name, slot.entry.path,
                                     static_cast<double>(bytes_of(*model)) / 1e6));
  } catch (const std::exception& failure) {
    error = std::current_exception();
    log(LogLevel::kError, fmt::format("model {}: {}", slot.entry.name, failure.what()));
  }
  std::vector<Ready> waiting;
  {
    std::lock_guard lock(mutex_);
    slot.model = model;
    slot.opening = false;
    waiting.swap(slot.waiting);
  }
  for (Ready& ready : waiting) ready(model, error);
}

int64_t Shelf::bytes_of(const Model& model) { return model.engine.weight_bytes() + model.engine.kv_bytes(); }

// Closes models that nobody uses, the least recently used first.
void Shelf::make_room(int64_t bytes) {
  if (memory_bytes_ == 0) return;
  std::vector<std::shared_ptr<Model>> closed;  // destroyed without the lock
  std::lock_guard lock(mutex_);
  for (;;) {
    int64_t held = bytes;
    Slot* oldest = nullptr;
    for (Slot& slot : slots_) {
      if (!slot.model) continue;
      held += bytes_of(*slot.model);
      if (slot.entry.pinned || slot.model.use_count() > 1) continue;
      if (oldest == nullptr || slot.last_use < oldest->last_use) oldest = &slot;
    }
    if (held <= memory_bytes_ || oldest == nullptr) return;
    log(LogLevel::kInfo, fmt::format("model {} is closed", oldest->entry.name));
    closed.push_back(std::move(oldest->model));
  }
}

void Shelf::open_pinned() {
  std::vector<std::string> names;
  for (const Slot& slot : slots_)
    if (slot.entry.pinned) names.push_back(slot.entry.name);
  for (const std::string& name : names) {
    std::promise<void> done;
    use(name, [&](const std::shared_ptr<Model>&, std::exception_ptr error) {
      if (error)
        done.set_exception(error);
      else
        done.set_value();
    });
    done.get_future().get();
  }
}

void Shelf::cancel_all() {
  for (const Listing& listing : list())
    if (listing.model) listing.model->engine.cancel_all();
}

std::vector<Shelf::Listing> Shelf::list() const {
  std::lock_guard lock(mutex_);
  std::vector<Listing> listing;
  for (const Slot& slot : slots_) {
    listing.push_back({slot.entry.name, slot.entry.path, slot.model, {}});
    for (const auto& [name, path] : slot.entry.adapters) listing.back().adapters.push_back(name);
  }
  return listing;
}

}  // namespace orrery::serve
