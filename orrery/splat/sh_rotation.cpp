#include "orrery/splat/sh_rotation.h"

#include <cmath>
#include <cstdlib>

namespace orrery::splat {
namespace {

/// Rows and columns from -degree to degree.
class Band {
 public:
  explicit Band(int degree) : degree_(degree), width_(static_cast<size_t>(2 * degree + 1)), values_(width_ * width_) {}
  int degree() const { return degree_; }
  double& at(int m, int n) { return values_[place(m, n)]; }
  double at(int m, int n) const { return values_[place(m, n)]; }
  std::vector<double> values() const { return values_; }

 private:
  size_t place(int m, int n) const {
    return static_cast<size_t>(m + degree_) * width_ + static_cast<size_t>(n + degree_);
  }
  int degree_;
  size_t width_;
  std::vector<double> values_;
};

// Degree 1 is y, z, x.
Band first_band(const Matrix3& rotation) {
  constexpr size_t kAxis[] = {1, 2, 0};
  Band band(1);
  for (int m = -1; m <= 1; ++m)
    for (int n = -1; n <= 1; ++n) band.at(m, n) = rotation[kAxis[m + 1]][kAxis[n + 1]];
  return band;
}

// The paper's P of table 2: a row of the first degree times a row of the degree below.
double product(const Band& first, const Band& below, int i, int a, int b) {
  const int degree = below.degree() + 1;
  if (b == degree) return first.at(i, 1) * below.at(a, degree - 1) - first.at(i, -1) * below.at(a, 1 - degree);
  if (b == -degree) return first.at(i, 1) * below.at(a, 1 - degree) + first.at(i, -1) * below.at(a, degree - 1);
  return first.at(i, 0) * below.at(a, b);
}

// U, V and W of table 2, each with its factor u, v, w of table 1; a term whose factor is 0 would look past the band.
double element(const Band& first, const Band& below, int m, int n) {
  const int degree = below.degree() + 1, size = std::abs(m);
  const double under = std::abs(n) == degree ? 2 * degree * (2 * degree - 1) : (degree + n) * (degree - n);
  const auto p = [&](int i, int a) { return product(first, below, i, a, n); };
  double sum = 0;
  if (size < degree) sum += std::sqrt((degree + m) * (degree - m) / under) * p(0, m);
  if (m == 0) {
    sum -= std::sqrt(2 * (degree - 1) * degree / under) / 2 * (p(1, 1) + p(-1, -1));
    return sum;
  }
  const double v = std::sqrt((degree + size - 1) * (degree + size) / under) / 2;
  if (m > 0)
    sum += v * (m == 1 ? std::sqrt(2.0) * p(1, 0) : p(1, m - 1) - p(-1, 1 - m));
  else
    sum += v * (m == -1 ? std::sqrt(2.0) * p(-1, 0) : p(1, m + 1) + p(-1, -m - 1));
  if (size >= degree - 1) return sum;
  const double w = -std::sqrt((degree - size - 1) * (degree - size) / under) / 2;
  return sum + w * (m > 0 ? p(1, m + 1) + p(-1, -m - 1) : p(1, m - 1) - p(-1, 1 - m));
}

Band next_band(const Band& first, const Band& below) {
  Band band(below.degree() + 1);
  for (int m = -band.degree(); m <= band.degree(); ++m)
    for (int n = -band.degree(); n <= band.degree(); ++n) band.at(m, n) = element(first, below, m, n);
  return band;
}

// 3DGS's functions of odd order have the other sign (Condon and Shortley's phase).
Band with_phase(Band band) {
  for (int m = -band.degree(); m <= band.degree(); ++m)
    for (int n = -band.degree(); n <= band.degree(); ++n)
      if ((m + n) % 2 != 0) band.at(m, n) = -band.at(m, n);
  return band;
}

}  // namespace

std::array<std::vector<double>, kMaxShDegree> sh_rotation(const Matrix3& rotation) {
  const Band first = first_band(rotation);
  Band band = first;
  std::array<std::vector<double>, kMaxShDegree> result;
  for (size_t i = 0; i < result.size(); ++i) {
    if (i > 0) band = next_band(first, band);
    result[i] = with_phase(band).values();
  }
  return result;
}

// basis(R d)·c' = basis(d)·c for all d gives c' = D⁻ᵀ c, which is D c, for D is orthogonal.
void rotate_harmonics(const Matrix3& rotation, Scene& scene) {
  const auto bands = sh_rotation(rotation);
  const int coefficients = scene.coefficients();
  double rotated[7][3];
  for (int64_t n = 0; n < scene.count(); ++n) {
    for (int degree = 1; degree <= scene.sh_degree; ++degree) {
      const int width = 2 * degree + 1;
      const std::vector<double>& matrix = bands[static_cast<size_t>(degree - 1)];
      float* sh = scene.sh.data() + 3 * (n * coefficients + degree * degree);
      for (int row = 0; row < width; ++row)
        for (int channel = 0; channel < 3; ++channel) {
          double sum = 0;
          for (int k = 0; k < width; ++k) sum += matrix[static_cast<size_t>(row * width + k)] * sh[3 * k + channel];
          rotated[row][channel] = sum;
        }
      for (int i = 0; i < 3 * width; ++i) sh[i] = static_cast<float>(rotated[i / 3][i % 3]);
    }
  }
}

}  // namespace orrery::splat
