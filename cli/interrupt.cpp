#include "cli/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>
#include <thread>

#include "orrery/base/error.h"

namespace orrery::cli {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};  // Ctrl-C first

// What the handler may touch: lock-free atomics only.
std::atomic<int> caught{0};
std::atomic<int> wake_descriptor{-1};
std::atomic<bool> second_ends{true};

void on_signal(int signal) {
  const int saved = errno;
  if (caught.exchange(signal) != 0 && second_ends) {
    std::signal(signal, SIG_DFL);
    ::raise(signal);
  }
  const char byte = 's';
  if (const int descriptor = wake_descriptor; descriptor >= 0 && ::write(descriptor, &byte, 1) < 0) {
    // The pipe is full: the thread is awake anyway.
  }
  errno = saved;
}

}  // namespace

struct InterruptScope::Impl {
  std::function<void()> action;
  int pipe[2] = {-1, -1};  // a handler may do no more than write a byte; the thread at the other end does the work
  std::thread watcher;
  std::span<const int> watched;
  std::array<struct sigaction, kSignals.size()> previous{};

  void watch() {
    bool acted = false;
    char byte;
    for (;;) {
      const ssize_t got = ::read(pipe[0], &byte, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || byte == 'q') return;
      if (!acted && action) action();
      acted = true;
    }
  }
};

InterruptScope::InterruptScope(std::function<void()> action, Watch watch) : impl_(std::make_unique<Impl>()) {
  impl_->action = std::move(action);
  if (::pipe2(impl_->pipe, O_CLOEXEC) != 0) throw Error({.doing = "open a pipe", .found = std::strerror(errno)});
  caught = 0;
  second_ends = watch == Watch::kAllSignals;
  impl_->watched =
      watch == Watch::kAllSignals ? std::span<const int>(kSignals) : std::span<const int>(kSignals).first(1);
  wake_descriptor = impl_->pipe[1];
  impl_->watcher = std::thread([impl = impl_.get()] { impl->watch(); });
  struct sigaction handler {};
  handler.sa_handler = on_signal;
  handler.sa_flags = SA_RESTART;
  for (size_t i = 0; i < impl_->watched.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &impl_->previous[i]);
    // What the parent had ignored stays ignored: `nohup orrery … &`.
    if (impl_->previous[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &handler, nullptr);
  }
}

InterruptScope::~InterruptScope() {
  for (size_t i = 0; i < impl_->watched.size(); ++i) ::sigaction(kSignals[i], &impl_->previous[i], nullptr);
  wake_descriptor = -1;
  const char quit = 'q';
  while (::write(impl_->pipe[1], &quit, 1) < 0 && errno == EINTR) {
  }
  impl_->watcher.join();
  ::close(impl_->pipe[0]);
  ::close(impl_->pipe[1]);
}

int InterruptScope::signal() const { return caught; }

void InterruptScope::check() const {
  if (const int signal = caught; signal != 0) throw Interrupted{signal};
}

}  // namespace orrery::cli
