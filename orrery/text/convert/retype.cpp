#include "orrery/text/convert/retype.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "orrery/kernels/quantize/quantize.h"

namespace orrery::text {

std::span<const std::byte> Retyper::run(std::span<const TensorView* const> sources, DType target,
                                        const RowOrder& order) {
  const TensorView& source = *sources.front();
  if (sources.size() == 1 && source.dtype == target && !order) return {source.data, size_t(source.bytes)};
  const bool values = order && source.shape.size() == 1;  // a bias: its values change places as rows do
  const int64_t cols = values ? 1 : source.cols(), each = source.elements() / std::max<int64_t>(cols, 1),
                rows = each * int64_t(sources.size());
  assert(cols % info(target).block_elements == 0);
  const int64_t source_row_bytes = bytes_of(source.dtype, cols), target_row_bytes = bytes_of(target, cols);
  result_.resize(rows * target_row_bytes);

  // About 64 K values a chunk: enough to pay for handing it out, small enough for the second-level cache.
  const int64_t rows_per_chunk =
      std::clamp<int64_t>((1 << 16) / std::max<int64_t>(cols, 1), 1, std::max<int64_t>(rows, 1));
  std::vector<std::vector<float>> scratch(pool_.threads(), std::vector<float>(source.dtype == target ? 0 : cols));
  pool_.run((rows + rows_per_chunk - 1) / rows_per_chunk, [&](int64_t chunk, int thread) {
    for (int64_t row = chunk * rows_per_chunk; row < std::min(rows, (chunk + 1) * rows_per_chunk); ++row) {
      const int64_t within = row % each;
      const std::byte* from = sources[row / each]->data + (order ? order(within) : within) * source_row_bytes;
      std::byte* to = result_.data() + row * target_row_bytes;
      if (source.dtype == target) {
        std::memcpy(to, from, target_row_bytes);
      } else {
        kernels::dequantize(source.dtype, {from, size_t(source_row_bytes)}, scratch[thread]);
        kernels::quantize(target, scratch[thread], {to, size_t(target_row_bytes)});
      }
    }
  });
  return result_;
}

}  // namespace orrery::text
