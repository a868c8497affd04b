// The tokens that may still be drawn, and the filters that make them fewer. Meanings: llama.cpp,
// tools/completion/README.md.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

struct Candidate {
  TokenId id;
  float logit;
  float p;  ///< set by softmax()
};

/// A scan of logits: the largest of every 64, from which argmax and top-k follow without a second full pass.
/// NaN counts as -inf.
struct LogitScan {
  static constexpr size_t kBlock = 64;
  std::vector<float> block_max;
  float max = 0;  ///< -inf where nothing is allowed

  void run(std::span<const float> logits);
  /// The lowest id of those with the largest logit.
  TokenId argmax(std::span<const float> logits) const;
};

/// Sum of exp((logit - max) * scale) over all logits. Relative error below 1e-6.
double sum_exp(std::span<const float> logits, float max, float scale);

/// The mean of the finite logits and their standard deviation (of the population).
struct LogitMoments {
  double mean, deviation;
};
LogitMoments moments(std::span<const float> logits);

/// Candidates in two orders: descending by logit (then ascending by id) when `sorted`, any otherwise. Filters keep
/// capacity, so that after the first tokens nothing is allocated.
class Candidates {
 public:
  std::vector<Candidate> items;
  bool sorted = false;

  /// Takes every token whose logit is finite and at least `floor`.
  void take_all(std::span<const float> logits, const LogitScan& scan, float floor);
  /// Takes the k likeliest of those, sorted. O(vocab) comparisons in vectors, then O(k) on blocks that can hold one of
  /// them.
  void take_top_k(std::span<const float> logits, const LogitScan& scan, size_t k, float floor);

  void softmax();
  const Candidate& likeliest() const;
  /// Locally typical sampling: those closest in surprise to the entropy, until their probability passes p.
  void typical(float p, size_t min_keep);
  /// Nucleus: the likeliest, until their probability reaches p.
  void top_p(float p, size_t min_keep);
  /// Those at least p times as likely as the likeliest.
  void min_p(float p, size_t min_keep);
  void temperature(float t);

 private:
  std::vector<float> block_max_scratch_;
};

}  // namespace orrery::text
