// A loaded model as the server uses it: its engine, its chat template, and who may use the engine next.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "orrery/text/chat/chat.h"
#include "orrery/text/chat/reasoning.h"
#include "orrery/text/chat/tools/tool_format.h"
#include "orrery/text/engine/engine.h"

namespace orrery::serve {

/// Takes turns between clients: whoever has sent many requests waits behind those who sent few. From any thread.
class Turnstile {
 public:
  /// `places`: how many may be inside at once.
  explicit Turnstile(int64_t places) : free_(places) {}

  /// Runs `enter` when there is room, now or later, in whichever thread makes the room. What it returns is a ticket for
  /// cancel().
  uint64_t wait(const std::string& client, std::function<void()> enter);
  /// False where it has entered already.
  bool cancel(uint64_t ticket);
  /// One has left.
  void leave();
  int64_t waiting() const;

 private:
  struct Waiter {
    uint64_t ticket;
    std::function<void()> enter;
  };
  std::function<void()> take_next();

  mutable std::mutex mutex_;
  int64_t free_;
  uint64_t next_ticket_ = 1;
  std::map<std::string, std::deque<Waiter>> queues_;  // by client, none empty
  std::string last_;                                  // the client that entered last
};

struct Model {
  Model(std::string name, std::shared_ptr<const text::Checkpoint> checkpoint, const text::EngineOptions& options);

  /// Made on first use: some models' vocabularies take a while.
  std::shared_ptr<const text::TokenTrie> trie();

  const std::string name;
  const int64_t created;  ///< seconds since 1970: the file's
  text::Engine engine;
  const text::Chat chat;
  const text::ToolFormat tool_format;
  const std::optional<text::ReasoningMarks> reasoning;
  const bool takes_system;  ///< its template does something with a system message
  Turnstile turnstile;
  std::vector<std::string> adapters;  ///< names of those that were loaded

 private:
  std::mutex mutex_;
  std::shared_ptr<const text::TokenTrie> trie_;  // guarded by mutex_
};

}  // namespace orrery::serve
