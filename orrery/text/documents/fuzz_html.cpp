// Pages from anywhere: whatever the bytes, a text or an Error, soon, and not much longer than the page.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/text/documents/html.h"
#include "orrery/text/tokenizer/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  orrery::text::looks_like_html(bytes);
  try {
    const std::string text = orrery::text::html_file_text(bytes, "fuzz.html");
    // The longest growth: "<li>x" becomes "- x", indented by up to 32 blanks, and a numbered one's number.
    if (!orrery::text::is_utf8(text) || text.size() > 60 * size + 2) std::abort();
  } catch (const orrery::Error&) {
  }
  return 0;
}
