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


def colmap_binary():
    cameras = [(3, 4, 40, 30, (50, 51, 20, 15, .1, -.2, .01, .02)), (1, 0, 40, 30, (50, 20, 15))]
    images = [(7, 3, b"b.jpg", [(1.5, 2.5, 9), (3, 4, 2**64 - 1)]), (2, 1, b"a b.jpg", [])]
    points = [(9, (1, 2, 3), (10, 20, 30), .5, [(7, 0)]), (4, (-1, 0, 5), (0, 0, 255), -1, [])]
    pose = struct.pack("<7d", .5, .5, -.5, .5, 1, 2, 3)
    yield "cameras.bin", struct.pack("<Q", len(cameras)) + b"".join(
        struct.pack(f"<Ii2Q{len(values)}d", i, model, w, h, *values) for i, model, w, h, values in cameras)
    yield "images.bin", struct.pack("<Q", len(images)) + b"".join(
        struct.pack("<I", i) + pose + struct.pack("<I", camera) + name + struct.pack("<xQ", len(seen))
        + b"".join(struct.pack("<2dQ", *o) for o in seen) for i, camera, name, seen in images)
    yield "points3D.bin", struct.pack("<Q", len(points)) + b"".join(
        struct.pack("<Q3d3BdQ", i, *xyz, *rgb, error, len(track)) + b"".join(struct.pack("<2I", *t) for t in track)
        for i, xyz, rgb, error, track in points)


COLMAP_TEXT = {
    "cameras.txt": "# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n3 OPENCV 40 30 50 51 20 15 0.1 -0.2 0.01 0.02\n1 SIMPLE_PINHOLE 40 30 50 20 15\n",
    "images.txt": "# two lines each\n7 0.5 0.5 -0.5 0.5 1 2 3 3 b.jpg\n1.5 2.5 9 3 4 -1\n2 1 0 0 0 0 0 0 1 a b.jpg\n\n",
    "points3D.txt": "# points\n9 1 2 3 10 20 30 0.5 7 0\n4 -1 0 5 0 0 255 -1\n",
}

MATRIX = [[1, 0, 0, 0.5], [0, 0, -1, -3], [0, 1, 0, 0.25], [0, 0, 0, 1]]
TRANSFORMS = {
    "blender.json": {"camera_angle_x": 0.69, "frames": [{"file_path": "./train/r_0", "rotation": 0.01, "time": 0.5, "transform_matrix": MATRIX}]},
    "nerfstudio.json": {
        "camera_model": "OPENCV_FISHEYE", "w": 40, "h": 30, "fl_x": 50, "fl_y": 51, "cx": 20, "cy": 15, "k1": 0.1, "k2": 0.01,
        "ply_file_path": "points.ply", "applied_transform": MATRIX[:3], "train_filenames": ["images/a.png"], "val_filenames": [],
        "frames": [{"file_path": "images/a.png", "mask_path": "masks/a.png", "transform_matrix": MATRIX, "fl_x": 49.5, "colmap_im_id": 1}]},
}

OPENSFM = [{
    "cameras": {
        "c1": {"projection_type": "brown", "width": 40, "height": 30, "focal_x": 1.2, "focal_y": 1.25, "c_x": 0.01, "c_y": -0.01,
               "k1": 0.1, "k2": 0.01, "k3": 0, "p1": 0.001, "p2": 0.002},
        "c2": {"projection_type": "fisheye", "width": 40, "height": 30, "focal": 0.6, "k1": 0.01, "k2": 0}},
    "shots": {"a.jpg": {"camera": "c1", "rotation": [0.1, 0.2, 0.3], "translation": [1, 2, 3]},
              "b.jpg": {"camera": "c2", "rotation": [0, 0, 0], "translation": [0, 0, 0], "gps_position": [0, 0, 0]}},
    "points": {"1": {"coordinates": [1, 2, 3], "color": [10, 20, 255.0]}}}]


def point_clouds():
    header = "ply\nformat {}\ncomment by hand\nelement vertex 2\nproperty {} x\nproperty {} y\nproperty {} z\n" \
             "property uchar red\nproperty uchar green\nproperty uchar blue\nend_header\n"
    yield "little.ply", header.format("binary_little_endian 1.0", *["float"] * 3).encode() + 2 * struct.pack("<3f3B", 1, 2, 3, 4, 5, 6)
    yield "big.ply", header.format("binary_big_endian 1.0", *["double"] * 3).encode() + 2 * struct.pack(">3d3B", 1, 2, 3, 4, 5, 6)
    yield "ascii.ply", header.format("ascii 1.0", *["float"] * 3).encode() + b"1 2 3 4 5 6\n-1e3 0.5 7 255 0 1"


def main():
    for name, data in colmap_binary():
        write("colmap_binary", name, data)
    for name, lines in COLMAP_TEXT.items():
        write("colmap_text", name, lines.encode())
    for name, document in TRANSFORMS.items():
        write("transforms_json", name, json.dumps(document).encode())
    write("opensfm", "reconstruction.json", json.dumps(OPENSFM).encode())
    for name, data in point_clouds():
        write("point_cloud", name, data)
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
