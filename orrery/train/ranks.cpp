#include "orrery/train/ranks.h"

#define USE_C10D_GLOO
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "orrery/base/error.h"

namespace orrery::train {

namespace {
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kMeeting = 300s, kBeat = 1s, kSilence = 20s;
constexpr std::chrono::milliseconds kLongest = 24h;  // of an exchange: who is gone is noticed otherwise

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int number_of(const char* name) {
  const std::string value = variable(name);
  int number = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (code != std::errc() || end != value.data() + value.size())
    throw Error({.doing = "train with several processes",
                 .where = fmt::format("the environment variable {}", name),
                 .found = value.empty() ? "nothing" : value,
                 .expected = "a number, as torchrun sets it"});
  return number;
}

std::string first_line(const std::exception& error) {
  const auto* c10_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text = c10_error != nullptr ? c10_error->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

/// Where processes meet: rank 0 keeps the store, or torchrun does.
c10::intrusive_ptr<c10d::Store> open_store(bool keeps, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(number_of("MASTER_PORT"));
  options.isServer = keeps && variable("TORCHELASTIC_USE_AGENT_STORE") != "True";
  options.waitWorkers = false;
  options.timeout = timeout;
  const auto store = c10::make_intrusive<c10d::TCPStore>(variable("MASTER_ADDR"), options);
  // The store of torchrun outlives the processes that it starts again.
  return c10::make_intrusive<c10d::PrefixStore>("orrery/" + variable("TORCHELASTIC_RESTART_COUNT"), store);
}

/// A thread that counts its own seconds in the store and looks whether the others' counts go on.
class Watch {
 public:
  Watch(c10::intrusive_ptr<c10d::Store> store, int rank, int size)
      : store_(std::move(store)), rank_(rank), size_(size), thread_([this] { run(); }) {}
  ~Watch() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    end_.notify_all();
    thread_.join();
  }
  /// The rank that is gone; -1: none.
  int lost() const { return lost_; }

 private:
  static std::string key(int rank) { return fmt::format("beat/{}", rank); }

  void run() {
    std::vector<int64_t> counts(static_cast<size_t>(size_));
    std::vector<Clock::time_point> heard(counts.size(), Clock::now());
    for (std::unique_lock lock(mutex_); !end_.wait_for(lock, kBeat, [this] { return ends_; });) {
      try {
        store_->add(key(rank_), 1);
        for (int other = 0; other < size_ && lost_ < 0; ++other) {
          const int64_t count = store_->add(key(other), 0);
          const auto i = static_cast<size_t>(other);
          if (count != counts[i]) counts[i] = count, heard[i] = Clock::now();
          if (Clock::now() - heard[i] > kSilence) lost_ = other;
        }
      } catch (const std::exception&) {
        lost_ = 0;  // whose store does not answer
      }
      if (lost_ >= 0) return;
    }
  }

  const c10::intrusive_ptr<c10d::Store> store_;
  const int rank_, size_;
  std::atomic<int> lost_ = -1;
  std::mutex mutex_;
  std::condition_variable end_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace

struct Ranks::Group {
  Group(int rank, int size) : rank(rank) {
    const auto store = open_store(rank == 0, kMeeting);
    std::vector<std::string> all;
    for (int other = 0; other < size; ++other) all.push_back(fmt::format("here/{}", other));
    store->set(all[static_cast<size_t>(rank)], std::vector<uint8_t>{1});
    store->wait(all, kMeeting);
    const auto options = c10d::ProcessGroupGloo::Options::create(kLongest);
    const std::string interface = variable("GLOO_SOCKET_IFNAME");
    options->devices.push_back(interface.empty() ? c10d::ProcessGroupGloo::createDefaultDevice()
                                                 : c10d::ProcessGroupGloo::createDeviceForInterface(interface));
    gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
    gloo->barrier()->wait();
    watch.emplace(open_store(false, kSilence), rank, size);
  }
  ~Group() {
    if (watch && watch->lost() >= 0) gloo.release();  // its threads may wait for what never comes
  }

  [[noreturn]] void refuse(const std::string& found) const {
    throw Error({.doing = "train with several processes",
                 .where = fmt::format("process {}", rank),
                 .found = found,
                 .expected = "all processes until the end",
                 .advice = "the one that ended first says why; --resume goes on from the last checkpoint"});
  }
  void check() const {
    if (watch && watch->lost() >= 0) refuse(fmt::format("process {} gone silent", watch->lost()));
  }

  template <typename Exchange>
  void guarded(const Exchange& exchange) {
    check();
    try {
      exchange();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      refuse(fmt::format("another process gone ({})", first_line(error)));
    }
  }
  /// Does what `begin` begins, to its end, unless somebody falls silent meanwhile.
  template <typename Begin>
  void finish(const Begin& begin) {
    guarded([&] {
      const auto work = begin();
      for (auto pause = 10us; !work->isCompleted(); pause = std::min<std::chrono::microseconds>(2 * pause, 1ms)) {
        std::this_thread::sleep_for(pause);
        check();
      }
      work->wait();
    });
  }

  const int rank;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
  std::vector<c10::intrusive_ptr<c10d::Work>> sums;  ///< begun
  std::optional<Watch> watch;
};

Ranks::Ranks() {
  const int size = variable("WORLD_SIZE").empty() ? 1 : number_of("WORLD_SIZE");
  if (size <= 1) return;
  const int rank = number_of("RANK");
  if (rank < 0 || rank >= size)
    throw Error({.doing = "train with several processes",
                 .where = "the environment variable RANK",
                 .found = fmt::format("{}", rank),
                 .expected = fmt::format("0 to {}, below WORLD_SIZE", size - 1)});
  if (variable("MASTER_ADDR").empty())
    throw Error({.doing = "train with several processes",
                 .where = "the environment variable MASTER_ADDR",
                 .found = "nothing",
                 .expected = "the host of process 0, as torchrun sets it"});
  number_of("MASTER_PORT");
  try {
    group_ = std::make_unique<Group>(rank, size);
  } catch (const std::exception& error) {
    throw Error({.doing = "train with several processes",
                 .where = fmt::format("process {} of {}, at {}:{}", rank, size, variable("MASTER_ADDR"),
                                      variable("MASTER_PORT")),
                 .found = first_line(error),
                 .expected = "all processes there within five minutes"});
  }
  rank_ = rank;
  size_ = size;
}

Ranks::~Ranks() = default;

void Ranks::check() const {
  if (group_) group_->check();
}

std::vector<std::string> Ranks::gather(const std::string& text) {
  if (!group_) return {text};
  const auto gather_tensors = [this](at::Tensor mine) {
    std::vector<at::Tensor> in{mine};
    std::vector<std::vector<at::Tensor>> out(1);
    for (int i = 0; i < size_; ++i) out[0].push_back(at::empty_like(mine));
    group_->finish([&] { return group_->gloo->allgather(out, in); });
    return out[0];
  };
  std::vector<int64_t> sizes;
  for (const at::Tensor& size : gather_tensors(at::full({1}, static_cast<int64_t>(text.size()), at::kLong)))
    sizes.push_back(size.item<int64_t>());
  const at::Tensor mine = at::zeros({std::max<int64_t>(1, std::ranges::max(sizes))}, at::kByte);
  std::memcpy(mine.data_ptr(), text.data(), text.size());
  std::vector<std::string> all;
  for (const at::Tensor& bytes : gather_tensors(mine))
    all.emplace_back(static_cast<const char*>(bytes.const_data_ptr()), static_cast<size_t>(sizes[all.size()]));
  return all;
}

void Ranks::begin_sum(const at::Tensor& tensor) {
  if (!group_) return;
  std::vector<at::Tensor> tensors{tensor};
  group_->guarded([&] { group_->sums.push_back(group_->gloo->allreduce(tensors)); });
}

void Ranks::finish_sums() {
  if (!group_) return;
  for (const auto& sum : std::exchange(group_->sums, {})) group_->finish([&] { return sum; });
}

void Ranks::broadcast(const at::Tensor& tensor, int root) {
  if (!group_) return;
  std::vector<at::Tensor> tensors{tensor};
  c10d::BroadcastOptions options;
  options.rootRank = root;
  group_->finish([&] { return group_->gloo->broadcast(tensors, options); });
}

void Ranks::transfer(const at::Tensor& tensor, int from, int to) {
  if (!group_ || from == to || (rank_ != from && rank_ != to)) return;
  std::vector<at::Tensor> tensors{tensor};
  group_->guarded([&] {
    (rank_ == from ? group_->gloo->send(tensors, to, /*tag=*/0) : group_->gloo->recv(tensors, from, /*tag=*/0))->wait();
  });
}

void Ranks::part() {
  if (!group_) return;
  group_->watch.reset();
  group_->finish([&] { return group_->gloo->barrier(); });
}

}  // namespace orrery::train
