#include "orrery/train/data_parallel.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "orrery/base/error.h"

namespace orrery::train {

namespace {
using Json = nlohmann::json;

/// The largest first, each to the process that has least so far.
std::map<std::string, int> owners_of(const NamedTensors& parameters, int size) {
  std::vector<std::pair<int64_t, std::string>> by_size;
  for (const auto& [name, tensor] : parameters) by_size.emplace_back(-tensor.numel(), name);
  std::ranges::sort(by_size);
  std::vector<int64_t> load(static_cast<size_t>(size));
  std::map<std::string, int> owners;
  for (const auto& [negative, name] : by_size) {
    const auto least = std::ranges::min_element(load);
    *least -= negative;
    owners[name] = static_cast<int>(least - load.begin());
  }
  return owners;
}

/// exchange(flat) on tensors joined to buckets, in their order; what it leaves there goes back into them.
template <typename Exchange>
void in_buckets(const std::vector<at::Tensor>& tensors, const Exchange& exchange) {
  for (size_t first = 0; first < tensors.size();) {
    size_t last = first;
    int64_t size = 0;
    while (last < tensors.size() && (last == first || size + tensors[last].numel() <= GradientExchange::kBucket))
      size += tensors[last++].numel();
    const at::Tensor bucket = at::empty({size});
    const auto for_parts = [&](const auto& copy) {
      int64_t at = 0;
      for (size_t i = first; i < last; at += tensors[i++].numel())
        copy(bucket.narrow(0, at, tensors[i].numel()), tensors[i].view(-1));
    };
    for_parts([](at::Tensor part, const at::Tensor& tensor) { part.copy_(tensor); });
    exchange(bucket);
    for_parts([](const at::Tensor& part, at::Tensor tensor) { tensor.copy_(part); });
    first = last;
  }
}

std::string packed(const Json& json) {
  std::string text;
  Json::to_cbor(json, text);
  return text;
}

/// What `work` gives, or the Error that it throws, as a message.
std::string told(const std::function<Json()>& work) {
  try {
    return packed({{"result", work()}});
  } catch (const Error& error) {
    const Error::Parts& parts = error.parts();
    return packed({{"error", {parts.doing, parts.where, parts.found, parts.expected, parts.advice}}});
  }
}

/// What a process told, thrown where it is an Error.
Json heard(const std::string& text, size_t rank, size_t size) {
  Json json = Json::from_cbor(text);
  if (!json.contains("error")) return std::move(json["result"]);
  const auto parts = json["error"].get<std::vector<std::string>>();
  const std::string where = size > 1 ? fmt::format("{} (process {})", parts[1], rank) : parts[1];
  throw Error({parts[0], where, parts[2], parts[3], parts[4]});
}

}  // namespace

DataParallel::DataParallel(NamedTensors parameters)
    : parameters_(std::move(parameters)), owners_(owners_of(parameters_, ranks_.size())) {
  if (ranks_.size() > 1) exchange_.emplace(parameters_, ranks_);
}

StepShare DataParallel::step(const std::function<StepShare()>& work) {
  if (!exchange_) return work();
  exchange_->begin();
  const std::string mine = told([&]() -> Json {
    const StepShare share = work();
    return {{"loss", share.loss}, {"sums", share.sums}, {"gradients", exchange_->present()}};
  });
  exchange_->send_rest();
  const std::vector<std::string> all = ranks_.gather(mine);
  StepShare sum;
  present_.assign(parameters_.size(), '0');
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const Json share = heard(all[rank], rank, all.size());
    sum.loss += share["loss"].get<double>();
    for (const auto& [name, value] : share["sums"].items()) sum.sums[name] += value.get<double>();
    const auto gradients = share["gradients"].get<std::string>();
    for (size_t i = 0; i < gradients.size(); ++i) present_[i] = std::max(present_[i], gradients[i]);
  }
  exchange_->finish(present_);
  return sum;
}

Json DataParallel::agree(const std::function<Json()>& work) {
  if (ranks_.size() == 1) return work();
  return heard(ranks_.gather(ranks_.leads() ? told(work) : "")[0], 0, 1);
}

void DataParallel::share_updates() {
  if (ranks_.size() == 1) return;
  const at::NoGradGuard without_gradients;
  for (int owner = 0; owner < ranks_.size(); ++owner) {
    std::vector<at::Tensor> tensors;
    size_t i = 0;
    for (const auto& [name, tensor] : parameters_)
      if (present_[i++] == '1' && owners_.at(name) == owner) tensors.push_back(tensor.detach());
    in_buckets(tensors, [&](const at::Tensor& bucket) { ranks_.broadcast(bucket, owner); });
  }
}

void DataParallel::share(const NamedTensors& tensors) {
  const at::NoGradGuard without_gradients;
  for (const auto& [name, tensor] : tensors) ranks_.broadcast(tensor.detach(), 0);
}

NamedTensors DataParallel::room_for_state(const Optimizer& optimizer, const OptimizerOptions& options) const {
  if (!ranks_.leads()) return {};
  NamedTensors room = optimizer.state();
  for (const auto& [name, tensor] : parameters_)
    if (!keeps(name)) room.merge(named_state(name, *make_update_rule(tensor, options)));
  return room;
}

// Process 0 and an owner go through the owner's tensors in the same order, which is that of their names.
void DataParallel::move_state(const Optimizer& optimizer, const NamedTensors& room, bool to_first) {
  const NamedTensors own = optimizer.state();
  for (const auto& [name, owner] : owners_) {
    if (owner == 0 || (owner != ranks_.rank() && !ranks_.leads())) continue;
    for (const auto& [state, tensor] : ranks_.leads() ? room : own)
      if (parameter_of(state) == name) ranks_.transfer(tensor, to_first ? owner : 0, to_first ? 0 : owner);
  }
}

}  // namespace orrery::train
