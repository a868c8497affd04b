"""Makes tests/fixtures/quantize: what the `gguf` package (0.19.0) and ggml compute.

    python quantize_fixtures.py OUT libggml-base.so stories260K.bin

libggml-base.so: built from the llama.cpp inside the source package of llama-cpp-python 0.3.36 (cmake, target ggml-base).
stories260K.bin: a trained model in llama2.c's format (../shared/data/weights; MIT); 4096 of its attention weights are kept.

    TYPE.blocks, TYPE.floats   random blocks and their values, for each type
    digests.json               the same for 2000 blocks of a random stream, as one FNV-1a hash of the values
    values.floats              [rows, 256] to quantise; TYPE.gguf, TYPE.ggml: the bytes that gguf and ggml make of them
    gaussian.floats, weights.floats, importance.floats; TYPE.{gaussian,weights,weighted}: ggml's bytes of those
"""

import ctypes
import json
import pathlib
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGML_QUANT_SIZES, quants

np.seterr(all="ignore")
OUT = pathlib.Path(sys.argv[1])
GGML = ctypes.CDLL(sys.argv[2])
DECODED = ("Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ1_S IQ1_M IQ2_XXS IQ2_XS IQ2_S IQ3_XXS IQ3_S IQ4_NL IQ4_XS "
           "TQ1_0 TQ2_0 MXFP4 NVFP4 BF16 F16").split()
BY_GGUF = "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 TQ1_0 TQ2_0 MXFP4 BF16 F16".split()  # what gguf itself can quantise
BY_GGML = {"Q8_1": "q8_1", "Q8_K": "q8_K", "NVFP4": "nvfp4"}  # what only ggml writes, and its name in the function
DECODED_BY_GGML = "Q1_0 Q2_0".split()  # what gguf cannot dequantise
SEARCHED = "Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS".split()
WEIGHTED = "Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS".split()


def stream(count):
    """xorshift64* bytes, which the test makes too."""
    state, words = 0x9E3779B97F4A7C15, []
    for _ in range((count + 7) // 8):
        state ^= state >> 12
        state ^= (state << 25) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 27
        words.append(state * 0x2545F4914F6CDD1D & 0xFFFFFFFFFFFFFFFF)
    return np.array(words, dtype="<u8").view(np.uint8)[:count]


def fnv1a(values):
    """Of the values' bits as 32-bit words, with every NaN as 0x7fc00000: which NaN comes out is the processor's choice."""
    bits = np.where(np.isnan(values), np.uint32(0x7FC00000), values.view(np.uint32))
    digest = 0xCBF29CE484222325
    for word in bits.tolist():
        digest = (digest ^ word) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"


def decode(kind, data):
    if kind in DECODED_BY_GGML:
        elements, block_bytes = size(kind)
        out = np.zeros(data.size // block_bytes * elements, dtype=np.float32)
        getattr(GGML, f"dequantize_row_{kind.lower()}")(data.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p),
                                                        ctypes.c_int64(out.size))
        return out
    return quants.dequantize(data.reshape(1, -1), T[kind]).ravel().astype(np.float32)


def size(kind):
    """(elements, bytes) of a block; ggml's block_q8_1 has binary16 scales where gguf counts float32 ones."""
    return {"Q8_1": (32, 36), "Q1_0": (128, 18), "Q2_0": (64, 18)}.get(kind) or GGML_QUANT_SIZES[T[kind]]


def ggml_quantize(kind, rows, importance=None):
    """The bytes that ggml_quantize_chunk, as `llama-quantize` calls it, makes of float rows."""
    elements, block_bytes = size(kind)
    out = np.zeros(rows.size // elements * block_bytes, dtype=np.uint8)
    weights = None if importance is None else importance.ctypes.data_as(ctypes.c_void_p)
    GGML.ggml_quantize_chunk.restype = ctypes.c_size_t
    GGML.ggml_quantize_chunk(ctypes.c_int(int(T[kind])), rows.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p),
                             ctypes.c_int64(0), ctypes.c_int64(rows.shape[0]), ctypes.c_int64(rows.shape[1]), weights)
    return out


def ggml_reference(kind, rows):
    elements, block_bytes = size(kind)
    out = np.zeros(rows.size // elements * block_bytes, dtype=np.uint8)
    getattr(GGML, f"quantize_row_{BY_GGML[kind]}_ref")(
        rows.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(rows.size))
    return out


def awkward_rows(rng):
    """Rows [12, 256] around what a quantiser meets: scales of many sizes, outliers, constants, halves, zeros, denormals."""
    rows = [rng.standard_normal(256) * s for s in (1, 0.02, 1e-4, 300)]
    rows.append(rng.standard_t(2, 256))                       # heavy tails
    rows.append(np.where(np.arange(256) % 64 == 3, 50, 0.01 * rng.standard_normal(256)))  # one outlier in a block
    rows.append(np.abs(rng.standard_normal(256)) + 3)          # far from zero
    rows.append(np.full(256, -0.75))
    rows.append(np.round(rng.standard_normal(256) * 4) / 2)    # values on and halfway between codes
    rows.append(np.where(np.arange(256) < 128, 0.0, rng.standard_normal(256)))
    rows.append(rng.standard_normal(256) * 1e-7)               # scales that are binary16 denormals
    rows.append(np.sign(rng.standard_normal(256)) * 0.5)       # what the ternary types are for
    return np.array(rows, dtype=np.float32)


def main():
    rng = np.random.default_rng(2023)
    digests = {}
    later = np.random.default_rng(2026)  # for types that came later: the others' random blocks stay as they are
    for kind in DECODED + DECODED_BY_GGML:
        elements, block_bytes = size(kind)
        blocks = (later if kind in DECODED_BY_GGML else rng).integers(0, 256, block_bytes * max(2, 512 // elements), dtype=np.uint8)
        blocks.tofile(OUT / f"{kind.lower()}.blocks")
        decode(kind, blocks).tofile(OUT / f"{kind.lower()}.floats")
        digests[kind.lower()] = fnv1a(decode(kind, stream(2000 * block_bytes)))
    (OUT / "digests.json").write_text(json.dumps(digests, indent=1) + "\n")

    values = awkward_rows(rng)
    values.tofile(OUT / "values.floats")
    for kind in BY_GGUF:
        data = quants.quantize(values, T[kind])
        data.view(np.uint8).tofile(OUT / f"{kind.lower()}.gguf")
    for kind in BY_GGML:
        ggml_reference(kind, values).tofile(OUT / f"{kind.lower()}.ggml")

    gaussian = (rng.standard_normal((8, 512)) * 0.03).astype(np.float32)
    embedding_and_norms = 512 * 64 + 5 * 64  # stand before the first attention matrix
    weights = np.fromfile(sys.argv[3], "<f4", 4096, offset=28 + 4 * embedding_and_norms).reshape(8, 512)
    assert 0.01 < weights.std() < 1 and abs(weights.mean()) < 0.1
    importance = rng.exponential(1, 512).astype(np.float32) + np.float32(0.05)
    gaussian.tofile(OUT / "gaussian.floats")
    weights.tofile(OUT / "weights.floats")
    importance.tofile(OUT / "importance.floats")
    for kind in SEARCHED:
        ggml_quantize(kind, gaussian).tofile(OUT / f"{kind.lower()}.gaussian")
        ggml_quantize(kind, weights).tofile(OUT / f"{kind.lower()}.weights")
    for kind in WEIGHTED:
        ggml_quantize(kind, weights, importance).tofile(OUT / f"{kind.lower()}.weighted")


main()
