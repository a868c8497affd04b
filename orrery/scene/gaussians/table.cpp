#include "orrery/scene/gaussians/table.h"

#include <ATen/ATen.h>

namespace orrery::scene {

namespace {

void replace(Column& column, const at::Tensor& value, const at::Tensor& m, const at::Tensor& v) {
  column.value.mutable_grad() = at::Tensor();  // of another number of rows
  column.value.set_data(value.contiguous());
  column.m.set_data(m.contiguous());
  column.v.set_data(v.contiguous());
}

}  // namespace

GaussianTable::GaussianTable(const std::map<std::string, at::Tensor>& values) {
  for (const auto& [name, value] : values)
    columns_[name] = {value.detach().set_requires_grad(true), at::zeros(value.sizes()), at::zeros(value.sizes())};
}

int64_t GaussianTable::size() const { return columns_.empty() ? 0 : columns_.begin()->second.value.size(0); }

void GaussianTable::select(const at::Tensor& rows) {
  const at::NoGradGuard without_gradients;
  for (auto& [name, column] : columns_)
    replace(column, column.value.index_select(0, rows), column.m.index_select(0, rows), column.v.index_select(0, rows));
}

void GaussianTable::append(const at::Tensor& rows) {
  const at::NoGradGuard without_gradients;
  for (auto& [name, column] : columns_) {
    const at::Tensor more = column.value.index_select(0, rows), none = at::zeros(more.sizes());
    replace(column, at::cat({column.value, more}), at::cat({column.m, none}), at::cat({column.v, none}));
  }
}

void GaussianTable::resize(int64_t rows) {
  for (auto& [name, column] : columns_) {
    std::vector<int64_t> sizes = column.value.sizes().vec();
    sizes[0] = rows;
    replace(column, at::zeros(sizes), at::zeros(sizes), at::zeros(sizes));
  }
}

}  // namespace orrery::scene
