// The processes of one run, and what they tell each other.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace orrery::train {

/// This process among those that train together, as torchrun's environment variables say: RANK, WORLD_SIZE,
/// MASTER_ADDR, MASTER_PORT (and, set by torchrun, TORCHELASTIC_USE_AGENT_STORE and TORCHELASTIC_RESTART_COUNT;
/// GLOO_SOCKET_IFNAME names the network interface). They meet in a c10d TCPStore and speak by Gloo. Without WORLD_SIZE,
/// or with 1, it is alone and everything below does nothing.
///
/// All of them call the same members in the same order. Each throws Error where another process is gone: at once where
/// its connection breaks, within 20 seconds where it only falls silent.
class Ranks {
 public:
  /// Waits for the others, five minutes at most. Throws Error naming a variable that is missing or no number.
  Ranks();
  ~Ranks();

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool leads() const { return rank_ == 0; }

  /// Throws where another process is gone. Costs nothing: to be asked between pieces of long work.
  void check() const;
  /// Each process's text, by rank.
  std::vector<std::string> gather(const std::string& text);
  /// Begins the sum over all processes in place, the same bits in each. Float32, CPU, contiguous; not to be touched
  /// before finish_sums(). Others may call further members meanwhile, all in the same order.
  void begin_sum(const at::Tensor& tensor);
  /// Waits for all sums that were begun.
  void finish_sums();
  /// The values of `root` in all. Contiguous, on the CPU.
  void broadcast(const at::Tensor& tensor, int root);
  /// From one process to another; the rest does nothing.
  void transfer(const at::Tensor& tensor, int from, int to);
  /// Waits for the others at the end of their work; from then on nobody is missed.
  void part();

 private:
  struct Group;
  int rank_ = 0, size_ = 1;
  std::unique_ptr<Group> group_;
};

}  // namespace orrery::train
