#include "orrery/serve/models/shelf.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "orrery/base/log.h"
#include "orrery/serve/refusal.h"
#include "orrery/text/adapters/adapter.h"
#include "orrery/text/engine/context_options.h"

namespace orrery::serve {

namespace {
constexpr std::chrono::milliseconds kLookAgain{50};
}

Shelf::Shelf(std::vector<ModelEntry> entries, int64_t memory_bytes) : memory_bytes_(memory_bytes) {
  for (ModelEntry& entry : entries) slots_.push_back(std::make_shared<Slot>(std::move(entry)));
}

std::shared_ptr<Shelf::Slot> Shelf::find(const std::string& name) const {
  if (name.empty() && !slots_.empty()) return slots_.front();
  std::string names;
  for (const auto& slot : slots_) {
    if (slot->entry.name == name) return slot;
    names += (names.empty() ? "" : ", ") + slot->entry.name;
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
    const auto slot = find(name);
    slot->last_use = ++clock_;
    open_already = slot->model;
    if (!open_already) {
      slot->waiting.push_back(std::move(ready));
      return begin_to_open(slot);
    }
  }
  ready(std::move(open_already), nullptr);
}

// With the mutex held.
void Shelf::begin_to_open(const std::shared_ptr<Slot>& slot) {
  if (slot->model || std::exchange(slot->opening, true)) return;
  worker_.post([this, slot] { open(*slot); });
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
  std::vector<std::shared_ptr<Model>> closed;  // destroyed without the lock
  std::lock_guard lock(mutex_);
  if (memory_bytes_ == 0) return;
  for (;;) {
    int64_t held = bytes;
    for (const auto& slot : retired_)
      if (slot->model) held += bytes_of(*slot->model);
    Slot* oldest = nullptr;
    for (const auto& slot : slots_) {
      if (!slot->model) continue;
      held += bytes_of(*slot->model);
      if (slot->pinned || slot->model.use_count() > 1) continue;
      if (oldest == nullptr || slot->last_use < oldest->last_use) oldest = slot.get();
    }
    if (held <= memory_bytes_ || oldest == nullptr) return;
    log(LogLevel::kInfo, fmt::format("model {} is closed", oldest->entry.name));
    closed.push_back(std::move(oldest->model));
  }
}

void Shelf::open_pinned() {
  std::unique_lock lock(mutex_);
  const Slots slots = slots_;
  for (const auto& slot : slots) {
    if (!slot->pinned || slot->model) continue;
    std::promise<void> done;
    slot->waiting.push_back([&](const std::shared_ptr<Model>&, std::exception_ptr error) {
      if (error)
        done.set_exception(error);
      else
        done.set_value();
    });
    begin_to_open(slot);
    lock.unlock();
    done.get_future().get();
    lock.lock();
  }
}

std::shared_ptr<Shelf::Slot> Shelf::same(const Slots& slots, const ModelEntry& entry) {
  for (const auto& slot : slots) {
    ModelEntry other = entry;
    other.pinned = slot->entry.pinned;
    if (slot->entry == other) return slot;
  }
  return nullptr;
}

void Shelf::check(const std::vector<ModelEntry>& entries) const {
  std::unique_lock lock(mutex_);
  const Slots slots = slots_;
  lock.unlock();
  for (const ModelEntry& entry : entries) {
    if (same(slots, entry)) continue;
    text::check_options(text::Checkpoint::open(entry.path)->spec(), entry.engine);
    if (!entry.engine.draft.empty()) text::Checkpoint::open(entry.engine.draft);
    for (const auto& [name, path] : entry.adapters) text::open_adapter(path);
  }
}

void Shelf::replace(std::vector<ModelEntry> entries, int64_t memory_bytes) {
  std::lock_guard lock(mutex_);
  memory_bytes_ = memory_bytes;
  Slots slots;
  for (ModelEntry& entry : entries) {
    auto slot = same(slots_, entry);
    if (slot)
      slot->pinned = entry.pinned;
    else
      slot = std::make_shared<Slot>(std::move(entry));
    slots.push_back(std::move(slot));
  }
  for (const auto& slot : slots_)
    if (std::ranges::find(slots, slot) == slots.end()) retired_.push_back(slot);
  slots_ = std::move(slots);
  worker_.post([this] {
    let_go();
    make_room(0);
  });
  for (const auto& slot : slots_)
    if (slot->pinned) begin_to_open(slot);  // open() logs what fails
}

// Of what has left the shelf, that which nobody uses any more; looks again until it is all.
void Shelf::let_go() {
  Slots unused;  // destroyed without the lock
  bool more = false;
  {
    std::lock_guard lock(mutex_);
    const auto used = [](const auto& slot) { return slot->opening || (slot->model && slot->model.use_count() > 1); };
    const auto end = std::stable_partition(retired_.begin(), retired_.end(), used);
    unused.assign(end, retired_.end());
    retired_.erase(end, retired_.end());
    more = !retired_.empty();
  }
  for (const auto& slot : unused)
    if (slot->model) log(LogLevel::kInfo, fmt::format("model {} is closed", slot->entry.name));
  unused.clear();
  if (!more) return;
  std::this_thread::sleep_for(kLookAgain);
  worker_.post([this] { let_go(); });
}

void Shelf::cancel_all() {
  std::vector<std::shared_ptr<Model>> models;
  {
    std::lock_guard lock(mutex_);
    for (const Slots* slots : {&slots_, &retired_})
      for (const auto& slot : *slots)
        if (slot->model) models.push_back(slot->model);
  }
  for (const auto& model : models) model->engine.cancel_all();
}

std::vector<Shelf::Listing> Shelf::list() const {
  std::lock_guard lock(mutex_);
  std::vector<Listing> listing;
  for (const auto& slot : slots_) {
    listing.push_back({slot->entry.name, slot->entry.path, slot->model, {}});
    for (const auto& [name, path] : slot->entry.adapters) listing.back().adapters.push_back(name);
  }
  return listing;
}

}  // namespace orrery::serve
