// What convert and quantize say when they are done.
#pragma once

#include <string>

#include "cli/options.h"
#include "orrery/text/convert/quantize_file.h"

namespace orrery::cli {

void print_summary(const text::QuantizeSummary& summary, const std::string& type, const std::string& output_file,
                   const OutputOptions& output);

}  // namespace orrery::cli
