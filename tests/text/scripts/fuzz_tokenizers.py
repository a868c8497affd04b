"""Compares Orrery's tokenizers with the PyPI packages tokenizers and sentencepiece on random text; prints every difference.

    pip install tokenizers sentencepiece gguf numpy
    python tests/text/scripts/fuzz_tokenizers.py build/bin/tokenize_lines ../shared/golden/text [cases] [seed] [name ...]

Made for byte-level BPE: SmolLM2's vocabulary with many models' normalizers, pre-tokenizers and options, as tokenizer.json and as GGUF with the
same expression under its name. For SentencePiece: models trained here with different settings, as .model and as GGUF.
"""
import copy
import json
import os
import random
import subprocess
import sys
import tempfile

import random_text

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
END = r"\s*[\r\n]+|\s+(?!\S)|\s+"
SIGNS = r" ?[^\s\p{L}\p{N}]+"
UPPER, LOWER = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def cased(suffix):
    return f"{UPPER}*{LOWER}+{suffix}|{UPPER}+{LOWER}*{suffix}"


CL100K = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + SIGNS + r"[\r\n]*|" + END
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + SIGNS + r"[\r\n]*|" + END
QWEN35 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + END
O200K = cased(CONTRACTIONS + "?") + r"|\p{N}{1,3}|" + SIGNS + r"[\r\n/]*|" + END
TEKKEN = cased("") + r"|\p{N}|" + SIGNS + r"[\r\n/]*|" + END
SEED_CODER = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|" + END
BAILING = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
DEEPSEEK3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|""" + END)
GPT2_TIKTOKEN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
EXAONE = (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+")
JAIS2 = (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|"
         r"\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}")
KIMI = (r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+" + CONTRACTIONS +
        r"?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*" + CONTRACTIONS +
        r"?|\p{N}{1,3}|" + SIGNS + r"[\r\n]*|" + END)
HAN = r"[一-龥぀-ゟ゠-ヿ]+"
BLOOM = r" ?[^(\s|.,!?…。，、।۔،)]+"


def split(regex, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def literal(text, behavior, invert=False):
    return {"type": "Split", "pattern": {"String": text}, "behavior": behavior, "invert": invert}


def byte_level(regex=False, prefix=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def sequence(*stages):
    return {"type": "Sequence", "pretokenizers": list(stages)}


def digits(individual):
    return {"type": "Digits", "individual_digits": individual}


def byte_bpe_variants():
    """Name -> what to change in SmolLM2's tokenizer.json."""
    def pre(*stages, **more):
        return {"pre_tokenizer": sequence(*stages), **more}
    yield "smollm", {}
    yield "gpt2", pre(byte_level(True))
    yield "gpt2-prefix", pre(byte_level(True, True))
    for name, regex in [("cl100k", CL100K), ("qwen2", QWEN2), ("qwen35", QWEN35), ("o200k", O200K), ("tekken", TEKKEN), ("seed", SEED_CODER),
                        ("bailing", BAILING), ("gpt2-tiktoken", GPT2_TIKTOKEN), ("exaone-moe", EXAONE), ("jais2", JAIS2), ("kimi", KIMI),
                        ("bloom", BLOOM)]:
        yield name, pre(split(regex), byte_level())
        yield name + "-removed", pre(split(regex, "Removed", True), byte_level())
    yield "qwen2-nfc", pre(split(QWEN2), byte_level(), normalizer={"type": "NFC"})
    yield "deepseek3", pre(split(r"\p{N}{1,3}"), split(HAN), split(DEEPSEEK3), byte_level())
    yield "deepseek-coder", pre(split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"), digits(True), byte_level())
    yield "falcon", pre({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(True), digits(False), split("[0-9][0-9][0-9]"))
    yield "superbpe", pre(split(r"\p{N}+"), split(r"(?=(\d{3})+(?!\d))"), byte_level())
    yield "tiny_aya", pre(split(r"\d{1,3}(?=(?:\d{3})*\b)"), split(O200K), byte_level())
    yield "ignore-merges", pre(split(CL100K), byte_level(), ignore_merges=True)
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        yield "split-" + behavior, pre(split(r"[\s\d]", behavior), byte_level())
        yield "invert-" + behavior, pre(split(r"\w+", behavior, True), byte_level())
        yield "literal-" + behavior, pre(literal("e", behavior), literal(" ", behavior), byte_level())
        yield "punctuation-" + behavior, pre({"type": "Punctuation", "behavior": behavior}, byte_level())
    yield "whitespace", pre({"type": "Whitespace"}, byte_level())
    yield "whitespace-split", pre({"type": "WhitespaceSplit"}, byte_level())
    yield "bert", pre({"type": "BertPreTokenizer"}, byte_level())
    yield "fixed", pre({"type": "FixedLength", "length": 5}, byte_level())
    yield "classes", pre(split(r"[\p{L}&&[^a-m]]+|[^\W\d_]+|[[:punct:]]|\h+"), byte_level())
    yield "lines", pre(split(r"^\s+|\s+$|\b\w"), byte_level())
    for name, normalizer in [("nfd", {"type": "NFD"}), ("nfkc", {"type": "NFKC"}), ("nfkd", {"type": "NFKD"}), ("lower", {"type": "Lowercase"}),
                             ("strip", {"type": "Strip", "strip_left": True, "strip_right": True}), ("accents", {"type": "StripAccents"}),
                             ("nmt", {"type": "Nmt"}), ("prepend", {"type": "Prepend", "prepend": "x "}),
                             ("bert-normalizer", {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                                                  "strip_accents": None, "lowercase": True}),
                             ("replace", {"type": "Sequence", "normalizers": [
                                 {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                                 {"type": "Replace", "pattern": {"String": "e"}, "content": "33"}]})]:
        yield "normalizer-" + name, {"normalizer": normalizer}
    yield "byte-level-normalizer", {"normalizer": {"type": "ByteLevel"}, "pre_tokenizer": None}
    added = [dict(content=c, id=0, single_word=w, lstrip=l, rstrip=r, normalized=n, special=s) for c, w, l, r, n, s in [
        ("the", True, False, False, True, False), ("<mask>", False, True, False, False, True), ("<sep>", False, False, True, False, True),
        ("time", False, False, False, True, False), ("  ", False, False, False, False, False), ("É", False, False, False, True, False),
        ("i'm", False, True, True, True, False)]]
    yield "added", {"added": added}
    yield "added-lower", {"added": added, "normalizer": {"type": "Lowercase"}}


class Orrery:
    def __init__(self, program, path, special):
        self.command = [program, path] + (["special"] if special else [])

    def run(self, texts):
        lines = "\n".join(text.encode().hex() for text in texts) + "\n"
        done = subprocess.run(self.command, input=lines, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{self.command}: {done.returncode}: {done.stderr[-500:]}")
        for line in done.stdout.split("\n")[:len(texts)]:
            ids, decoded, streamed = line.split("\t")
            yield [int(i) for i in ids.split()], bytes.fromhex(decoded).decode(), bytes.fromhex(streamed).decode()


class Report:
    def __init__(self):
        self.cases = self.differences = 0

    def compare(self, name, text, want, got, what="ids"):
        self.cases += 1
        if want != got:
            self.differences += 1
            if self.differences <= 200:
                print(f"{name}: {what} of {ascii(text)}\n  theirs {ascii(want)[:600]}\n  ours   {ascii(got)[:600]}")


def special_texts(rng, base):
    return [t if rng.random() < 0.5 else t + rng.choice(["<|im_start|>", " <|im_end|> ", "<mask>", " <mask>", "<sep>  x", "the", " time"]) + t[::-1]
            for t in base]


def fuzz_json(program, path, name, texts, specials, report, decodes=True):
    from tokenizers import Tokenizer
    theirs = Tokenizer.from_file(path)
    for special, cases in [(False, texts), (True, specials)]:
        theirs.encode_special_tokens = not special
        encodings = theirs.encode_batch(cases, add_special_tokens=special)
        for text, encoding, (ids, decoded, streamed) in zip(cases, encodings, Orrery(program, path, special).run(cases)):
            report.compare(name, text, encoding.ids, ids)
            if decodes and encoding.ids == ids:
                report.compare(name, text, theirs.decode(ids, skip_special_tokens=False), decoded, "decode")
                report.compare(name, text, decoded, streamed, "stream")


GGUF_KINDS = {"smollm": "smollm", "gpt2": "gpt-2", "cl100k": "dbrx", "ignore-merges": "llama-bpe", "qwen2": "qwen2", "qwen35": "qwen35", "o200k": "gpt-4o",
              "tekken": "tekken", "seed": "seed-coder", "bailing": "bailingmoe", "exaone-moe": "exaone-moe", "jais2": "jais-2", "kimi": "kimi-k2",
              "bloom": "bloom", "deepseek3": "deepseek-v3", "deepseek-coder": "deepseek-coder", "superbpe": "superbpe", "tiny_aya": "tiny_aya"}


def write_gguf(path, model, tokens, types, merges=None, scores=None, pre=None, more=None):
    import gguf
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if merges is not None:
        writer.add_token_merges(merges)
    if scores is not None:
        writer.add_token_scores(scores)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    for key, value in (more or {}).items():
        getattr(writer, key)(value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def fuzz_byte_bpe(program, golden, count, rng, report, folder, wanted):
    base = json.load(open(f"{golden}/tokenizer-smollm2/tokenizer.json"))
    merges = [m if isinstance(m, str) else " ".join(m) for m in base["model"]["merges"]]
    for name, change in byte_bpe_variants():
        if wanted and name not in wanted:
            continue
        document = copy.deepcopy(base)
        for key in ("pre_tokenizer", "normalizer"):
            if key in change:
                document[key] = change[key]
        document["model"]["ignore_merges"] = change.get("ignore_merges", False)
        document["added_tokens"] += change.get("added", [])
        path = f"{folder}/{name}.json"
        json.dump(document, open(path, "w"))
        texts = [random_text.text(rng) for _ in range(count)]
        before = report.differences
        fuzz_json(program, path, name, texts, special_texts(rng, texts), report)
        if name in GGUF_KINDS:
            from tokenizers import Tokenizer
            theirs = Tokenizer.from_file(path)
            theirs.encode_special_tokens = True
            tokens = [t for t, _ in sorted(base["model"]["vocab"].items(), key=lambda kv: kv[1])]
            types = [1] * len(tokens)
            for added in base["added_tokens"]:
                types[added["id"]] = 3
            write_gguf(f"{folder}/{name}.gguf", "gpt2", tokens, types, merges, pre=GGUF_KINDS[name])
            for text, encoding, (ids, _, _) in zip(texts, theirs.encode_batch(texts, add_special_tokens=False),
                                                   Orrery(program, f"{folder}/{name}.gguf", False).run(texts)):
                report.compare(name + ".gguf", text, encoding.ids, ids)
        print(f"{name}: {report.differences - before} differences")


SENTENCEPIECE = {
    "bpe-llama": dict(model_type="bpe", byte_fallback=True, split_digits=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
    "bpe-nmt": dict(model_type="bpe", normalization_rule_name="nmt_nfkc"),
    "bpe-spaces": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
                       allow_whitespace_only_pieces=True, add_dummy_prefix=False, split_by_whitespace=False, max_sentencepiece_length=24),
    "bpe-user": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
                     user_defined_symbols=["the", "▁▁", "<sep>", "é"]),
    "bpe-suffix": dict(model_type="bpe", byte_fallback=True, treat_whitespace_as_suffix=True),
    "unigram-t5": dict(model_type="unigram", normalization_rule_name="nmt_nfkc"),
    "unigram-nfkc-cf": dict(model_type="unigram", normalization_rule_name="nfkc_cf", character_coverage=0.98),
    "unigram-bytes": dict(model_type="unigram", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
    "unigram-user": dict(model_type="unigram", user_defined_symbols=["the", "▁▁", "<sep>", "é"], byte_fallback=True),
}


def train_sentencepiece(folder, name, options, rng):
    import sentencepiece
    corpus = f"{folder}/corpus.txt"
    if not os.path.exists(corpus):
        with open(corpus, "w") as out:
            for _ in range(4000):
                out.write(" ".join(rng.choice(random_text.WORDS) for _ in range(12)) + "\n")
                low, high = rng.choice(random_text.SCRIPTS[:5] + [(0x3040, 0x30FF)])
                out.write("".join(rng.choice(random_text.MARKS[:30]) + chr(rng.randint(low, high)) * rng.randrange(3)
                                  for _ in range(9)).replace("\x7f", "") + "\n")
    sentencepiece.SentencePieceTrainer.train(input=corpus, model_prefix=f"{folder}/{name}", vocab_size=3000, hard_vocab_limit=False, minloglevel=2,
                                             **{"character_coverage": 0.995, **options})
    return sentencepiece.SentencePieceProcessor(model_file=f"{folder}/{name}.model")


def fuzz_sentencepiece(program, count, rng, report, folder, wanted):
    for name, options in SENTENCEPIECE.items():
        if wanted and name not in wanted:
            continue
        theirs = train_sentencepiece(folder, name, options, rng)
        texts = [random_text.text(rng).replace("\x00", "") for _ in range(count)]
        before = report.differences
        expected = theirs.encode(texts)
        for text, ids, (ours, decoded, _) in zip(texts, expected, Orrery(program, f"{folder}/{name}.model", False).run(texts)):
            report.compare(name, text, ids, ours)
            if ids == ours:
                report.compare(name, text, theirs.decode(ids), decoded, "decode")
        from sentencepiece import sentencepiece_model_pb2 as pb
        proto = pb.ModelProto.FromString(open(f"{folder}/{name}.model", "rb").read())
        more = {"add_add_space_prefix": proto.normalizer_spec.add_dummy_prefix,
                "add_remove_extra_whitespaces": proto.normalizer_spec.remove_extra_whitespaces}
        if proto.normalizer_spec.precompiled_charsmap:
            more["add_precompiled_charsmap"] = proto.normalizer_spec.precompiled_charsmap
        if not options.get("treat_whitespace_as_suffix"):  # GGUF has no key for it
            write_gguf(f"{folder}/{name}.gguf", "llama" if options["model_type"] == "bpe" else "t5", [p.piece for p in proto.pieces],
                       [p.type for p in proto.pieces], scores=[p.score for p in proto.pieces], more=more)
            for text, ids, (ours, decoded, _) in zip(texts, expected, Orrery(program, f"{folder}/{name}.gguf", False).run(texts)):
                report.compare(name + ".gguf", text, ids, ours)
                if ids == ours:
                    report.compare(name + ".gguf", text, theirs.decode(ids), decoded, "decode")
        print(f"{name}: {report.differences - before} differences")


def fuzz_golden_json(program, golden, count, rng, report, wanted):
    for name in ["tokenizer-sp-bpe", "tokenizer-sp-unigram"]:
        if not wanted or name in wanted:
            texts = [random_text.text(rng) for _ in range(count)]
            before = report.differences
            fuzz_json(program, f"{golden}/{name}/tokenizer.json", name, texts, special_texts(rng, texts), report)
            print(f"{name}: {report.differences - before} differences")


def main():
    program, golden = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    wanted = sys.argv[5:]
    rng, report = random.Random(seed), Report()
    with tempfile.TemporaryDirectory() as folder:
        fuzz_byte_bpe(program, golden, count, rng, report, folder, wanted)
        fuzz_golden_json(program, golden, count, rng, report, wanted)
        fuzz_sentencepiece(program, count, rng, report, folder, wanted)
    print(f"{report.differences} differences in {report.cases} comparisons")
    sys.exit(report.differences > 0)


if __name__ == "__main__":
    main()
