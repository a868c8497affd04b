// What pdftotext writes about a hostile PDF, cut into pages: nothing is lost but control characters.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "orrery/text/documents/pdf.h"
#include "orrery/text/tokenizer/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery::text;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<Page> pages = split_pages(bytes, 1);
  const auto ends = std::ranges::count(bytes, '\f') + (!bytes.empty() && !bytes.ends_with('\f'));
  if (static_cast<std::ptrdiff_t>(pages.size()) != ends) std::abort();
  for (const Page& page : pages)
    if (!is_utf8(page.text) || page.text.find('\0') != page.text.npos) std::abort();
  return 0;
}
