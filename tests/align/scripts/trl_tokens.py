#!/usr/bin/env python3
"""Prints the numbers of tests/align/answer_tokens_test.cpp: what TRL's DPOTrainer and KTOTrainer make of some rows and of ../shared's preference
data, by TRL's own functions in their order (dpo_trainer.py, tokenize_fn). Needs no PyTorch.

Run: build/bin/orrery convert smollm2 FOLDER; python3 tests/align/scripts/trl_tokens.py FOLDER     (trl 1.16.0, transformers 5.24.0, datasets)
"""
import gzip
import json
import pathlib
import re
import sys

from transformers import AutoTokenizer
from trl.data_utils import _tokenize, common_prefix_length, extract_prompt, is_conversational

DATA = pathlib.Path(__file__).resolve().parents[3].parent / "shared/data/preference"
TOKENIZER = AutoTokenizer.from_pretrained(sys.argv[1])


def ids(text_or_messages, **options):
    return _tokenize(TOKENIZER, text_or_messages, **options)["input_ids"]


def row(prompt, *answers):
    """The prompt's tokens, each answer's, and how many of the prompt's are in no row."""
    conversation = isinstance(prompt, list)
    end = lambda answer: answer if conversation or answer.endswith(TOKENIZER.eos_token) else answer + TOKENIZER.eos_token
    before = ids(prompt, **({"add_generation_prompt": True} if conversation else {}))
    rows = [ids(prompt + end(answer)) for answer in answers]
    length = min(common_prefix_length(before, one) for one in rows)
    return [before[:length], *(one[length:] for one in rows)], len(before) - length


def pair(example):
    if "prompt" not in example:
        example = extract_prompt(example)
    return row(example["prompt"], example["chosen"], example["rejected"])


def report(name, rows):
    """The parts' sizes, summed over all rows, and FNV-1a of all parts, each behind its size."""
    hash, sums = 0xCBF29CE484222325, [0] * len(rows[0][0])
    for parts, _ in rows:
        for i, part in enumerate(parts):
            sums[i] += len(part)
            for value in [len(part), *part]:
                hash = (hash ^ value) * 0x100000001B3 % 2**64
    print(name, len(rows), sums, hex(hash), "merged:", sum(merged > 0 for _, merged in rows))


def message(turn):
    return {"role": {"human": "user", "gpt": "assistant"}.get(turn["from"], turn["from"]), "content": turn["value"]}


def dialogue(text):
    """HH-RLHF's turns as messages; those of one speaker behind each other are one."""
    _, *parts = re.split(r"\n\n(Human|Assistant): ?", text)
    messages = []
    for speaker, content in zip(parts[::2], parts[1::2]):
        role = {"Human": "user", "Assistant": "assistant"}[speaker]
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += "\n\n" + content
        else:
            messages.append({"role": role, "content": content})
    return messages


for one in [
    {"prompt": "The sum is", "chosen": " two", "rejected": " three."},
    {"prompt": "The sum is ", "chosen": "two", "rejected": "three"},
    {"chosen": "The sky is blue", "rejected": "The sky is green"},
    {"prompt": "1+1=", "chosen": "2<|im_end|>", "rejected": "3"},
    {"chosen": "答：你", "rejected": "答：中"},
    {"chosen": "so", "rejected": "so far"},
    {"prompt": [{"role": "user", "content": "1+1?"}], "chosen": [{"role": "assistant", "content": "2"}],
     "rejected": [{"role": "assistant", "content": "\n3"}]},
]:
    print(json.dumps(one, ensure_ascii=False), pair(one))
    assert is_conversational(one) == isinstance(one.get("prompt"), list)
for name in ["dpo_en_demo.json", "dpo_zh_demo.json"]:
    examples = json.loads((DATA / name).read_text())
    report(name, [row([message(turn) for turn in one["conversations"]], [message(one["chosen"])], [message(one["rejected"])])
                  for one in examples])
lines = gzip.open(DATA / "hh_harmless_base_test.jsonl.gz", "rt", newline="\n").read().splitlines()
examples = [{key: dialogue(text) for key, text in json.loads(line).items()} for line in lines]
report("hh_harmless_base_test.jsonl.gz", [pair(one) for one in examples if one["chosen"][-1]["content"]])
examples = json.loads((DATA / "kto_en_demo.json").read_text())
report("kto_en_demo.json", [row(one["messages"][:-1], one["messages"][-1:]) for one in examples])
