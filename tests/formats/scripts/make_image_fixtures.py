#!/usr/bin/env python3
"""Writes tests/fixtures/formats/images: small pictures of every kind that orrery/formats/image.h reads, and expected.safetensors,
what Pillow makes of each: NAME is Image.open(NAME).convert("RGB") as [height, width, 3] uint8, and NAME:turned the same after
ImageOps.exif_transpose, where that differs; animated.webp, which is refused. The smallest are the seeds of the fuzz target image.

Run: python3 tests/formats/scripts/make_image_fixtures.py     (Pillow 13.0.0, numpy 2.4.6, safetensors 0.8.0)
"""
import pathlib
import shutil
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps
from safetensors.numpy import save_file

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures"
FOLDER = FIXTURES / "formats/images"
CORPUS = FIXTURES / "corpus/image"
RANDOM = np.random.default_rng(2023)


def picture(width, height):
    """Smooth colours with an edge and some noise: what lossy formats and their upsampling have to work on."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [x * 255 / width, y * 255 / height, 128 + 100 * np.sin(x / 3 + y / 5)]
    pixels = np.stack(channels, axis=-1) + RANDOM.normal(0, 6, (height, width, 3))
    pixels[height // 2:, width // 3:] = 255 - pixels[height // 2:, width // 3:]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def png(width, height, bits, colour_type, rows, extra=(), interlace=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(*e) for e in extra)
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def noise(height, row_bytes):
    return b"".join(b"\0" + RANDOM.bytes(row_bytes) for _ in range(height))


def adam7(pixels):
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    return b"".join(b"\0" + row.tobytes() for y, x, dy, dx in passes for row in pixels[y::dy, x::dx] if row.size)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    photo, tiny = picture(33, 21), picture(9, 6)
    transparent = photo.convert("RGBA")
    transparent.putalpha(Image.fromarray(RANDOM.integers(0, 256, (21, 33)).astype(np.uint8)))
    for subsampling in range(3):
        photo.save(FOLDER / f"subsampling{subsampling}.jpg", quality=85, subsampling=subsampling)
    photo.save(FOLDER / "progressive.jpg", quality=60, progressive=True)
    photo.save(FOLDER / "restart.jpg", restart_marker_rows=1)
    photo.save(FOLDER / "rgb.jpg", keep_rgb=True)
    photo.convert("L").save(FOLDER / "grey.jpg")
    photo.convert("CMYK").save(FOLDER / "cmyk.jpg")
    Image.new("RGB", (1, 1), (200, 100, 50)).save(FOLDER / "pixel.jpg")
    photo.save(FOLDER / "rgb.png")
    photo.convert("L").save(FOLDER / "grey.png")
    photo.quantize(11).save(FOLDER / "palette.png")
    photo.quantize(11).save(FOLDER / "palette-transparent.png", transparency=3)
    photo.convert("L").save(FOLDER / "grey-transparent.png", transparency=7)
    transparent.save(FOLDER / "alpha.png")
    transparent.convert("LA").save(FOLDER / "grey-alpha.png")
    for bits in (1, 2, 4):
        (FOLDER / f"grey{bits}.png").write_bytes(png(13, 5, bits, 0, noise(5, (13 * bits + 7) // 8)))
    (FOLDER / "palette-short.png").write_bytes(png(13, 5, 4, 3, noise(5, 7), [(b"PLTE", RANDOM.bytes(9))]))
    (FOLDER / "rgb16.png").write_bytes(png(6, 5, 16, 2, noise(5, 36)))
    (FOLDER / "alpha16.png").write_bytes(png(6, 5, 16, 6, noise(5, 48)))
    (FOLDER / "gamma.png").write_bytes(png(6, 5, 8, 2, noise(5, 18), [(b"gAMA", struct.pack(">I", 100000))]))
    (FOLDER / "interlaced.png").write_bytes(png(13, 11, 8, 2, adam7(np.array(picture(13, 11))), interlace=1))
    photo.save(FOLDER / "lossy.webp")
    photo.save(FOLDER / "lossless.webp", lossless=True)
    transparent.save(FOLDER / "alpha.webp")
    transparent.save(FOLDER / "alpha-lossless.webp", lossless=True, exact=True)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x010E] = "a title before it"
        exif[0x0112] = orientation
        tiny.save(FOLDER / f"turned{orientation}.jpg", exif=exif)
    tiny.save(FOLDER / "turned.png", exif=exif)
    tiny.save(FOLDER / "turned.webp", exif=exif, lossless=True)

    expected = {}
    for path in sorted(FOLDER.iterdir()):
        image = Image.open(path)
        expected[path.name] = np.array(image.convert("RGB"))
        turned = np.array(ImageOps.exif_transpose(image).convert("RGB"))
        if turned.shape != expected[path.name].shape or (turned != expected[path.name]).any():
            expected[path.name + ":turned"] = turned
    save_file(expected, FOLDER / "expected.safetensors")
    tiny.save(FOLDER / "animated.webp", save_all=True, append_images=[picture(9, 6)])

    shutil.rmtree(CORPUS, ignore_errors=True)
    CORPUS.mkdir(parents=True)
    seeds = ("pixel.jpg", "progressive.jpg", "cmyk.jpg", "turned6.jpg", "palette-short.png", "alpha16.png", "grey2.png",
             "interlaced.png", "turned.png", "lossy.webp", "alpha.webp", "turned.webp")
    for name in seeds:
        shutil.copy(FOLDER / name, CORPUS / name)


main()
