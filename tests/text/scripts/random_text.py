"""Random texts that tokenizers stumble over."""
import random

WORDS = ("the of and a to in is you that it he was for on are as with his they I at be this have from or one had by word but not what "
         "all were we when your can said there use an each which she do how their if will up other about out many then them these so "
         "some her would make like him into time has look two more write go see number no way could people my than first water been "
         "call who oil its now find long down day did get come made may part camelCase HTTPServer getURLFor iPhone XMLHttpRequest "
         "naïve café Straße İstanbul ﬁle ŒUVRE don't I'm you're he'll WE'VE they'd 'S it'ſ l'été").split()
SCRIPTS = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F),
           (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x20A0, 0x20CF), (0x2100, 0x214F), (0x2150, 0x218F),
           (0x2460, 0x24FF), (0x3000, 0x303F), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xFB00, 0xFB4F), (0xFE00, 0xFE0F),
           (0xFF00, 0xFFEF), (0x10400, 0x1044F), (0x1D400, 0x1D7FF), (0x1F300, 0x1F6FF), (0x1F900, 0x1FAFF), (0x20000, 0x2A6DF),
           (0x31350, 0x323AF), (0x10D40, 0x10D8F), (0x1E5D0, 0x1E5FF), (0x10FFF0, 0x10FFFF)]
SPACES = [" ", " ", " ", "  ", "    ", "\n", "\n\n", "\r\n", "\t", " \n", "\n ", "\n   ", "\u00a0", "\u2003", "\u3000", "\u0085", "\u2028",
          "\x0b", "\x0c", "\u200b", "\u180e", "\ufeff"]
MARKS = ["!", "?", ".", ",", "...", "'", '"', "’", "-", "—", "/", "//", "*/", "&&", "(", ")", "[]", "{", "}", "#", "$", "€", "+=", "==", "<", ">",
         "<|im_start|>", "<|im_end|>", "<s>", "</s>", "<unk>", "\\", "_", "~", "|", "^", "`", "°", "\u0301", "\u0308", "\u200d", "\ufe0f",
         "▁", "▁▁", "<0x41>", "\x00", "\x01", "\x7f", "\u0300\u0323", "\U0001F468\u200d\U0001F469", "\U0001F1FA\U0001F1F8"]


def piece(rng):
    kind = rng.randrange(12)
    if kind < 3:
        return rng.choice(WORDS)
    if kind == 3:
        word = rng.choice(WORDS)
        return rng.choice([word.upper(), word.capitalize(), word + "'" + rng.choice("stmdSTMDx") , word + "'" + rng.choice(["re", "VE", "ll", "Ll", "rE"])])
    if kind < 6:
        return rng.choice(SPACES)
    if kind == 6:
        return "".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 9)))
    if kind == 7:
        return rng.choice(MARKS) * rng.choice([1, 1, 1, 2, 3])
    if kind < 10:
        low, high = rng.choice(SCRIPTS)
        return "".join(chr(rng.randint(low, high)) for _ in range(rng.randrange(1, 7)))
    if kind == 10:
        while True:
            code = rng.randrange(0x110000)
            if not 0xD800 <= code < 0xE000:
                return chr(code)
    return rng.choice(["a", "A", " ", "\n", "é", "字", "1", "'", "ー", "!", "٣", "Ⅷ", "²"]) * rng.randrange(1, 40)


def text(rng, most=30):
    return "".join(piece(rng) for _ in range(rng.randrange(0, most)))
