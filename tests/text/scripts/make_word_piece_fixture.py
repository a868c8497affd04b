"""Makes tests/fixtures/tokenizer/word_piece.json: small BERT tokenizers (BertNormalizer, BertPreTokenizer, WordPiece) trained here, and the
ids that the PyPI package tokenizers gives for random text.

    pip install tokenizers
    python tests/text/scripts/make_word_piece_fixture.py
"""
import json
import os
import random

import random_text
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = os.path.join(os.path.dirname(__file__), "../../fixtures/tokenizer/word_piece.json")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VARIANTS = {  # GGUF has keys for these two
    "uncased": {"lowercase": True},
    "cased": {"lowercase": False},
    "lower-accents": {"lowercase": True, "strip_accents": False},
}


def train(options, lines):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(**options)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(lines, trainers.WordPieceTrainer(vocab_size=700, special_tokens=SPECIAL, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    return tokenizer


def main():
    rng = random.Random(7)
    lines = [random_text.text(rng, 12).replace("\x00", "") + " " + " ".join(rng.choice(random_text.WORDS) for _ in range(9)) for _ in range(600)]
    variants = []
    for name, options in VARIANTS.items():
        tokenizer = train(options, lines)
        cases = []
        for i in range(80):
            text = random_text.text(rng, 12).replace("\x00", "")
            if i % 4 == 0:
                text += " " + rng.choice(random_text.WORDS) + " [SEP] Élan naïve 天地 x" + "y" * (i % 3 * 60)
            special = i % 2 == 0
            if "[SEP]" in text and not special:
                continue  # tokenizers always reads markup
            ids = tokenizer.encode(text, add_special_tokens=special).ids
            cases.append({"text": text, "special": special, "ids": ids})
        variants.append({"name": name, "options": options, "tokenizer": json.loads(tokenizer.to_str()), "cases": cases})
    with open(OUT, "w") as out:
        json.dump(variants, out, separators=(",", ":"), ensure_ascii=False)


main()
