// The adapters that an engine has loaded.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "orrery/text/engine/adapters/packed_adapter.h"
#include "orrery/text/engine/engine.h"

namespace orrery::text {

/// Not for use from two threads at once.
class AdapterShelf {
 public:
  /// Throws Error for a name that is taken.
  void add(const std::string& name, std::shared_ptr<const PackedAdapter> adapter);
  /// What a request asks for; nullptr for none. Throws Error for names that are not there or come twice, weights that
  /// are no numbers, and an adapter that sets norms or input scales with another weight than 1 or beside another such.
  std::shared_ptr<const AdapterSet> set_of(std::span<const AdapterUse> uses) const;

 private:
  std::map<std::string, std::shared_ptr<const PackedAdapter>> adapters_;
};

}  // namespace orrery::text
