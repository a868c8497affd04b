#!/usr/bin/env python3
"""Rotary frequencies by the publications' formulas, in double precision: tests/fixtures/rope/frequencies.json.

linear    Chen et al. 2023, "Extending Context Window of Large Language Models via Positional Interpolation"
ntk       bloc97 2023: the base becomes base * s^(d/(d-2))
dynamic   emozilla 2023: the same with s = factor * length / trained - (factor - 1)
yarn      Peng et al. 2023, sec. 3.2 (NTK-by-parts, correction range rounded outwards) and eq. 22
llama3    Llama 3.1: by wavelength
longrope  Ding et al. 2024: a divisor per frequency, other ones beyond the trained context; magnitude as in Phi-3
"""
import json
import math
import pathlib


def plain(base, dim):
    return [base ** (-2 * i / dim) for i in range(dim // 2)]


def ntk(base, dim, scale):
    return plain(base * scale ** (dim / (dim - 2)), dim)


def dynamic(base, dim, factor, trained, length):
    return ntk(base, dim, factor * max(length, trained) / trained - (factor - 1))


def yarn(base, dim, factor, trained, fast=32, slow=1):
    def index(turns):  # of the frequency that turns so often over the trained context
        return dim * math.log(trained / (turns * 2 * math.pi)) / (2 * math.log(base))

    low, high = max(math.floor(index(fast)), 0), min(math.ceil(index(slow)), dim - 1)
    frequencies = []
    for i, frequency in enumerate(plain(base, dim)):
        interpolated = min(max((i - low) / (high - low), 0), 1)
        frequencies.append(frequency * (1 - interpolated) + frequency / factor * interpolated)
    return frequencies


def llama3(base, dim, factor, trained, low=1, high=4):
    frequencies = []
    for frequency in plain(base, dim):
        wavelength = 2 * math.pi / frequency
        if wavelength < trained / high:
            frequencies.append(frequency)
        elif wavelength > trained / low:
            frequencies.append(frequency / factor)
        else:
            smooth = (trained / wavelength - low) / (high - low)
            frequencies.append((1 - smooth) * frequency / factor + smooth * frequency)
    return frequencies


def divided(base, dim, divisors):
    return [f / d for f, d in zip(plain(base, dim), divisors)]


def cases():
    long_factor, short_factor = [1 + 0.5 * i for i in range(8)], [1 + 0.01 * i for i in range(8)]
    common = {"theta": 10000.0, "dim": 16, "factor": 4.0, "original_context": 512}
    yield {**common, "scaling": "none", "frequencies": plain(1e4, 16)}
    yield {**common, "scaling": "linear", "frequencies": [f / 4 for f in plain(1e4, 16)]}
    yield {**common, "scaling": "ntk", "frequencies": ntk(1e4, 16, 4)}
    for length in (1, 512, 513, 1000, 2048):
        yield {**common, "scaling": "dynamic", "length": length, "frequencies": dynamic(1e4, 16, 4, 512, length)}
    yield {**common, "scaling": "yarn", "attention_factor": 0.1 * math.log(4) + 1, "frequencies": yarn(1e4, 16, 4, 512)}
    yield {**common, "dim": 64, "scaling": "yarn", "attention_factor": 0.1 * math.log(4) + 1,
           "frequencies": yarn(1e4, 64, 4, 512)}
    yield {**common, "scaling": "llama3", "frequencies": llama3(1e4, 16, 4, 512)}
    magnitude = math.sqrt(1 + math.log(4) / math.log(512))
    for length in (1, 512, 513, 2048):
        divisors = long_factor if length > 512 else short_factor
        yield {**common, "scaling": "longrope", "length": length, "long_factor": long_factor,
               "short_factor": short_factor, "attention_factor": magnitude, "frequencies": divided(1e4, 16, divisors)}


path = pathlib.Path(__file__).parents[2] / "fixtures/rope/frequencies.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(list(cases()), indent=1) + "\n")
