#include "orrery/kernels/gaussian_raster/frame.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

namespace orrery::kernels {
namespace {

constexpr int kDigitBits = 11;
constexpr uint32_t kDigits = 1 << kDigitBits;

/// Chunks of a loop over `items`: one per thread where that pays. Results do not depend on it.
int64_t chunks_for(int64_t items, const ThreadPool& pool) { return items < 16384 ? 1 : pool.threads(); }
int64_t chunk_begin(int64_t items, int64_t chunk, int64_t chunks) { return items * chunk / chunks; }

template <class T>
int64_t bytes_of_vector(const std::vector<T>& values) {
  return static_cast<int64_t>(values.capacity() * sizeof(T));
}

}  // namespace

/// a·dx² + 2b·dx·dy + c·dy² ≤ room around (x, y).
struct RasterMemory::Frame::Ellipse {
  Ellipse(const float* mean, const float* conic, double how_much)
      : x(mean[0]), y(mean[1]), a(conic[0]), b(conic[1]), c(conic[2]), room(how_much), determinant(a * c - b * b) {
    if (!whole()) return;
    half_width = std::sqrt(room * c / determinant);
    half_height = std::sqrt(room * a / determinant);
  }
  bool whole() const { return a > 0 && c > 0 && determinant > 0 && room > 0; }

  struct Span {
    double left, right;
  };
  /// The least and the largest dx where dy is in [top, bottom]. It is widest to the right at dy = -b/c·half_width, to
  /// the left at the opposite.
  Span span(double top, double bottom) const {
    const double widest = -b / c * half_width, right = std::clamp(widest, top, bottom),
                 left = std::clamp(-widest, top, bottom);
    return {(-b * left - half_chord(left)) / a, (-b * right + half_chord(right)) / a};
  }

  /// An ellipse that rounding has opened ends where `how_high` says.
  Footprint footprint(double how_high, double log2_opacity) const {
    constexpr double kHalf = 0.5 / std::numbers::ln2;  // alpha = opacity·2^-(½·log2(e)·(a·dx² + …))
    const double u_x = std::sqrt(kHalf * a), left = whole() ? determinant / a : room / (how_high * how_high);
    return {.x = static_cast<float>(x),
            .y = static_cast<float>(y),
            .u_x = static_cast<float>(u_x),
            .u_y = static_cast<float>(kHalf * b / u_x),
            .v_y2 = static_cast<float>(kHalf * left),
            .log2_opacity = static_cast<float>(log2_opacity),
            .ratio = static_cast<float>(std::exp2(-2 * kHalf * (b * b / a + left)))};
  }

  double x, y, a, b, c, room, determinant, half_width = 0, half_height = 0;

 private:
  double half_chord(double dy) const { return std::sqrt(std::max(0.0, room * a - determinant * dy * dy)); }
};

RasterMemory::RasterMemory() : frame(std::make_unique<Frame>()) {}
RasterMemory::~RasterMemory() = default;
int64_t RasterMemory::bytes() const { return frame->bytes(); }

int64_t RasterMemory::Frame::bytes() const {
  int64_t sum = bytes_of_vector(order) + bytes_of_vector(footprints) + bytes_of_vector(channels_of) +
                bytes_of_vector(slots_from) + bytes_of_vector(tile_from) + bytes_of_vector(entries) +
                bytes_of_vector(drawn) + bytes_of_vector(transmittance) + bytes_of_vector(pixels) +
                bytes_of_vector(slots) + bytes_of_vector(d_backgrounds) + bytes_of_vector(depths_) +
                bytes_of_vector(sorted_) + bytes_of_vector(counts_);
  for (const auto& tiles : tiles_of_) sum += bytes_of_vector(tiles);
  return sum;
}

PixelBox RasterMemory::Frame::tile_box(int64_t tile, const RasterInput& input) const {
  const int x = static_cast<int>(tile % tiles_x) * kGaussianTile, y = static_cast<int>(tile / tiles_x) * kGaussianTile;
  return {x, std::min(x + kGaussianTile, input.width) - 1, y, std::min(y + kGaussianTile, input.height) - 1};
}

/// Stable, by the bits of the depth, which are in the order of the depths where those are positive: least digit first,
/// each chunk scattering behind those before it.
void RasterMemory::Frame::sort_by_depth(const RasterInput& input, ThreadPool& pool) {
  depths_.clear();
  depths_.reserve(input.size());
  for (int64_t i = 0; i < input.size(); ++i)
    if (visible(input, i)) depths_.push_back({std::bit_cast<uint32_t>(input.depths[i]), static_cast<uint32_t>(i)});
  const auto size = static_cast<int64_t>(depths_.size());
  fit(sorted_, size);
  const int64_t chunks = chunks_for(size, pool);
  for (int shift = 0; shift < 32; shift += kDigitBits) {
    const auto digit = [shift](const Depth& depth) { return depth.key >> shift & (kDigits - 1); };
    counts_.assign(chunks * kDigits, 0);
    pool.run(chunks, [&](int64_t chunk, int) {
      uint32_t* counts = counts_.data() + chunk * kDigits;
      const int64_t last = chunk_begin(size, chunk + 1, chunks);
      for (int64_t i = chunk_begin(size, chunk, chunks); i < last; ++i) ++counts[digit(depths_[i])];
    });
    uint32_t before = 0;
    for (uint32_t value = 0; value < kDigits; ++value)
      for (int64_t chunk = 0; chunk < chunks; ++chunk)
        before += std::exchange(counts_[chunk * kDigits + value], before);
    pool.run(chunks, [&](int64_t chunk, int) {
      uint32_t* next = counts_.data() + chunk * kDigits;
      const int64_t last = chunk_begin(size, chunk + 1, chunks);
      for (int64_t i = chunk_begin(size, chunk, chunks); i < last; ++i) sorted_[next[digit(depths_[i])]++] = depths_[i];
    });
    depths_.swap(sorted_);
  }
  fit(order, size);
  for (int64_t rank = 0; rank < size; ++rank) order[rank] = depths_[rank].row;
}

/// The tiles in which some pixel centre lies in the ellipse, by what it spans in each row of tiles. `box` is what it
/// spans in all.
void RasterMemory::Frame::list_tiles(const PixelBox& box, const Ellipse& ellipse, std::vector<uint32_t>& tiles) const {
  const int first_row = box.y0 / kGaussianTile, last_row = box.y1 / kGaussianTile;
  const auto list = [&](int row, int x0, int x1) {
    for (int column = x0 / kGaussianTile; column <= x1 / kGaussianTile; ++column)
      tiles.push_back(row * tiles_x + column);
  };
  if (!ellipse.whole() || first_row == last_row || box.x0 / kGaussianTile == box.x1 / kGaussianTile) {
    for (int row = first_row; row <= last_row; ++row) list(row, box.x0, box.x1);
    return;
  }
  for (int row = first_row; row <= last_row; ++row) {
    const double top = std::max(row * kGaussianTile, box.y0) + 0.5 - ellipse.y,
                 bottom = std::min((row + 1) * kGaussianTile - 1, box.y1) + 0.5 - ellipse.y;
    const auto [left, right] = ellipse.span(top, bottom);
    const PixelBox pixels = box_around(ellipse.x + 0.5 * (left + right), 0, 0.5 * (right - left) + 1e-3, 0, box);
    if (pixels.x0 <= pixels.x1) list(row, pixels.x0, pixels.x1);
  }
}

/// Ranks [first, last).
void RasterMemory::Frame::prepare(const RasterInput& input, int64_t first, int64_t last, bool with_depth,
                                  int64_t chunk) {
  std::vector<uint32_t>& tiles = tiles_of_[chunk];
  tiles.clear();
  for (int64_t rank = first; rank < last; ++rank) {
    const int64_t i = order[rank];
    double opacity = input.opacities[i];
    if (!input.compensations.empty()) opacity *= input.compensations[i];
    // alpha ≥ 1/255 where a·dx² + 2b·dx·dy + c·dy² ≤ 2 ln(255·opacity); a little more, for roundings.
    const Ellipse ellipse(input.means2d.data() + 2 * i, input.conics.data() + 3 * i,
                          opacity > 0 ? 2 * std::log(opacity / kFaintestAlpha) + 1e-3 : 0);
    // A needle's conic may have lost its shape to rounding: the projection knew its radii.
    const double rx = ellipse.whole() ? ellipse.half_width : input.radii[2 * i],
                 ry = ellipse.whole() ? ellipse.half_height : input.radii[2 * i + 1];
    PixelBox box{0, -1, 0, -1};
    if (ellipse.room > 0 && ellipse.a > 0) box = box_around(ellipse.x, ellipse.y, rx, ry, drawable(input, i));
    footprints[rank] = ellipse.footprint(ry, std::log2(opacity));
    const size_t before = tiles.size();
    if (!box.empty()) list_tiles(box, ellipse, tiles);
    slots_from[rank + 1] = static_cast<uint32_t>(tiles.size() - before);

    float* channel = channels_of.data() + rank * channels;
    std::copy_n(input.colours.data() + i * input.channels, input.channels, channel);
    if (with_depth) channel[input.channels] = input.depths[i];
    std::fill(channel + input.channels + with_depth, channel + channels, 0.f);
  }
}

void RasterMemory::Frame::bin(const RasterInput& input, bool with_depth, ThreadPool& pool) {
  tiles_x = (input.width + kGaussianTile - 1) / kGaussianTile;
  tiles_y = (input.height + kGaussianTile - 1) / kGaussianTile;
  sort_by_depth(input, pool);
  const auto size = static_cast<int64_t>(order.size());
  const int64_t chunks = chunks_for(size, pool);
  fit(footprints, size);
  fit(channels_of, size * channels);
  fit(slots_from, size + 1);
  slots_from[0] = 0;
  tiles_of_.resize(chunks);
  counts_.assign(chunks * tiles(), 0);
  pool.run(chunks, [&](int64_t chunk, int) {
    prepare(input, chunk_begin(size, chunk, chunks), chunk_begin(size, chunk + 1, chunks), with_depth, chunk);
    for (const uint32_t tile : tiles_of_[chunk]) ++counts_[chunk * tiles() + tile];
  });
  for (int64_t rank = 0; rank < size; ++rank) slots_from[rank + 1] += slots_from[rank];

  tile_from.resize(tiles() + 1);
  uint32_t before = 0;
  for (int64_t tile = 0; tile < tiles(); ++tile) {
    tile_from[tile] = before;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) before += std::exchange(counts_[chunk * tiles() + tile], before);
  }
  tile_from[tiles()] = before;
  fit(entries, before);
  pool.run(chunks, [&](int64_t chunk, int) {
    uint32_t* next = counts_.data() + chunk * tiles();
    const uint32_t* tile = tiles_of_[chunk].data();
    const int64_t last = chunk_begin(size, chunk + 1, chunks);
    for (int64_t rank = chunk_begin(size, chunk, chunks); rank < last; ++rank)
      for (uint32_t slot = slots_from[rank]; slot < slots_from[rank + 1]; ++slot)
        entries[next[*tile++]++] = {static_cast<uint32_t>(rank), slot};
  });
}

void add_viewspace_norms(int width, int height, std::span<const float> d_means2d, std::span<const int32_t> radii,
                         std::span<float> norms, std::span<float> counts) {
  const float x = 0.5f * static_cast<float>(width), y = 0.5f * static_cast<float>(height);
  for (size_t i = 0; i < norms.size(); ++i) {
    if (radii[2 * i] <= 0 || radii[2 * i + 1] <= 0) continue;
    const float gx = x * d_means2d[2 * i], gy = y * d_means2d[2 * i + 1];
    norms[i] += std::sqrt(gx * gx + gy * gy);
    counts[i] += 1;
  }
}

}  // namespace orrery::kernels
