#!/usr/bin/env python3
"""Prints what the authors' package says of weights and pictures that a formula makes: the numbers of lpips_test.cpp.

    pip install lpips==0.1.4 torch torchvision; tests/nn/scripts/lpips_numbers.py [FOLDER]

With FOLDER, saves each network there too, as torchvision and the package do: alexnet.pth and alex.pth, vgg16.pth and vgg.pth."""
import pathlib
import sys

import lpips
import numpy as np
import torch


def formula(count, salt):
    """Numbers of -1…1, a hash of their place."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) + np.uint32(salt) * np.uint32(0x9E3779B9)
        for _ in range(2):
            x = (x ^ (x >> np.uint32(16))) * np.uint32(0x45D9F3B)
        x ^= x >> np.uint32(16)
    return ((x >> np.uint32(8)).astype(np.float32) / np.float32(2**23)) - np.float32(1)


def tensor(shape, salt, bound):
    return torch.from_numpy(formula(int(np.prod(shape)), salt) * np.float32(bound)).reshape(shape)


def state_of(metric):
    state = {}
    for name, value in metric.state_dict().items():
        parts = name.split(".")
        if parts[0] == "net":
            number = int(parts[2])
            fan_in = value[0].numel() if parts[3] == "weight" else 1
            state[name] = tensor(value.shape, 2 * number + (parts[3] == "bias"), (6 / fan_in) ** 0.5 if parts[3] == "weight" else 0.1)
        elif parts[0].startswith("lin"):
            number = int(parts[1]) if parts[0] == "lins" else int(parts[0][3:])
            state[name] = tensor(value.shape, 100 + number, 0.5) + 0.5
        else:
            state[name] = value
    return state


def picture(width, height, salt):
    return (formula(3 * width * height, salt) * np.float32(0.5) + np.float32(0.5)).reshape(1, height, width, 3)


def main():
    for net, of_torchvision in (("alex", "alexnet"), ("vgg", "vgg16")):
        metric = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
        metric.load_state_dict(state_of(metric))
        if len(sys.argv) > 1:
            folder = pathlib.Path(sys.argv[1])
            state = metric.state_dict()
            torch.save({"features." + name.split(".", 2)[2]: value for name, value in state.items() if name.startswith("net.")}, folder / f"{of_torchvision}.pth")
            torch.save({name: value for name, value in state.items() if name.startswith("lin") and not name.startswith("lins")}, folder / f"{net}.pth")
        for width, height in ((64, 48), (67, 45)):
            a, b = (torch.from_numpy(picture(width, height, salt)).permute(0, 3, 1, 2).contiguous() for salt in (200, 201))
            with torch.no_grad():
                print(net, width, height, f"{metric(a, b, normalize=True).item():.9g}", f"{metric(a, a + 0.25 * (b - a), normalize=True).item():.9g}")


main()
