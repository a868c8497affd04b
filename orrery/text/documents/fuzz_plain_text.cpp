// Text files from anywhere: whatever the bytes, UTF-8 or an Error.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/text/documents/plain_text.h"
#include "orrery/text/tokenizer/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery::text;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const Charset charset : {Charset::kUtf8, Charset::kUtf16Le, Charset::kUtf16Be, Charset::kWindows1252}) {
    const std::string text = to_utf8(bytes, charset);
    if (!is_utf8(text) || text.size() > 3 * size) std::abort();
  }
  try {
    plain_text(bytes, "fuzz.txt");
  } catch (const orrery::Error&) {
  }
  return 0;
}
