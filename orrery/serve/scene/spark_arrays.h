// A scene as Spark's shaders read it (sparkjsdev/spark 2.2, ExtSplats: unpackSplatExt and evaluateExtSH of its GLSL),
// so that the page has nothing to parse. Spark's own loaders would do for the rest, but their encoder of harmonics cuts
// values off at the power of two below the greatest of a coefficient's channels, up to half of it.
#pragma once

#include <cstddef>
#include <vector>

#include "orrery/splat/scene.h"

namespace orrery::serve {

/// Arrays of 32-bit words, little-endian, one after the other, each [count, 4]:
///
///   positions   x, y, z as float32 · opacity as float16
///   shapes      red green · blue, log scale x · log scale y, z as float16, the first one below · rotation
///   degree 1    coefficients 1 to 3 · where there is degree 2, 4
///   degree 2    coefficients 5 to 8
///   degree 3    coefficients 9 to 12
///               coefficients 13 to 15 · 0
///
/// Colours are the constant term's, before they are cut off at 0. A rotation by θ (0 to π) about an axis is 12 bits of
/// θ/π above 10 bits each of the axis' octahedral coordinates. A coefficient is three bytes of |red|, |green|, |blue|
/// in 255ths of 2^(e-15), three signs, and 5 bits of e.
std::vector<std::byte> spark_arrays(const splat::Scene& scene);

}  // namespace orrery::serve
