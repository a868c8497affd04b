"""The constants of adamw_8bit_test.cpp, adafactor_test.cpp and tests/train/optimizer_test.cpp: python3 optimizers.py, with PyPI's
torch 2.15, transformers 5.24 and bitsandbytes 0.50. p_i = sin i; in step t from 1, g_i = cos(3i + t); rate 0.05, decay 0.1, three
steps."""
import torch
from bitsandbytes.functional import create_dynamic_map
from transformers.optimization import Adafactor


def floats(values):
    return ", ".join(f"{value:.8g}f" for value in values)


def after_three(shape, make):
    size = torch.Size(shape).numel()
    i = torch.arange(size, dtype=torch.float64)
    p = torch.nn.Parameter(torch.sin(i).float().reshape(shape))
    optimizer = make([p])
    for t in range(1, 4):
        p.grad = torch.cos(3 * i + t).float().reshape(shape)
        optimizer.step()
    return p.detach().flatten().tolist()


for signed in (True, False):
    code = create_dynamic_map(signed).tolist()
    picked = [0, 1, 63, 64, 126, 127, 128, 129, 130, 191, 192, 254, 255]
    print("signed" if signed else "unsigned", ", ".join(f"{{{c}, {code[c]:.8g}f}}" for c in picked))
for scale, clip in ((False, 1.0), (True, 0.5)):
    def make(p):
        return Adafactor(p, lr=0.05, weight_decay=0.1, relative_step=False, scale_parameter=scale, clip_threshold=clip)
    print(f"adafactor {{{str(scale).lower()}, {clip}, {{{floats(after_three((2, 3), make))}}}, {{{floats(after_three((4,), make))}}}}},")
print("adamw", floats(after_three((6,), lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1))))

# Lion as the paper's algorithm 2 has it, in float64.
i = torch.arange(6, dtype=torch.float64)
p, m = torch.sin(i), torch.zeros(6, dtype=torch.float64)
for t in range(1, 4):
    g = torch.cos(3 * i + t)
    p = p - 0.05 * (torch.sign(0.9 * m + 0.1 * g) + 0.1 * p)
    m = 0.99 * m + 0.01 * g
print("lion", floats(p.tolist()))
