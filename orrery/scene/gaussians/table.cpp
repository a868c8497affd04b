#include "orrery/scene/gaussians/table.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cassert>
#include <functional>

namespace orrery::scene {

namespace {

std::array<at::Tensor*, 3> tensors_of(Column& column) { return {&column.value, &column.m, &column.v}; }

float* row_at(const at::Tensor& tensor, int64_t row) { return tensor.data_ptr<float>() + row * tensor.stride(0); }

void copy_row(const at::Tensor& tensor, int64_t from, int64_t to) {
  std::copy_n(row_at(tensor, from), tensor.stride(0), row_at(tensor, to));
}

void clear_rows(const at::Tensor& tensor, int64_t first) {
  std::fill(row_at(tensor, first), row_at(tensor, tensor.size(0)), 0.f);
}

}  // namespace

GaussianTable::GaussianTable(const std::map<std::string, at::Tensor>& values) {
  int64_t rows = 0;
  for (const auto& [name, value] : values) {
    std::vector<int64_t> sizes = value.sizes().vec();
    rows = sizes[0], sizes[0] = 0;
    columns_[name] = {at::empty(sizes).set_requires_grad(true), at::empty(sizes), at::empty(sizes)};
    for (auto& memory : memory_[name]) memory = std::make_shared<GrowingMemory>();
  }
  resize(rows);
  const at::NoGradGuard without_gradients;
  for (const auto& [name, value] : values) columns_[name].value.copy_(value);
}

int64_t GaussianTable::size() const { return columns_.empty() ? 0 : columns_.begin()->second.value.size(0); }

void GaussianTable::select(const at::Tensor& rows) {
  const at::Tensor contiguous = rows.contiguous();
  const std::span<const int64_t> kept(contiguous.const_data_ptr<int64_t>(), static_cast<size_t>(contiguous.numel()));
  assert(std::ranges::adjacent_find(kept, std::ranges::greater_equal()) == kept.end());
  for (auto& [name, column] : columns_)
    for (const at::Tensor* tensor : tensors_of(column))
      for (size_t to = 0; to < kept.size(); ++to)
        if (kept[to] != static_cast<int64_t>(to)) copy_row(*tensor, kept[to], static_cast<int64_t>(to));
  set_size(contiguous.numel());
}

void GaussianTable::append(const at::Tensor& rows) {
  const int64_t before = size();
  const at::Tensor contiguous = rows.contiguous();
  set_size(before + contiguous.numel());
  for (auto& [name, column] : columns_) {
    for (int64_t i = 0; i < contiguous.numel(); ++i)
      copy_row(column.value, contiguous.const_data_ptr<int64_t>()[i], before + i);
    clear_rows(column.m, before);
    clear_rows(column.v, before);
  }
}

void GaussianTable::resize(int64_t rows) {
  set_size(rows);
  for (auto& [name, column] : columns_)
    for (const at::Tensor* tensor : tensors_of(column)) clear_rows(*tensor, 0);
}

/// Rows that come have what their memory had.
void GaussianTable::set_size(int64_t rows) {
  for (auto& [name, column] : columns_) {
    column.value.mutable_grad() = at::Tensor();  // of another number of rows
    auto memory = memory_.at(name).begin();
    for (at::Tensor* tensor : tensors_of(column)) {
      std::vector<int64_t> sizes = tensor->sizes().vec();
      sizes[0] = rows;
      const std::shared_ptr<GrowingMemory> held = *memory++;
      held->reserve(sizeof(float) * static_cast<size_t>(std::max<int64_t>(1, c10::multiply_integers(sizes))));
      tensor->set_data(at::from_blob(held->data(), sizes, [held](void*) {}));
    }
  }
}

}  // namespace orrery::scene
