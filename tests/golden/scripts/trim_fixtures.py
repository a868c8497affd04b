#!/usr/bin/env python3
"""Makes tests/fixtures/golden/text from ../shared/golden/text: of each folder as much as stays under 650 KB.

  tests/golden/scripts/trim_fixtures.py ../shared/golden/text tests/fixtures/golden/text

io.safetensors keeps the tensors named below, and of those with a batch its first row; all numbers are unchanged.
"""
import json
import shutil
import struct
import sys
from pathlib import Path

SHARED, TARGET = Path(sys.argv[1]), Path(sys.argv[2])
DECODER = ["config.json", "config.v5.json", "model.safetensors"]
FOLDERS = {  # folder: (files copied whole, tensors of io.safetensors)
    "smollm": (["config.json", "config.v5.json", "model.safetensors"],
               ["input_ids", "logits", "greedy.prompt_ids", "greedy.output_ids"]),
    "llama-sharded": (["config.json", "pytorch_model.bin.index.json"] +
                      [f"pytorch_model-0000{i}-of-00003.bin" for i in (1, 2, 3)], ["input_ids", "logits"]),
    "mistral": (DECODER, ["input_ids", "logits", "legacy_window.logits", "greedy.prompt_ids", "greedy.output_ids"]),
    "mixtral": (DECODER, ["input_ids", "logits", "hidden.1", "greedy.prompt_ids", "greedy.output_ids"]),
    "phi": (DECODER, ["input_ids", "logits", "hidden.1", "greedy.prompt_ids", "greedy.output_ids"]),
    "qwen2": (DECODER, ["input_ids", "logits", "greedy.prompt_ids", "greedy.output_ids"]),
    "gemma3": (DECODER, ["input_ids", "logits", "hidden.1", "hidden.2", "greedy.prompt_ids", "greedy.output_ids"]),
    "fuyu": (DECODER, ["input_ids", "image_patches", "image_patches_indices", "logits", "textonly.logits", "shuffled.image_patches_indices",
                       "shuffled.logits"]),
    "reward-model": (["config.json", "model.safetensors"],
                     ["chosen_input_ids", "chosen_attention_mask", "chosen_token_scores", "chosen_rewards", "rejected_input_ids",
                      "rejected_attention_mask", "rejected_rewards"]),
    "rwkv4": (["config.json", "original.pth"], ["input_ids", "logits"]),
    "rwkv7": (["config.json", "model.safetensors"], ["input_ids", "logits", "state.shift", "state.wkv"]),
    "smollm2-greedy": (["io.safetensors", "prompts.json"], []),
    "tokenizer-sp-bpe": (["cases.json", "tokenizer.json", "tokenizer.model"], []),
    "tokenizer-sp-unigram": (["cases.json", "tokenizer.model"], []),
}


def read_safetensors(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], raw[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]])
            for name, entry in header.items()}


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def first_row(dtype, shape, raw):
    return dtype, [1] + shape[1:], raw[:len(raw) // shape[0]]


for folder, (files, tensors) in FOLDERS.items():
    target = TARGET / folder
    target.mkdir(parents=True, exist_ok=True)
    for name in files:
        shutil.copyfile(SHARED / folder / name, target / name)
    readme = (SHARED / folder / "README.md").read_text()
    if tensors:
        io = read_safetensors(SHARED / folder / "io.safetensors")
        write_safetensors(target / "io.safetensors", {name: first_row(*io[name]) for name in tensors})
        readme = readme[:readme.index("| tensor |")] + "Trimmed: the first row of " + ", ".join(tensors) + ".\n"
    (target / "README.md").write_text(readme)
    size = sum(file.stat().st_size for file in target.iterdir())
    assert size < 650_000, (folder, size)
    print(f"{folder}: {size} bytes")
