#!/usr/bin/env python3
"""Writes tests/fixtures/fuyu: a tiny Fuyu with random weights as a hub folder (config, float16 weights, tokenizer, processor's config),
and expected.safetensors, what the original processor and model make of pictures and texts with it:

  small.N.pixels [height, width, 3] uint8, small.N.patches [patches, 108] float32     this folder's processor: 24 x 36, patches of 6
  prompt.N.ids, prompt.N.positions int64; its picture is small.0, its text and scale metadata        the processor's whole prompt
  answer.NAME.ids int64                         the 8 likeliest tokens, one after the other, to the text of metadata about a picture:
                                                tests/fixtures/formats/images/NAME or, where it is there, ../shared/data/photos/NAME
  large.NAME int64                              [rows, columns, checksum] with the released model's settings (1080 x 1920, patches
                                                of 30); NAME is a photo, or HEIGHTxWIDTH of pattern() below

Run: python3 tests/text/scripts/make_fuyu_fixture.py
transformers 4.36.2 (FuyuProcessor, FuyuForCausalLM), Pillow 10.1.0, tokenizers 0.15.2, torch 2.15.0 (CPU), numpy 2.4.6. Pillow 13 shrinks
the columns of some pictures before their rows, which moves values by one.
"""
import json
import pathlib
import shutil

import numpy as np
import PIL
import torch
from PIL import Image
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import FuyuConfig, FuyuForCausalLM, FuyuImageProcessor, FuyuProcessor, LlamaTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests/fixtures/fuyu"
IMAGES = ROOT / "tests/fixtures/formats/images"
PHOTOS = ROOT / "../shared/data/photos"
assert PIL.__version__ == "10.1.0", PIL.__version__


def merge(pieces, merges, word):
    for end in range(2, len(word) + 1):
        merges.append((word[:end - 1], word[end - 1]))
        pieces.append(word[:end])


def make_tokenizer():
    pieces, merges = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)], []
    pieces += ["▁"] + list("abcdefghijklmnopqrstuvwxyz|SPEAKRNWLI?.,0123456789")
    pieces += [str(number) for number in range(10, 37)]  # coordinates: a token each, which no merge makes
    for word in ("|SPEAKER|", "|NEWLINE|"):  # as in the released tokenizer, "|SPEAKER|" alone is two tokens, "▁" first
        merge(pieces, merges, word)
    for word in ("▁w", "▁t", "is", "he"):
        merge(pieces, merges, word)
    ids = {}
    for piece in pieces:
        ids.setdefault(piece, len(ids))
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    fast = LlamaTokenizerFast(tokenizer_object=tokenizer, eos_token="|ENDOFTEXT|", add_bos_token=True)
    fast.save_pretrained(FOLDER)
    (FOLDER / "special_tokens_map.json").unlink()
    return LlamaTokenizerFast.from_pretrained(FOLDER)


def make_model(tokenizer):
    torch.manual_seed(34)  # the answers differ, and none is one token again and again
    config = FuyuConfig(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                        num_attention_heads=4, image_size=36, patch_size=6, max_position_embeddings=256,
                        bos_token_id=1, eos_token_id=tokenizer.eos_token_id)
    model = FuyuForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = {"vision": 0.3, "embed": 1.0, "lm_head": 0.25}
            if name.endswith("norm.weight"):
                parameter.normal_(1, 0.2)
            else:
                parameter.normal_(0, next((value for part, value in spread.items() if part in name), 0.35))
    model.half().save_pretrained(FOLDER)
    (FOLDER / "generation_config.json").unlink(missing_ok=True)
    saved = json.loads((FOLDER / "config.json").read_text())  # the decoder's settings again, under text_config
    saved.pop("text_config")
    saved["image_token_id"] = tokenizer.convert_tokens_to_ids("|SPEAKER|")
    (FOLDER / "config.json").write_text(json.dumps(saved, indent=2) + "\n")
    return model.float()


def patches_of(processor, pixels):
    """Rows, columns, patches: preprocess() takes [3, height, width] for [height, width, 3] where the height is 1 or 3."""
    encoded = processor.preprocess(pixels, return_tensors="pt", input_data_format="channels_last",
                                   data_format="channels_first")
    height, width = (torch.tensor([[int(encoded[key][0][0])]])
                     for key in ("image_unpadded_heights", "image_unpadded_widths"))
    tokens = processor.preprocess_with_tokenizer_info(
        image_input=encoded["images"][0][0][None, None], image_present=torch.ones(1, 1, 1), image_unpadded_h=height,
        image_unpadded_w=width, image_placeholder_id=7, image_newline_id=8, variable_sized=True)
    rows = tokens["image_input_ids"][0][0].tolist().count(8)
    patches = tokens["image_patches"][0][0].numpy()
    return rows, len(patches) // rows, patches


def checksum(patches):
    bits = np.ascontiguousarray(patches).view(np.uint32).ravel().astype(np.uint64)
    return int((bits * (2 * np.arange(bits.size, dtype=np.uint64) + 1)).sum(dtype=np.uint64).view(np.int64))


def pattern(height, width):
    y, x, channel = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((x * 7 + y * 13 + channel * 101 + x * y // 8) % 256).astype(np.uint8)


def greedy(model, encoded, tokens):
    ids, indices = encoded["input_ids"], encoded["image_patches_indices"][:, :encoded["input_ids"].shape[1]]
    answer = []
    for _ in range(tokens):
        with torch.no_grad():
            logits = model(input_ids=ids, image_patches=encoded["image_patches"], image_patches_indices=indices,
                           use_cache=False).logits[0, -1]
        best = logits.topk(2)
        assert best.values[0] - best.values[1] > 0.02, best  # so that rounding cannot choose the other
        answer.append(int(best.indices[0]))
        ids = torch.cat([ids, best.indices[:1][None]], dim=1)
        indices = torch.cat([indices, torch.tensor([[-1]])], dim=1)
    return np.array(answer, dtype=np.int64)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    small = FuyuImageProcessor(size={"height": 24, "width": 36}, patch_size={"height": 6, "width": 6})
    small.save_pretrained(FOLDER)
    processor = FuyuProcessor(small, tokenizer)
    expected, metadata = {}, {}

    for i, (height, width) in enumerate(((31, 47), (1, 1), (7, 5), (24, 36), (25, 36), (12, 90), (80, 9))):
        pixels = pattern(height, width)
        expected[f"small.{i}.pixels"] = pixels
        expected[f"small.{i}.patches"] = patches_of(small, pixels)[2]

    texts = ["what is this?\n", "", " a  b", "where is <box>2, 5, 21, 40</box> ?", "<point>11, 30</point>", "|NEWLINE| é </box>"]
    for i, text in enumerate(texts):
        encoded = processor(text=text, images=Image.fromarray(expected["small.0.pixels"]))
        ids, indices = encoded["input_ids"][0], encoded["image_patches_indices"][0]
        positions = torch.nonzero(indices >= 0)[:, 0]
        assert indices[positions].tolist() == list(range(len(positions)))
        expected[f"prompt.{i}.ids"] = ids.numpy()
        expected[f"prompt.{i}.positions"] = positions.numpy()
        metadata[f"prompt.{i}"] = text

    metadata["answer"] = "what is this?"
    for path in (IMAGES / "subsampling2.jpg", IMAGES / "alpha.png", IMAGES / "lossy.webp", PHOTOS / "chelsea.png", PHOTOS / "truck.jpg"):
        image = Image.open(path).convert("RGB")
        encoded = processor(text=metadata["answer"], images=image)
        expected[f"answer.{path.name}.ids"] = greedy(model, encoded, 8)
        print(path.name, expected[f"answer.{path.name}.ids"])

    large = FuyuImageProcessor()
    for path in sorted(PHOTOS.glob("*g")):
        rows, columns, patches = patches_of(large, np.array(Image.open(path).convert("RGB")))
        expected["large." + path.name] = np.array([rows, columns, checksum(patches)], dtype=np.int64)
    for height, width in ((1, 1), (31, 29), (1080, 1920), (1081, 1921), (200, 3000), (3000, 200)):
        rows, columns, patches = patches_of(large, pattern(height, width))
        expected[f"large.{height}x{width}"] = np.array([rows, columns, checksum(patches)], dtype=np.int64)
    save_file(expected, FOLDER / "expected.safetensors", metadata)
    for path in FOLDER.iterdir():
        path.chmod(0o644)


main()
