#include "orrery/text/engine/adapters/adapter_shelf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "orrery/base/error.h"

namespace orrery::text {
namespace {

// Sequences share cached keys only if their adapters and weights are the same. Roots have the highest bit set, which
// the cache's own numbers never reach.
uint64_t mix(uint64_t root, uint64_t value) {
  root = (root ^ value) * 0x9e3779b97f4a7c15u;
  return (root ^ (root >> 29)) | uint64_t{1} << 63;
}

}  // namespace

void AdapterShelf::add(const std::string& name, std::shared_ptr<const PackedAdapter> adapter) {
  if (!adapters_.emplace(name, std::move(adapter)).second)
    throw Error({.doing = "load an adapter", .where = name, .found = "an adapter of this name, loaded already"});
}

std::shared_ptr<const AdapterSet> AdapterShelf::set_of(std::span<const AdapterUse> uses) const {
  if (uses.empty()) return nullptr;
  const auto refuse = [](const std::string& name, std::string found, std::string expected) {
    return Error(
        {.doing = "use an adapter", .where = name, .found = std::move(found), .expected = std::move(expected)});
  };
  auto set = std::make_shared<AdapterSet>();
  const AdapterUse* setter = nullptr;
  for (const AdapterUse& use : uses) {
    const auto found = adapters_.find(use.name);
    if (found == adapters_.end()) {
      std::string known;
      for (const auto& [name, adapter] : adapters_) known += (known.empty() ? "" : ", ") + name;
      throw refuse(use.name, "no adapter of this name", known.empty() ? "none is loaded" : "one of " + known);
    }
    const PackedAdapter& adapter = *found->second;
    if (!std::isfinite(use.weight)) throw refuse(use.name, fmt::format("a weight of {}", use.weight), "a number");
    if (std::ranges::count(uses, use.name, &AdapterUse::name) > 1)
      throw refuse(use.name, "the adapter twice", "once, with one weight");
    if (!adapter.linear()) {
      const std::string what = "an adapter that replaces " + adapter.replacing;
      if (use.weight != 1) throw refuse(use.name, fmt::format("{}, at weight {}", what, use.weight), "weight 1");
      if (setter != nullptr) throw refuse(use.name, fmt::format("{}, beside {}", what, setter->name), "one of the two");
      setter = &use;
    }
    set->cache_root = mix(mix(set->cache_root, adapter.serial), std::bit_cast<uint32_t>(use.weight));
    set->uses.push_back({found->second, use.weight});
  }
  return set;
}

}  // namespace orrery::text
