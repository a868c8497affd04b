#!/usr/bin/env python3
"""Prompt caches for the fuzzer: tests/fixtures/corpus/prompt_cache/. Its models: one with a cache of type f16 and pages of 16
bytes, a family rwkv with a state of 8 bytes, a family hyena with one of 8 bytes and one more for each token."""
import json
import pathlib
import struct

MASK = (1 << 64) - 1


def digest(data, before=0):  # orrery/text/engine/prompt_cache.cpp
    value = ((before ^ len(data)) * 0x9E3779B97F4A7C15 + 1) & MASK
    for at in range(0, len(data), 8):
        word = int.from_bytes(data[at : at + 8].ljust(8, b"\0"), "little")
        value = ((value ^ word) * 0xFF51AFD7ED558CCD) & MASK
        value = (value << 29 | value >> 35) & MASK
    return value


def prompt_cache(tokens, pages, state, **changes):
    ids = struct.pack(f"<{len(tokens)}i", *tokens)
    tensors = [("tokens", "I32", len(tokens), ids)] + [(f"page.{i}", "U8", len(p), p) for i, p in enumerate(pages)]
    tensors.append(("state", "U8", len(state), state))
    value = digest(ids)
    for page in pages:
        value = digest(page, value)
    header = {"__metadata__": {"format": "orrery prompt cache", "version": "1", "kv": "f16", "rotation": "plain",
                               "digest": f"{digest(state, value):016x}", **changes}}
    data = b""
    for name, dtype, size, content in tensors:
        header[name] = {"dtype": dtype, "shape": [size], "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


folder = pathlib.Path(__file__).parents[2] / "fixtures/corpus/prompt_cache"
folder.mkdir(parents=True, exist_ok=True)
page = bytes(range(16))
(folder / "two-pages").write_bytes(prompt_cache(range(128), [page, page[::-1]], b""))
(folder / "state").write_bytes(prompt_cache([], [], b"a state", rotation="long"))
(folder / "part-of-a-page").write_bytes(prompt_cache(range(63), [page], b""))
(folder / "other-type").write_bytes(prompt_cache(range(64), [page], b"", kv="f32"))
(folder / "rwkv").write_bytes(prompt_cache(range(5), [], bytes(range(8)), family="rwkv"))
(folder / "rwkv-nothing").write_bytes(prompt_cache([], [], b"", family="rwkv"))
(folder / "rwkv-part-of-a-state").write_bytes(prompt_cache(range(5), [], bytes(7), family="rwkv"))
(folder / "hyena").write_bytes(prompt_cache(range(70), [], bytes(range(78)), family="hyena"))
