#!/usr/bin/env python3
"""Writes tests/fixtures/formats/torch: small files that PyTorch itself saved, and the tensors each must give, as safetensors.

Run: python3 tests/formats/scripts/make_torch_fixtures.py     (needs the torch and safetensors packages; made with torch 2.x)
"""
import argparse
import collections
import pathlib

import torch
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "formats" / "torch"
ALL = ["float32", "float16", "bfloat16", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
NEW = ["float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64"]  # untyped storages, the zip form only


def flatten(value, prefix=""):
    if isinstance(value, torch.Tensor):
        return {prefix: value.detach().contiguous().clone()}
    if isinstance(value, argparse.Namespace):
        value = vars(value)
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        return {}
    out = {}
    for key, item in items:
        out |= flatten(item, f"{prefix}.{key}" if prefix else str(key))
    return out


def save(name, value, **options):
    torch.save(value, OUT / name, **options)
    save_file(flatten(value), OUT / (name.rsplit(".", 1)[0] + ".safetensors"))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    numbers = torch.arange(6).reshape(2, 3)
    plain = {name: numbers.to(getattr(torch, name)) for name in ALL}
    save("dtypes.pth", plain | {name: numbers.to(getattr(torch, name)) for name in NEW})
    save("dtypes_stream.pth", plain, _use_new_zipfile_serialization=False)

    base = torch.randn(4, 6)
    linear = torch.nn.Linear(3, 2)
    nested = {
        "model": linear.state_dict(),
        "parameters": {"weight": torch.nn.Parameter(torch.randn(2, 2)), "list": [torch.ones(1), (torch.zeros(2),)]},
        "views": {
            "base": base,
            "transposed": base.t(),
            "columns": base[:, 1::2],
            "row": base[2],
            "expanded": torch.arange(3).expand(2, 3),
            "permuted": torch.arange(24, dtype=torch.int16).reshape(2, 3, 4).permute(2, 0, 1),
            "scalar": torch.tensor(2.5),
            "empty": torch.empty(0, 4),
            "one": base[:1, 2:3].expand(1, 1),
        },
        "optimizer": {"state": {0: {"step": 3, "exp_avg": torch.randn(2)}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999)}]},
        "args": argparse.Namespace(hidden_dim=256, name="détr", dilation=False, nothing=None, rate=-0.5, minus=-7),
        "milestones": collections.Counter([3, 3, 5]),
        "set": {1},
        "size": base.shape,
        "big": 2**70,
        "negative": -(2**40),
    }
    save("nested.pth", nested)
    save("nested_stream.pth", nested, _use_new_zipfile_serialization=False)
    save("nested_protocol4.pth", nested, pickle_protocol=4)

    torch.save({"w": base, "device": torch.device("cpu")}, OUT / "unknown_global.pt")


if __name__ == "__main__":
    main()
