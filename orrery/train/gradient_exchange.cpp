#include "orrery/train/gradient_exchange.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <cctype>
#include <compare>
#include <numeric>
#include <stdexcept>

namespace orrery::train {

namespace {

/// "layers.9.x" before "layers.10.x".
std::strong_ordering by_numbers(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  size_t i = 0, k = 0;
  while (i < a.size() && k < b.size()) {
    if (digit(a[i]) && digit(b[k])) {
      const size_t i_end = std::find_if_not(a.begin() + i, a.end(), digit) - a.begin();
      const size_t k_end = std::find_if_not(b.begin() + k, b.end(), digit) - b.begin();
      if (const auto order = std::stoull(a.substr(i, i_end - i)) <=> std::stoull(b.substr(k, k_end - k)); order != 0)
        return order;
      i = i_end, k = k_end;
    } else if (const auto order = a[i++] <=> b[k++]; order != 0) {
      return order;
    }
  }
  return a.size() - i <=> b.size() - k;
}

}  // namespace

// A leaf's accumulator lives as long as somebody holds it, and its hook with it.
struct GradientExchange::Hooks {
  using Accumulator = decltype(torch::autograd::impl::grad_accumulator(at::Tensor()));
  struct Hook {
    Accumulator accumulator;
    uintptr_t key;
  };
  std::vector<Hook> all;
};

GradientExchange::GradientExchange(const NamedTensors& parameters, Ranks& ranks, int64_t values_per_bucket)
    : ranks_(ranks), hooks_(std::make_unique<Hooks>()) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : parameters) {
    names.push_back(name);
    members_.push_back({.parameter = tensor});
  }
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return by_numbers(names[a], names[b]) > 0; });
  int64_t size = 0;
  for (const size_t i : order) {
    const int64_t values = members_[i].parameter.numel();
    if (buckets_.empty() || size + values > values_per_bucket) buckets_.emplace_back(), size = 0;
    size += values;
    members_[i].bucket = buckets_.size() - 1;
    buckets_.back().members.push_back(i);
  }
  for (size_t i = 0; i < members_.size(); ++i) {
    const auto accumulator = torch::autograd::impl::grad_accumulator(members_[i].parameter);
    using torch::autograd::variable_list;
    auto hook = [this, i](const variable_list& outputs, const variable_list&) {
      added(i);
      return outputs;
    };
    hooks_->all.push_back(
        {accumulator,
         accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(std::move(hook)))});
  }
}

GradientExchange::~GradientExchange() {
  for (const Hooks::Hook& hook : hooks_->all) hook.accumulator->del_post_hook(hook.key);
}

void GradientExchange::begin() {
  active_ = true;
  last_pass_ = false;
  sent_ = 0;
  for (Bucket& bucket : buckets_) {
    int64_t size = 0;
    for (const size_t i : bucket.members) size += members_[i].parameter.numel();
    bucket.values = at::zeros({size});
    bucket.missing = bucket.members.size();
    int64_t first = 0;
    for (const size_t i : bucket.members) {
      Member& member = members_[i];
      const int64_t values = member.parameter.numel();
      member.parameter.mutable_grad() = bucket.values.narrow(0, first, values).view(member.parameter.sizes());
      member.made = 0;
      member.present = false;
      first += values;
    }
  }
}

void GradientExchange::added(size_t i) {
  if (!active_) return;
  Member& member = members_[i];
  member.present = true;
  if (!last_pass_) return;
  if (member.bucket < sent_) throw std::logic_error("a gradient came after it was sent");
  if (++member.made == member.expected) --buckets_[member.bucket].missing;
  send_full();
}

void GradientExchange::send_full() {
  while (sent_ < buckets_.size() && buckets_[sent_].missing == 0) ranks_.begin_sum(buckets_[sent_++].values);
}

void GradientExchange::send_rest() {
  while (sent_ < buckets_.size()) ranks_.begin_sum(buckets_[sent_++].values);
  for (Member& member : members_) member.expected = std::max(member.expected, member.made);
  active_ = false;
}

std::string GradientExchange::present() const {
  std::string all;
  for (const Member& member : members_) all += member.present ? '1' : '0';
  return all;
}

void GradientExchange::finish(const std::string& present_anywhere) {
  ranks_.finish_sums();
  for (size_t i = 0; i < members_.size(); ++i)
    if (present_anywhere[i] == '0') members_[i].parameter.mutable_grad() = at::Tensor();
  for (Bucket& bucket : buckets_) bucket.values = at::Tensor();  // the gradients hold them until the optimizer's step
}

}  // namespace orrery::train
