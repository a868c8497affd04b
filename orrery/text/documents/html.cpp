#include "orrery/text/documents/html.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <utility>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/text/documents/html_entities.h"
#include "orrery/text/documents/html_tokenizer.h"
#include "orrery/text/documents/plain_text.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {
namespace {

template <size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) {
  return std::ranges::find(names, name) != std::end(names);
}

constexpr std::string_view kBlocks[] = {
    "address", "article", "aside",    "blockquote", "body",    "dd",      "details", "dialog", "div",
    "dl",      "dt",      "fieldset", "figcaption", "figure",  "footer",  "form",    "header", "html",
    "main",    "nav",     "noscript", "option",     "section", "summary", "legend",  "caption"};
constexpr std::string_view kUnseen[] = {"script", "style", "iframe", "noembed", "noframes"};

// Lays text out: breaks are owed until text comes, so that they neither begin nor end the result, nor pile up.
class Layout {
 public:
  void open(const HtmlToken& tag);
  void close(const std::string& name);
  void text(std::string_view plain);
  std::string finish() {
    if (!out_.empty()) out_ += '\n';
    return std::move(out_);
  }

 private:
  struct Table {
    bool in_row = false, in_cell = false;
  };

  static constexpr size_t kDeepestIndent = 16;  // levels of lists; bounds the output for hostile nesting

  void owe_breaks(int count) {
    space_ = false;
    if (in_cell())
      space_ = true;
    else
      breaks_ = std::max(breaks_, count);
  }
  bool in_cell() const { return !tables_.empty() && tables_.back().in_cell; }
  void pay() {
    if (!out_.empty()) out_.append(static_cast<size_t>(breaks_), '\n');
    if (breaks_ == 0 && space_ && !out_.empty() && out_.back() != ' ' && out_.back() != '\n') out_ += ' ';
    out_ += marker_;
    marker_.clear();
    breaks_ = 0;
    space_ = false;
  }
  void mark_item();
  void end_row();
  void open_table_part(const std::string& name);

  std::string out_, marker_;
  int breaks_ = 0;
  bool space_ = false, at_pre_start_ = false;
  int pre_ = 0;
  std::vector<int64_t> lists_;  // the number of the next item, 0 in a list without numbers
  std::vector<Table> tables_;
};

// 1 to 6 for h1 to h6, 0 for others.
int heading_level(std::string_view name) {
  return name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6' ? name[1] - '0' : 0;
}

void Layout::text(std::string_view plain) {
  if (std::exchange(at_pre_start_, false) && plain.starts_with('\n')) plain.remove_prefix(1);
  for (size_t i = 0; i < plain.size();) {
    const std::string_view here = plain.substr(i);
    const bool soft_hyphen = here.starts_with("\xC2\xAD"), no_break_space = here.starts_with("\xC2\xA0");
    i += soft_hyphen || no_break_space ? 2 : 1;
    const char c = no_break_space ? ' ' : here[0];
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
    if (soft_hyphen || (c == '\r' && pre_ > 0)) continue;
    if (blank && pre_ == 0) {
      space_ = true;
      continue;
    }
    pay();
    out_ += c;
  }
}

void Layout::mark_item() {
  owe_breaks(1);
  if (in_cell()) return;
  const size_t depth = std::min(std::max<size_t>(lists_.size(), 1) - 1, kDeepestIndent);
  marker_.assign(2 * depth, ' ');
  const bool numbered = !lists_.empty() && lists_.back() > 0;
  marker_ += numbered ? std::to_string(lists_.back()++) + ". " : "- ";
}

void Layout::end_row() {
  Table& table = tables_.back();
  if (std::exchange(table.in_row, false)) out_ += " |";
  table.in_cell = false;
  owe_breaks(1);
}

void Layout::open_table_part(const std::string& name) {
  Table& table = tables_.back();
  if (name == "tr") return end_row();
  table.in_cell = false;  // what is owed from the cell before ends there
  if (table.in_row) {
    out_ += " | ";
    space_ = false;
  } else {
    owe_breaks(1);
    marker_.clear();
    pay();
    out_ += "| ";
  }
  table.in_row = table.in_cell = true;
}

void Layout::open(const HtmlToken& tag) {
  const std::string& name = tag.name;
  if (const int level = heading_level(name); level > 0 || name == "title") {
    owe_breaks(2);
    if (!in_cell()) marker_ = std::string(static_cast<size_t>(std::max(level, 1)), '#') + " ";
  } else if (name == "br") {
    owe_breaks(std::min(breaks_ + 1, 2));
  } else if (name == "p" || name == "hr") {
    owe_breaks(2);
  } else if (name == "pre") {
    owe_breaks(2);
    ++pre_;
    at_pre_start_ = true;
  } else if (name == "ul" || name == "ol" || name == "menu") {
    owe_breaks(lists_.empty() ? 2 : 1);
    int64_t first = 1;
    const std::string start = tag.attribute("start");
    std::from_chars(start.data(), start.data() + start.size(), first);
    lists_.push_back(name == "ol" ? std::clamp<int64_t>(first, 1, INT32_MAX) : 0);
  } else if (name == "li") {
    mark_item();
  } else if (name == "table") {
    tables_.push_back({});
    owe_breaks(2);  // also inside another one's cell
  } else if (!tables_.empty() && (name == "tr" || name == "td" || name == "th")) {
    open_table_part(name);
  } else if (name == "img") {
    text(tag.attribute("alt"));
  } else if (is_one_of(name, kBlocks)) {
    owe_breaks(1);
  }
}

void Layout::close(const std::string& name) {
  if (heading_level(name) > 0 || name == "title" || name == "p") {
    marker_.clear();
    owe_breaks(2);
  } else if (name == "pre") {
    pre_ = std::max(pre_ - 1, 0);
    owe_breaks(2);
  } else if (name == "ul" || name == "ol" || name == "menu") {
    if (!lists_.empty()) lists_.pop_back();
    marker_.clear();
    owe_breaks(lists_.empty() ? 2 : 1);
  } else if (name == "li") {
    marker_.clear();
    owe_breaks(1);
  } else if (name == "table" && !tables_.empty()) {
    end_row();
    owe_breaks(2);
    tables_.pop_back();
  } else if (name == "tr" && !tables_.empty()) {
    end_row();
  } else if (is_one_of(name, kBlocks)) {
    owe_breaks(1);
  }
}

// <template> and <svg> hold no text of the page: passes over everything up to the end of the one that `open` began.
void skip_element(HtmlTokenizer& tokens, const HtmlToken& open) {
  HtmlToken inside;
  for (int64_t depth = open.self_closing ? 0 : 1; depth > 0 && tokens.next(inside);) {
    if (inside.name != open.name || inside.self_closing) continue;
    depth += inside.kind == HtmlToken::Kind::kOpen ? 1 : -1;
  }
}

std::string lowered_text(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// What follows `key` in "text/html; charset=latin1" or `<?xml encoding="latin1"`, up to a blank, quote, ';' or '?'.
std::string value_after(std::string_view text, std::string_view key) {
  const std::string lowered = lowered_text(std::string(text));
  const size_t found = lowered.find(key);
  if (found == lowered.npos) return "";
  const size_t begin = lowered.find_first_not_of("= \t\r\n\"'", found + key.size());
  if (begin == lowered.npos) return "";
  return lowered.substr(begin, std::min(lowered.find_first_of(" \t\r\n\"';?>", begin), lowered.size()) - begin);
}

// The label that the page declares, in lower case; empty where it does not (WHATWG HTML, section 13.2.3.2).
std::string declared_charset(std::string_view bytes) {
  const std::string_view beginning = bytes.substr(0, 1024);
  if (beginning.starts_with("<?xml"))
    if (std::string label = value_after(beginning.substr(0, beginning.find('>')), "encoding"); !label.empty())
      return label;
  HtmlTokenizer tokens(beginning);
  for (HtmlToken token; tokens.next(token);) {
    if (token.kind != HtmlToken::Kind::kOpen || token.name != "meta") continue;
    if (std::string label = token.attribute("charset"); !label.empty()) return lowered_text(std::move(label));
    if (lowered_text(token.attribute("http-equiv")) != "content-type") continue;
    if (std::string label = value_after(token.attribute("content"), "charset"); !label.empty()) return label;
  }
  return "";
}

constexpr std::string_view kUtf8Labels[] = {"utf-8",    "utf8",    "unicode-1-1-utf-8", "utf-16",
                                            "utf-16le", "utf-16be"};  // a label that can be read is not in UTF-16
constexpr std::string_view kWindows1252Labels[] = {"windows-1252", "cp1252",  "iso-8859-1", "iso8859-1", "iso_8859-1",
                                                   "latin1",       "latin-1", "l1",         "us-ascii",  "ascii"};

Charset charset_of(std::string_view bytes, const std::string& name) {
  const Charset guess = guess_charset(bytes);
  const bool marked = bytes.starts_with("\xEF\xBB\xBF") || guess == Charset::kUtf16Le || guess == Charset::kUtf16Be;
  const std::string label = declared_charset(bytes);
  if (marked || label.empty()) return guess;
  if (is_one_of(label, kUtf8Labels)) return Charset::kUtf8;
  if (is_one_of(label, kWindows1252Labels)) return Charset::kWindows1252;
  // Somebody may have recoded the file and left its label; an escape would be ISO-2022's.
  if (is_utf8(bytes) && bytes.find('\x1b') == bytes.npos) return Charset::kUtf8;
  throw Error({.doing = "read a document",
               .where = name,
               .found = "the charset " + label.substr(0, 40),
               .expected = "utf-8, utf-16 with a byte order mark, windows-1252 or iso-8859-1",
               .advice = "turn it into UTF-8 first (iconv)"});
}

}  // namespace

std::string html_to_text(std::string_view html) {
  Layout layout;
  HtmlTokenizer tokens(html);
  for (HtmlToken token; tokens.next(token);) {
    switch (token.kind) {
      case HtmlToken::Kind::kText:
        if (!is_one_of(token.name, kUnseen)) layout.text(resolve_references(token.text));
        break;
      case HtmlToken::Kind::kOpen:
        if (token.name == "template" || token.name == "svg")
          skip_element(tokens, HtmlToken(token));
        else
          layout.open(token);
        break;
      case HtmlToken::Kind::kClose:
        layout.close(token.name);
        break;
    }
  }
  return layout.finish();
}

std::string html_file_text(std::string_view bytes, const std::string& name) {
  const Charset charset = charset_of(bytes, name);
  refuse_binary(bytes, charset, name);
  return html_to_text(to_utf8(bytes, charset));
}

bool looks_like_html(std::string_view bytes) {
  std::string_view rest = bytes;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n\f"), rest.size()));
    const bool comment = rest.starts_with("<!--"), instruction = rest.starts_with("<?xml");
    if (!comment && !instruction) break;
    const std::string_view end = comment ? "-->" : "?>";
    const size_t found = rest.find(end, 4);
    if (found == rest.npos) return false;
    rest.remove_prefix(found + end.size());
  }
  const std::string beginning = lowered_text(std::string(rest.substr(0, 14)));
  return beginning.starts_with("<!doctype html") || beginning.starts_with("<html>") || beginning.starts_with("<html ");
}

}  // namespace orrery::text
