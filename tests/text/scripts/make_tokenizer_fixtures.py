"""Writes tests/fixtures/tokenizer: what the PyPI packages tokenizers 0.23.3 and sentencepiece 0.2.3 make of hard texts.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3 gguf numpy
    python tests/text/scripts/make_tokenizer_fixtures.py     (from the repository root)

byte_bpe.json: a byte-level BPE trained here, and its ids under every normaliser, pre-tokenizer and option of fuzz_tokenizers.py.
sp-*.model with sp-*.json: SentencePiece models trained here, their ids and decoded texts.
Also the seeds of the fuzz corpora tests/fixtures/corpus/tokenizer_{json,model,gguf}.
"""
import copy
import json
import os
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__))
import fuzz_tokenizers as fuzz
import random_text
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

OUT, CORPUS = "tests/fixtures/tokenizer", "tests/fixtures/corpus"
TEXTS = 10
SEEDS = {"smollm", "gpt2", "o200k", "kimi", "deepseek3", "falcon", "tiny_aya", "split-MergedWithNext", "invert-Contiguous", "classes", "lines",
         "normalizer-nfkc", "normalizer-bert-normalizer", "normalizer-replace", "added-lower"}
SENTENCEPIECE = {
    "sp-bpe-user": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
                        user_defined_symbols=["the", "▁▁", "<sep>", "é"]),
    "sp-bpe-spaces": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
                          allow_whitespace_only_pieces=True, add_dummy_prefix=False, split_by_whitespace=False, max_sentencepiece_length=24),
    "sp-bpe-suffix": dict(model_type="bpe", normalization_rule_name="identity", treat_whitespace_as_suffix=True),
    "sp-unigram-user": dict(model_type="unigram", normalization_rule_name="identity", user_defined_symbols=["the", "▁▁", "<sep>", "é"]),
    "sp-unigram-bytes": dict(model_type="unigram", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
}


def trained_base(rng):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    lines = [" ".join(rng.choice(random_text.WORDS) for _ in range(10)) for _ in range(2000)]
    tokenizer.train_from_iterator(lines + [random_text.text(rng) for _ in range(300)], trainer)
    base = json.loads(tokenizer.to_str())
    base["decoder"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    for byte in "\u0102\u0104":  # two bytes that the vocabulary lacks, as SmolLM2's lacks some
        base["model"]["vocab"].pop(byte, None)
    used = set(base["model"]["vocab"])
    base["model"]["merges"] = [m for m in base["model"]["merges"] if set(m) | {"".join(m)} <= used]
    ids = {piece: i for i, piece in enumerate(sorted(used, key=base["model"]["vocab"].get))}
    base["model"]["vocab"] = ids
    for added in base["added_tokens"]:
        added["id"] = ids[added["content"]]
    return base


def byte_bpe(rng):
    base = trained_base(rng)
    variants = []
    for name, change in fuzz.byte_bpe_variants():
        document = copy.deepcopy(base)
        for key in ("pre_tokenizer", "normalizer"):
            if key in change:
                document[key] = change[key]
        document["model"]["ignore_merges"] = change.get("ignore_merges", False)
        document["added_tokens"] += change.get("added", [])
        theirs = Tokenizer.from_str(json.dumps(document))
        cases = []
        for i in range(TEXTS):
            special = i % 2 == 1
            text = random_text.text(rng, 14)
            if special:
                text = fuzz.special_texts(rng, [text])[0]
            theirs.encode_special_tokens = not special
            ids = theirs.encode(text, add_special_tokens=special).ids
            cases.append({"text": text, "special": special, "ids": ids, "decoded": theirs.decode(ids, skip_special_tokens=False)})
        variants.append({"name": name, "change": change, "cases": cases})
    json.dump({"base": base, "variants": variants}, open(f"{OUT}/byte_bpe.json", "w"), separators=(",", ":"))
    small = copy.deepcopy(base)
    keep = [p for p, i in base["model"]["vocab"].items() if len(p) == 1 or i < 290]
    small["model"]["vocab"] = {p: i for i, p in enumerate(keep)}
    small["model"]["merges"] = [m for m in base["model"]["merges"] if set(m) | {"".join(m)} <= set(keep)]
    return small


def seeds(small):
    folder = f"{CORPUS}/tokenizer_json"
    os.makedirs(folder, exist_ok=True)
    for name, change in fuzz.byte_bpe_variants():
        document = copy.deepcopy(small)
        document["model"]["vocab"] = {p: i for i, p in enumerate(list(small["model"]["vocab"])[:60])}
        document["model"]["merges"] = []
        document["model"].update({"unk_token": "!", "byte_fallback": True, "fuse_unk": True} if name == "gpt2" else {})
        for key in ("pre_tokenizer", "normalizer"):
            if key in change:
                document[key] = change[key]
        document["added_tokens"] = [{**a, "id": 0} for a in document["added_tokens"] + change.get("added", [])]
        if name in SEEDS:
            open(f"{folder}/{name}.json", "w").write(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    word_piece = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "he": 3, "##l": 4, "##lo": 5, "a": 6}}
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                                                         {"SpecialToken": {"id": "[SEP]", "type_id": 0}}], "pair": [],
                "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}}}
    rest = {"version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None}
    documents = {
        "word-piece": {**rest, "model": word_piece, "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": template,
                       "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}},
        "unigram": {**rest, "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False,
                                      "vocab": [["<unk>", 0.0], ["▁", -2.0], ["a", -3.0], ["▁a", -2.5], ["he", -4.0]]},
                    "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True},
                    "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}},
        "llama": {**rest, "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {
            "type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, "pre_tokenizer": None,
            "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
                      "vocab": {"<unk>": 0, "<0x41>": 1, "▁": 2, "a": 3, "▁a": 4}, "merges": ["▁ a"]},
            "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                                                         {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}},
        "clip": {**rest, "model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0, "b": 1, "a</w>": 2, "b</w>": 3, "ab</w>": 4},
                                   "merges": [["a", "b</w>"]]},
                 "pre_tokenizer": {"type": "Whitespace"}, "decoder": {"type": "BPEDecoder", "suffix": "</w>"}},
    }
    for name, document in documents.items():
        open(f"{folder}/{name}.json", "w").write(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def sentencepiece_models(rng):
    import sentencepiece
    with tempfile.TemporaryDirectory() as folder:
        corpus = f"{folder}/corpus.txt"
        with open(corpus, "w") as out:
            for _ in range(1500):
                out.write(" ".join(rng.choice(random_text.WORDS) for _ in range(12)) + "  " + "".join(rng.choice("αβгдあい") for _ in range(3)) + "\n")
        for name, options in SENTENCEPIECE.items():
            sentencepiece.SentencePieceTrainer.train(input=corpus, model_prefix=f"{OUT}/{name}", vocab_size=460, hard_vocab_limit=False,
                                                     character_coverage=0.999, minloglevel=2, **options)
            os.remove(f"{OUT}/{name}.vocab")
            theirs = sentencepiece.SentencePieceProcessor(model_file=f"{OUT}/{name}.model")
            cases = []
            for _ in range(60):
                text = random_text.text(rng, 12).replace("\x00", "")
                ids = theirs.encode(text)
                cases.append({"text": text, "ids": ids, "decoded": theirs.decode(ids)})
            json.dump(cases, open(f"{OUT}/{name}.json", "w"), separators=(",", ":"))
            os.makedirs(f"{CORPUS}/tokenizer_model", exist_ok=True)
            sentencepiece.SentencePieceTrainer.train(input=corpus, model_prefix=f"{folder}/tiny", vocab_size=80, hard_vocab_limit=False,
                                                     character_coverage=0.98, minloglevel=2, **{**options, "byte_fallback": False})
            shutil.copy(f"{folder}/tiny.model", f"{CORPUS}/tokenizer_model/{name}.model")


def gguf_seeds():
    folder = f"{CORPUS}/tokenizer_gguf"
    os.makedirs(folder, exist_ok=True)
    bpe = [chr(c) for c in range(33, 60)] + ["Ġ", "Ċ", "a", "b", "l", "o", "h", "e", "he", "ll", "hell", "hello", "<|im_end|>", "<|endoftext|>"]
    bpe_types = [1] * (len(bpe) - 2) + [3, 4]
    fuzz.write_gguf(f"{folder}/gpt2.gguf", "gpt2", bpe, bpe_types, ["h e", "l l", "he ll", "hell o", "x y"], pre="gpt-2")
    fuzz.write_gguf(f"{folder}/kimi.gguf", "gpt2", bpe, bpe_types, None, pre="kimi-k2")
    sp = ["<unk>", "<s>", "</s>", "<0x41>", "<0x0A>", "▁", "a", "b", "▁a", "ab", "▁ab", "<sep>"]
    types, scores = [2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1, 4], [0, 0, 0, 0, 0, -5, -6, -7, -1, -2, -3, 0]
    fuzz.write_gguf(f"{folder}/llama.gguf", "llama", sp, types, scores=scores,
                    more={"add_add_space_prefix": True, "add_bos_token_id": 1, "add_eos_token_id": 2, "add_chat_template": "{{ x }}"})
    fuzz.write_gguf(f"{folder}/t5.gguf", "t5", sp, types, scores=scores, more={"add_add_space_prefix": True, "add_remove_extra_whitespaces": True})
    fuzz.write_gguf(f"{folder}/rwkv.gguf", "rwkv", ["<s>", "a", "\\x41", "ab", "\\n", "\\\\"], [3, 1, 1, 1, 1, 1])
    fuzz.write_gguf(f"{folder}/gemma4.gguf", "gemma4", sp + ["\n", "\n\n"], types + [1, 1], ["▁ a", "a b"])


def main():
    rng = random.Random(4)
    os.makedirs(OUT, exist_ok=True)
    seeds(byte_bpe(rng))
    sentencepiece_models(rng)
    gguf_seeds()


main()
