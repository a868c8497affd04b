"""Writes orrery/text/tokenizer/newer_characters.cpp: what Unicode 15 to 16 assigned, which the system's utf8proc and PCRE2 may not know.

The PyPI package tokenizers matches with Oniguruma's Unicode 16.0 tables. Needs Python 3.11 (its unicodedata is 14.0) and
`pip install unicodedata2==16.0.0`; run from the repository root.
"""
import unicodedata as old
import unicodedata2 as new

assert old.unidata_version == "14.0.0" and new.unidata_version == "16.0.0"
HAN = [(0x2EBF0, 0x2EE5D), (0x31350, 0x323AF)]  # CJK extensions I and H
STAND_INS = {  # an old character of the same category and as many bytes
    ("Lu", 3): 0x1E00, ("Ll", 3): 0x1E01, ("Mn", 3): 0x0E31, ("Mc", 3): 0x0903, ("Po", 3): 0x0964, ("So", 3): 0x2300,
    ("Lu", 4): 0x10400, ("Ll", 4): 0x10428, ("Lm", 4): 0x16B40, ("Lo", 4): 0x10450, ("Mn", 4): 0x101FD, ("Mc", 4): 0x11000,
    ("Nd", 4): 0x104A0, ("No", 4): 0x10107, ("Po", 4): 0x10100, ("Pd", 4): 0x10EAD, ("So", 4): 0x10137, ("Sm", 4): 0x1D6C1,
    ("Cf", 4): 0x110BD,
}

ranges = []
for code in range(0x110000):
    category = new.category(chr(code))
    if old.category(chr(code)) != "Cn" or category == "Cn":
        continue
    han = any(first <= code <= last for first, last in HAN)
    stand_in = 0x20000 if han else STAND_INS[category, len(chr(code).encode())]
    if ranges and ranges[-1][1] == code - 1 and ranges[-1][2:] == [category, stand_in]:
        ranges[-1][1] = code
    else:
        ranges.append([code, code, category, stand_in])
for (category, length), code in STAND_INS.items():
    assert old.category(chr(code)) == category and len(chr(code).encode()) == length

lines, line = [], "   "
for first, last, category, stand_in in ranges:
    item = f" {{0x{first:X}, 0x{last:X}, Category::k{category}, 0x{stand_in:X}}},"
    if len(line) + len(item) > 118:
        lines.append(line)
        line = "   "
    line += item
lines.append(line)
with open("orrery/text/tokenizer/newer_characters.cpp", "w") as out:
    out.write("// Made by tests/text/scripts/make_newer_characters.py from the Unicode Character Database 14.0 and 16.0.\n"
              '#include "orrery/text/tokenizer/unicode.h"\n\nnamespace orrery::text {\n\n// clang-format off\n'
              "const NewerCharacters kNewerCharacters[] = {\n" + "\n".join(lines) + "\n};\n// clang-format on\n\n"
              "const size_t kNewerCharacterCount = std::size(kNewerCharacters);\n\n}  // namespace orrery::text\n")
