// Gradients summed over the processes of a run while the backward pass still makes others.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "orrery/train/ranks.h"
#include "orrery/train/update_rule.h"

namespace orrery::train {

/// As PyTorch's DistributedDataParallel has it (Li et al. 2020, sec. 3.2): gradients lie in buckets of 25 MiB, in the
/// order in which a backward pass makes them, more or less: names backwards, numbers in them as numbers. In a process's
/// last backward pass of a step a bucket goes out once it is full and those before it went. A step's gradients are
/// views of the buckets, so nothing is copied. All processes send the same buckets in the same order, also where one
/// has no gradient for a tensor (zeros) or no backward pass at all.
class GradientExchange {
 public:
  static constexpr int64_t kBucket = 25 << 18;  ///< values: 25 MiB

  /// For leaves that learn, float32, on the CPU.
  GradientExchange(const NamedTensors& parameters, Ranks& ranks, int64_t values_per_bucket = kBucket);
  ~GradientExchange();
  GradientExchange(const GradientExchange&) = delete;

  /// From here on the parameters' gradients add up in buckets, from 0.
  void begin();
  /// The next backward pass is the last of the step here.
  void last_pass() { last_pass_ = true; }
  size_t sent() const { return sent_; }  ///< buckets that went out in this step
  size_t buckets() const { return buckets_.size(); }
  /// Whatever has not gone out goes now.
  void send_rest();
  /// A character per parameter, in the order of the names: '1' where this process has a gradient.
  std::string present() const;
  /// Waits for the sums. Tensors of which no process has a gradient, as the string says, have none then.
  void finish(const std::string& present_anywhere);

 private:
  struct Member {
    at::Tensor parameter;
    size_t bucket;
    int made = 0;      ///< times that its gradient was added to in the last pass
    int expected = 0;  ///< of that, the most in a pass so far; 0: never, so that its bucket waits for the end
    bool present = false;
  };
  struct Bucket {
    std::vector<size_t> members;
    at::Tensor values;
    size_t missing;  ///< members whose gradients are not whole yet
  };

  void added(size_t member);
  void send_full();

  Ranks& ranks_;
  std::vector<Member> members_;  // in the order of the names
  std::vector<Bucket> buckets_;
  size_t sent_ = 0;  // buckets
  bool active_ = false, last_pass_ = false;
  struct Hooks;
  std::unique_ptr<Hooks> hooks_;
};

}  // namespace orrery::train
