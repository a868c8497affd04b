#include "orrery/scene/gaussians/bilateral_grid.h"

#include <algorithm>
#include <array>

namespace orrery::scene {

namespace {

constexpr size_t kTransform = 12;
constexpr size_t kColumn = kTransform * kGridLevels;  // the numbers of one place
constexpr int kCellRows = kGridRows - 1, kCellColumns = kGridColumns - 1;
constexpr std::array<float, 3> kLuma = {.299f, .587f, .114f};  // BT.601

/// Where an axis' pixels lie between the grid's transforms.
struct Axis {
  Axis(int pixels, int cells) : fractions(static_cast<size_t>(pixels)), first(static_cast<size_t>(cells) + 1, pixels) {
    for (int pixel = pixels - 1; pixel >= 0; --pixel) {
      const float at = (static_cast<float>(pixel) + 0.5f) / static_cast<float>(pixels) * static_cast<float>(cells);
      const int cell = std::min(static_cast<int>(at), cells - 1);
      fractions[static_cast<size_t>(pixel)] = at - static_cast<float>(cell);
      std::fill_n(first.begin(), cell + 1, pixel);
    }
  }
  std::vector<float> fractions;
  std::vector<int> first;  ///< [cells + 1] pixels
};

/// a where both are the same, whatever t.
inline float between(float a, float b, float t) { return a + t * (b - a); }

/// Pixels of one row of a cell: the grid between its upper and lower places.
struct Row {
  Row(const float* upper, float down) {
    const float* lower = upper + kGridColumns * kColumn;  // left and right place stand side by side
    for (size_t i = 0; i < sides.size(); ++i) sides[i] = between(upper[i], lower[i], down);
  }
  std::array<float, 2 * kColumn> sides;
};

/// A pixel's transform, and what it comes from.
struct Sliced {
  Sliced(const Row& row, float right, const float* colour) {
    const float luminance = kLuma[0] * colour[0] + kLuma[1] * colour[1] + kLuma[2] * colour[2];
    inside = luminance > 0 && luminance < 1;
    const float height = (luminance > 0 ? std::min(luminance, 1.f) : 0) * (kGridLevels - 1);
    level = static_cast<size_t>(std::min(static_cast<int>(height), kGridLevels - 2));
    up = height - static_cast<float>(level);
    const float *left_side = &row.sides[kTransform * level], *right_side = left_side + kColumn;
    for (size_t i = 0; i < kTransform; ++i) {
      const float below = between(left_side[i], right_side[i], right),
                  above = between(left_side[kTransform + i], right_side[kTransform + i], right);
      step[i] = above - below;
      transform[i] = between(below, above, up);
    }
  }
  bool inside;  ///< of the levels
  size_t level;
  float up;
  std::array<float, kTransform> step, transform;  ///< step: from the level below to that above
};

/// work(cell, its upper left place's numbers, its rows and columns of pixels) in the pool's threads.
template <class Work>
void for_cells(BilateralGrid grid, const Axis& rows, const Axis& columns, ThreadPool& pool, const Work& work) {
  pool.run(kCellRows * kCellColumns, [&](int64_t turn, int) {
    const auto cell = static_cast<size_t>(turn), row = cell / kCellColumns, column = cell % kCellColumns;
    work(cell, grid.data() + (row * kGridColumns + column) * kColumn, rows.first.data() + row,
         columns.first.data() + column);
  });
}

}  // namespace

void slice_grid(BilateralGrid grid, int width, int height, std::span<const float> image, std::span<float> sliced,
                ThreadPool& pool) {
  const Axis rows(height, kCellRows), columns(width, kCellColumns);
  for_cells(grid, rows, columns, pool, [&](size_t, const float* corner, const int* ys, const int* xs) {
    for (int y = ys[0]; y < ys[1]; ++y) {
      const Row row(corner, rows.fractions[static_cast<size_t>(y)]);
      for (int x = xs[0]; x < xs[1]; ++x) {
        const size_t at = 3 * (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x));
        const float* c = &image[at];
        const auto& e = Sliced(row, columns.fractions[static_cast<size_t>(x)], c).transform;
        for (size_t k = 0; k < 3; ++k)
          sliced[at + k] = e[4 * k] * c[0] + e[4 * k + 1] * c[1] + e[4 * k + 2] * c[2] + e[4 * k + 3];
      }
    }
  });
}

std::vector<double> slice_grid_backward(BilateralGrid grid, int width, int height, std::span<const float> image,
                                        std::span<float> gradient, ThreadPool& pool) {
  const Axis rows(height, kCellRows), columns(width, kCellColumns);
  using OfCell = std::array<std::array<double, 2 * kColumn>, 2>;  // upper and lower places
  std::vector<OfCell> of_cells(kCellRows * kCellColumns);
  for_cells(grid, rows, columns, pool, [&](size_t cell, const float* corner, const int* ys, const int* xs) {
    OfCell& sums = of_cells[cell];
    for (int y = ys[0]; y < ys[1]; ++y) {
      const float down = rows.fractions[static_cast<size_t>(y)];
      const Row row(corner, down);
      std::array<float, 2 * kColumn> of_row{};
      for (int x = xs[0]; x < xs[1]; ++x) {
        const size_t at = 3 * (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x));
        const float right = columns.fractions[static_cast<size_t>(x)];
        const Sliced pixel(row, right, &image[at]);
        const std::array<float, 4> colour = {image[at], image[at + 1], image[at + 2], 1};
        const std::array<float, 3> d_sliced = {gradient[at], gradient[at + 1], gradient[at + 2]};
        std::array<float, kTransform> d_transform;
        for (size_t i = 0; i < kTransform; ++i) d_transform[i] = d_sliced[i / 4] * colour[i % 4];
        float d_up = 0;
        for (size_t i = 0; i < kTransform; ++i) d_up += d_transform[i] * pixel.step[i];
        if (!pixel.inside) d_up = 0;
        for (size_t j = 0; j < 3; ++j)
          gradient[at + j] = d_sliced[0] * pixel.transform[j] + d_sliced[1] * pixel.transform[4 + j] +
                             d_sliced[2] * pixel.transform[8 + j] + d_up * (kGridLevels - 1) * kLuma[j];
        float *left_side = &of_row[kTransform * pixel.level], *right_side = left_side + kColumn;
        for (size_t i = 0; i < kTransform; ++i) {
          const float above = pixel.up * d_transform[i], below = d_transform[i] - above;
          left_side[i] += (1 - right) * below;
          right_side[i] += right * below;
          left_side[kTransform + i] += (1 - right) * above;
          right_side[kTransform + i] += right * above;
        }
      }
      for (size_t i = 0; i < of_row.size(); ++i) {
        sums[0][i] += double{1 - down} * of_row[i];
        sums[1][i] += double{down} * of_row[i];
      }
    }
  });
  std::vector<double> d_grid(kGridSize);
  for (size_t cell = 0; cell < of_cells.size(); ++cell)
    for (size_t lower = 0; lower < 2; ++lower) {
      const size_t place = (cell / kCellColumns + lower) * kGridColumns + cell % kCellColumns;
      for (size_t i = 0; i < 2 * kColumn; ++i) d_grid[place * kColumn + i] += of_cells[cell][lower][i];
    }
  return d_grid;
}

double grid_variation(BilateralGrid grid, double weight, std::span<double> d_grid) {
  struct Along {
    size_t stride, size;
  };
  double sum = 0;
  for (const auto& [stride, size] :
       {Along{kGridColumns * kColumn, kGridRows}, {kColumn, kGridColumns}, {kTransform, kGridLevels}}) {
    const double share = weight / static_cast<double>(kGridSize / size * (size - 1));
    for (size_t i = 0; i + stride < kGridSize; ++i) {
      if (i / stride % size == size - 1) continue;  // the last one has no neighbour
      const double difference = double{grid[i + stride]} - grid[i];
      sum += share * difference * difference;
      d_grid[i + stride] += 2 * share * difference;
      d_grid[i] -= 2 * share * difference;
    }
  }
  return sum;
}

}  // namespace orrery::scene
