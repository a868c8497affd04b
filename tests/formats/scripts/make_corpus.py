#!/usr/bin/env python3
"""Writes tests/fixtures/corpus/NAME: the seeds of the fuzz targets, small and valid. Standard library only.

Run: python3 tests/formats/scripts/make_corpus.py     (after make_torch_fixtures.py, whose files are seeds too)
What fuzzing found and was worth keeping lies beside them under its hash.
"""
import json
import pathlib
import shutil
import struct
import zlib

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures"


def write(target, name, data):
    folder = FIXTURES / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(version):
    array = lambda kind, count, body: struct.pack("<IQ", kind, count) + body
    metadata = {
        "general.alignment": (4, struct.pack("<I", 16)),
        "u8": (0, b"\x07"), "i8": (1, b"\xff"), "u16": (2, b"\1\2"), "i16": (3, b"\1\2"), "i32": (5, b"\1\2\3\4"),
        "f32": (6, struct.pack("<f", 1.5)), "bool": (7, b"\1"), "string": (8, text("hello")),
        "strings": (9, array(8, 2, text("a") + text(""))), "floats": (9, array(6, 2, struct.pack("<2f", 1, 2))),
        "nested": (9, array(9, 2, array(0, 3, b"abc") + array(8, 1, text("x")))),
        "u64": (10, struct.pack("<Q", 1)), "i64": (11, struct.pack("<q", -1)), "f64": (12, struct.pack("<d", 2.5)),
    }
    tensors = [("f", [3, 2], 0, 0, 24), ("q", [32, 2], 2, 32, 36), ("k", [256], 12, 80, 144)]
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    for key, (kind, body) in metadata.items():
        out += text(key) + struct.pack("<I", kind) + body
    for name, extents, kind, offset, _ in tensors:
        out += text(name) + struct.pack(f"<I{len(extents)}QIQ", len(extents), *extents, kind, offset)
    out += b"\0" * (-len(out) % 16)
    data = bytearray(224)
    return out + bytes(data)


def safetensors():
    header = {"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
              "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]}, "c": {"dtype": "I64", "shape": [0, 4], "data_offsets": [26, 26]}}
    data = json.dumps(header).encode()
    return struct.pack("<Q", len(data)) + data + bytes(range(26))


def llama2_c(version, shared):
    dim, hidden, layers, heads, kv_heads, vocab, positions = 4, 6, 2, 2, 1, 3, 5
    fields = struct.pack("<7i", dim, hidden, layers, heads, kv_heads, vocab if shared or version else -vocab, positions)
    floats = vocab * dim + layers * (2 * dim + 2 * dim * dim + dim * dim + 3 * dim * hidden) + dim
    floats += (positions * dim // heads if version == 0 else 0) + (0 if shared else vocab * dim)
    if version:
        fields = (struct.pack("<Ii", 0x616B3432, version) + fields + bytes([shared])).ljust(256, b"\0")
    return fields + struct.pack(f"<{floats}f", *range(floats))


def rwkv_cpp(version, dtype, block_bytes):
    out = struct.pack("<6i", 0x67676D66, version, 3, 32, 1, dtype)
    for name, shape, kind, size in (("emb.weight", (32, 3), 1, 192), ("blocks.0.att.time_faaaa", (1, 4, 8), 0, 128),
                                    ("head.weight", (32, 3), dtype, 3 * block_bytes)):
        out += struct.pack(f"<{3 + len(shape)}i", len(shape), len(name), kind, *shape) + name.encode() + bytes(size)
    return out


def gzip_member(data, level=9, flags=0, fields=b""):
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(5) + b"\xff" + fields
    if flags & 2:  # a CRC of the header
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    return header + deflate.compress(data) + deflate.flush() + struct.pack("<II", zlib.crc32(data), len(data))


def main():
    for version in (2, 3):
        write("gguf", f"v{version}.gguf", gguf(version))
    write("safetensors", "small.safetensors", safetensors())
    index = {"metadata": {"total_size": 12, "x": [1, None, {"y": 2.5}]}, "weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}
    write("shard_index", "small.json", json.dumps(index).encode())
    for version, shared in ((0, True), (0, False), (1, True), (1, False)):
        write("llama2_c", f"v{version}-{'tied' if shared else 'untied'}.bin", llama2_c(version, shared))
    pieces = [b"<unk>", b" a", b"\xc3\xa4"]
    write("llama2_c_tokenizer", "small.bin",
          struct.pack("<i", 5) + b"".join(struct.pack("<fi", -i, len(piece)) + piece for i, piece in enumerate(pieces)))
    for version, dtype, block_bytes in ((100, 0, 128), (101, 8, 24)):
        write("rwkv_cpp", f"v{version}.bin", rwkv_cpp(version, dtype, block_bytes))
    rows = b"".join(b'{"prompt": "%d + 1 =", "completion": " %d"}\n' % (i, i + 1) for i in range(40))
    extra = struct.pack("<H", 6) + b"AB\x02\0xy"
    write("gzip", "rows.gz", gzip_member(rows))
    write("gzip", "stored.gz", gzip_member(b"[1]\n", 0))
    write("gzip", "fields.gz", gzip_member(b"{}\n", 9, 2 | 4 | 8 | 16, extra + b"name.json\0a comment\0"))
    write("gzip", "nothing.gz", gzip_member(b""))
    # No seeds by name: the first is whole also where it is cut between members, the second is larger than any seed inside.
    write("gzip", "two-members", gzip_member(b'{"text": "a"}\n') + gzip_member(b"") + gzip_member(b'{"text": "b"}\n') + bytes(9))
    write("gzip", "bomb", gzip_member(bytes(3 << 20)))
    for seed in ("nested.pth", "nested_stream.pth", "nested_protocol4.pth", "dtypes.pth"):
        (FIXTURES / "corpus" / "torch_pickle").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FIXTURES / "formats" / "torch" / seed, FIXTURES / "corpus" / "torch_pickle" / seed)


if __name__ == "__main__":
    main()
