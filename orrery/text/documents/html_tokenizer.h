// Cuts HTML into tags and text: the tokenizer of WHATWG HTML, section 13.2.5, as far as text needs it.
#pragma once

#include <string>
#include <string_view>

namespace orrery::text {

struct HtmlToken {
  enum class Kind { kText, kOpen, kClose } kind = Kind::kText;
  std::string_view text;        ///< kText: as it is written, references unresolved
  std::string name;             ///< kOpen, kClose: in lower case; kText: the element whose raw text it is, else empty
  std::string_view attributes;  ///< kOpen: as they are written
  bool self_closing = false;    ///< kOpen: ends with "/>"

  /// The first attribute of that name, references resolved; empty where there is none.
  std::string attribute(std::string_view name) const;
};

/// Comments, doctypes and processing instructions are passed over. What lies inside <script>, <style>, <textarea>,
/// <title> and their kin up to the closing tag is one text. Each byte is looked at a bounded number of times.
class HtmlTokenizer {
 public:
  explicit HtmlTokenizer(std::string_view html) : rest_(html) {}
  /// False at the end.
  bool next(HtmlToken& token);

 private:
  bool take_tag(HtmlToken& token);
  bool take_declaration();
  void take_raw_text(HtmlToken& token);

  std::string_view rest_;
  std::string raw_;  // the element whose raw text comes next
};

}  // namespace orrery::text
