"""Writes orrery/text/tokenizer/crate_characters.cpp: where two old Rust crates inside the PyPI package tokenizers differ from Unicode 16.

tokenizers takes punctuation, BERT's controls and accents from unicode_categories (Unicode 8), and StripAccents from
unicode-normalization-alignments (Unicode 9). This asks the package itself. Needs `pip install tokenizers unicodedata2==16.0.0`; run from the
repository root.
"""
import unicodedata2
from tokenizers import normalizers, pre_tokenizers

CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CATEGORY = {c: unicodedata2.category(chr(c)) for c in CODES}


def removed_by(normalizer):
    return {c for c in CODES if normalizer.normalize_str(chr(c)) == ""}


def bert(**on):
    return normalizers.BertNormalizer(**{**dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False), **on})


punctuation = pre_tokenizers.Punctuation()
SETS = {
    "Punctuation": ({c for c in CODES if len(punctuation.pre_tokenize_str("x" + chr(c) + "x")) > 1},
                    {c for c in CODES if CATEGORY[c][0] == "P" or c < 128 and CATEGORY[c][0] == "S"}),
    "BertOther": (removed_by(bert(clean_text=True)), {c for c in CODES if CATEGORY[c] in ("Cc", "Cf", "Co") and chr(c) not in "\t\n\r"} | {0xFFFD}),
    "BertAccent": (removed_by(bert(strip_accents=True)), {c for c in CODES if CATEGORY[c] == "Mn"}),
    "Accent": (removed_by(normalizers.StripAccents()), {c for c in CODES if CATEGORY[c][0] == "M"}),
}

text = ("// Made by tests/text/scripts/make_crate_characters.py: where tokenizers' Rust crates differ from Unicode 16.\n"
        '#include "orrery/text/tokenizer/crate_characters.h"\n\n#include <algorithm>\n\n#include "orrery/text/tokenizer/unicode.h"\n\n'
        "namespace orrery::text {\n\nnamespace {\n\nstruct Range {\n  char32_t first, last;\n};\n\n// clang-format off\n")
for name, (theirs, ours) in SETS.items():
    ranges = []
    for c in sorted(theirs ^ ours):
        if ranges and ranges[-1][1] == c - 1:
            ranges[-1][1] = c
        else:
            ranges.append([c, c])
    lines, line = [], "   "
    for first, last in ranges:
        item = f" {{0x{first:X}, 0x{last:X}}},"
        if len(line) + len(item) > 118:
            lines.append(line)
            line = "   "
        line += item
    text += f"constexpr Range k{name}[] = {{\n" + "\n".join(lines + [line]) + "\n};\n"
text += """// clang-format on

template <size_t kSize>
bool contains(const Range (&ranges)[kSize], char32_t code) {
  const Range* found = std::lower_bound(ranges, ranges + kSize, code, [](const Range& r, char32_t c) { return r.last < c; });
  return found != ranges + kSize && found->first <= code;
}

}  // namespace

bool is_crate_punctuation(char32_t code) {
  return ((char_class(code) & (code < 128 ? kPunctuation | kSymbol : kPunctuation)) != 0) != contains(kPunctuation_, code);
}

bool is_bert_other(char32_t code) {
  const Category kind = category(code);
  return (kind == Category::kCc || kind == Category::kCf || kind == Category::kCo || code == 0xFFFD) != contains(kBertOther, code);
}

bool is_bert_accent(char32_t code) { return (category(code) == Category::kMn) != contains(kBertAccent, code); }

bool is_accent(char32_t code) { return ((char_class(code) & kMark) != 0) != contains(kAccent, code); }

}  // namespace orrery::text
"""
text = text.replace("constexpr Range kPunctuation[]", "constexpr Range kPunctuation_[]").replace("kPunctuation_", "kCratePunctuation")
with open("orrery/text/tokenizer/crate_characters.cpp", "w") as out:
    out.write(text)
