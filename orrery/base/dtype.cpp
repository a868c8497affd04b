#include "orrery/base/dtype.h"

#include <array>
#include <cctype>

namespace orrery {
namespace {

constexpr std::array<DTypeInfo, static_cast<size_t>(DType::kCount)> kInfo = {{
    {"f32", 1, 4},      {"f16", 1, 2},      {"bf16", 1, 2},       {"f64", 1, 8},       {"f8e4m3", 1, 1},
    {"f8e5m2", 1, 1},   {"i8", 1, 1},       {"i16", 1, 2},        {"i32", 1, 4},       {"i64", 1, 8},
    {"u8", 1, 1},       {"u16", 1, 2},      {"u32", 1, 4},        {"u64", 1, 8},       {"bool", 1, 1},
    {"q4_0", 32, 18},   {"q4_1", 32, 20},   {"q5_0", 32, 22},     {"q5_1", 32, 24},    {"q8_0", 32, 34},
    {"q8_1", 32, 36},   {"q2_k", 256, 84},  {"q3_k", 256, 110},   {"q4_k", 256, 144},  {"q5_k", 256, 176},
    {"q6_k", 256, 210}, {"q8_k", 256, 292}, {"iq2_xxs", 256, 66}, {"iq2_xs", 256, 74}, {"iq3_xxs", 256, 98},
    {"iq1_s", 256, 50}, {"iq4_nl", 32, 18}, {"iq3_s", 256, 110},  {"iq2_s", 256, 82},  {"iq4_xs", 256, 136},
    {"iq1_m", 256, 56}, {"tq1_0", 256, 54}, {"tq2_0", 256, 66},   {"mxfp4", 32, 17},   {"nvfp4", 64, 36},
    {"q1_0", 128, 18},  {"q2_0", 64, 18},
}};

}  // namespace

const DTypeInfo& info(DType dtype) { return kInfo[static_cast<size_t>(dtype)]; }

DType dtype_from_name(std::string_view name) {
  for (size_t i = 0; i < kInfo.size(); ++i) {
    const std::string_view candidate = kInfo[i].name;
    if (candidate.size() != name.size()) continue;
    bool same = true;
    for (size_t k = 0; k < name.size(); ++k) {
      same &= std::tolower(static_cast<unsigned char>(name[k])) == candidate[k];
    }
    if (same) return static_cast<DType>(i);
  }
  return DType::kCount;
}

}  // namespace orrery
