// The fuzz targets of scene files, and the tests that replay their corpora: one format reads bytes that it recognises.
// A refusal (orrery::Error) is a good outcome; anything else that leaves this function is a bug.
#pragma once

#include <algorithm>
#include <cassert>
#include <span>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/splat/file.h"

namespace orrery::splat {

/// True when the bytes were accepted, false when they were refused.
inline bool fuzz_scene(std::string_view name, std::span<const std::byte> bytes) {
  const Format& format = *std::ranges::find(formats(), name, &Format::name);
  if (!format.recognises(bytes)) return false;
  try {
    const Scene scene = format.read(bytes, "/nowhere/fuzz");  // beside which SOG finds no pictures
    assert(scene.sh.size() == static_cast<size_t>(3 * scene.count() * scene.coefficients()));
    return scene.count() > 0;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace orrery::splat
