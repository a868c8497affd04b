// A setting by its name: what command lines, TOML files and RUN/config.toml know of it.
#pragma once

#include <cstdint>

namespace orrery::train {

struct Field {
  const char* name;   ///< TRL's where there is one, as in its YAML files
  const char* group;  ///< title in --help
  const char* help;
  uint32_t methods = ~0u;          ///< bits of those of a command's methods that have it
  const char* fallback = nullptr;  ///< the default in words, where it is no single value

  template <class Method>
  bool has(Method method) const {
    return (methods >> static_cast<int>(method) & 1) != 0;
  }
};

template <class... Methods>
constexpr uint32_t only(Methods... methods) {
  return ((1u << static_cast<int>(methods)) | ...);
}

}  // namespace orrery::train
