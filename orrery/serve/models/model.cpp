#include "orrery/serve/models/model.h"

#include <chrono>
#include <filesystem>

#include "orrery/text/chat/tools/tool_messages.h"

namespace orrery::serve {
namespace {

int64_t seconds_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path, error);
  if (error) return 0;
  const auto system = std::chrono::file_clock::to_sys(time);
  return std::chrono::duration_cast<std::chrono::seconds>(system.time_since_epoch()).count();
}

}  // namespace

uint64_t Turnstile::wait(const std::string& client, std::function<void()> enter) {
  std::function<void()> now;
  uint64_t ticket = 0;
  {
    std::lock_guard lock(mutex_);
    ticket = next_ticket_++;
    queues_[client].push_back({ticket, std::move(enter)});
    now = take_next();
  }
  if (now) now();
  return ticket;
}

bool Turnstile::cancel(uint64_t ticket) {
  std::lock_guard lock(mutex_);
  for (auto queue = queues_.begin(); queue != queues_.end(); ++queue) {
    if (std::erase_if(queue->second, [&](const Waiter& one) { return one.ticket == ticket; }) == 0) continue;
    if (queue->second.empty()) queues_.erase(queue);
    return true;
  }
  return false;
}

void Turnstile::leave() {
  std::function<void()> next;
  {
    std::lock_guard lock(mutex_);
    ++free_;
    next = take_next();
  }
  if (next) next();
}

int64_t Turnstile::waiting() const {
  std::lock_guard lock(mutex_);
  int64_t count = 0;
  for (const auto& [client, queue] : queues_) count += static_cast<int64_t>(queue.size());
  return count;
}

// Round robin over the clients that wait. With the mutex held.
std::function<void()> Turnstile::take_next() {
  if (free_ == 0 || queues_.empty()) return {};
  auto queue = queues_.upper_bound(last_);
  if (queue == queues_.end()) queue = queues_.begin();
  auto enter = std::move(queue->second.front().enter);
  last_ = queue->first;
  queue->second.pop_front();
  if (queue->second.empty()) queues_.erase(queue);
  --free_;
  return enter;
}

Model::Model(std::string n, std::shared_ptr<const text::Checkpoint> checkpoint, const text::EngineOptions& options)
    : name(std::move(n)),
      created(seconds_of(checkpoint->path())),
      engine(checkpoint, options),
      chat(checkpoint->tokenizer()),
      tool_format(text::find_tool_format(checkpoint->tokenizer())),
      reasoning(text::find_reasoning_marks(checkpoint->tokenizer())),
      takes_system(text::takes_system_messages(chat)),
      turnstile(engine.options().max_sequences) {}

std::shared_ptr<const text::TokenTrie> Model::trie() {
  std::lock_guard lock(mutex_);
  if (!trie_) trie_ = text::make_token_trie(engine.checkpoint().tokenizer());
  return trie_;
}

}  // namespace orrery::serve
