# Puts styles and scripts into page.html and writes OUT/report_page.cpp, which holds the page: the assembler reads it (.incbin).
function(fill marker file)
  file(READ ${file} content)
  string(REPLACE "{{${marker}}}" "${content}" page "${page}")
  set(page "${page}" PARENT_SCOPE)
endfunction()

file(READ ${PARTS}/page.html page)
fill(uplot.css ${UPLOT}/uplot.min.css)
fill(page.css ${PARTS}/page.css)
fill(uplot.js ${UPLOT}/uplot.iife.min.js)
fill(page.js ${PARTS}/page.js)
file(WRITE ${OUT}/report_page.html "${page}")
file(SIZE ${OUT}/report_page.html size)
file(WRITE ${OUT}/report_page.cpp "// Written by report/embed.cmake.
#include <string_view>

asm(\".pushsection .rodata\\norrery_report_page:\\n.incbin \\\"${OUT}/report_page.html\\\"\\n.popsection\\n\");
extern \"C\" const char orrery_report_page[];

namespace orrery::train {
std::string_view report_page() { return {orrery_report_page, ${size}}; }
}  // namespace orrery::train
")
