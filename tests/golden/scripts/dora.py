#!/usr/bin/env python3
"""Makes tests/fixtures/golden/text/dora: a tiny llama with biases, a DoRA adapter (Liu et al. 2024) of random values, and what peft computes of
them: logits, the loss and its gradients, and the merged weights. Needs torch, transformers and peft (bench/train/peer.sh has them).

  tests/golden/scripts/dora.py tests/fixtures/golden/text/dora
"""
import sys
from pathlib import Path

import peft
import torch
import transformers
from safetensors.torch import save_file

PAIRS, MAGNITUDE = (".lora_A.default.weight", ".lora_B.default.weight"), ".lora_magnitude_vector.default.weight"


def name_in_file(name):
    return name.replace(".default.weight", "" if name.endswith(MAGNITUDE) else ".weight")


torch.manual_seed(1)
torch.set_num_threads(1)
folder = Path(sys.argv[1])
config = transformers.LlamaConfig(vocab_size=60, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                                  num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, attention_bias=True)
base = transformers.LlamaForCausalLM(config).eval()
with torch.no_grad():
    for parameter in base.parameters():
        parameter += 0.1 * torch.randn_like(parameter)
base.save_pretrained(folder, safe_serialization=True)
(folder / "generation_config.json").unlink(missing_ok=True)

input_ids, attention_mask = torch.randint(3, 60, (2, 14)), torch.ones(2, 14, dtype=torch.long)
labels = input_ids.clone()
labels[:, :4] = -100
values = {"input_ids": input_ids, "labels": labels}
with torch.no_grad():
    values["logits_base"] = base(input_ids, attention_mask=attention_mask).logits

lora = peft.LoraConfig(r=4, lora_alpha=6, target_modules=["q_proj", "o_proj", "down_proj"], use_dora=True, task_type="CAUSAL_LM")
model = peft.get_peft_model(base, lora).eval()
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if name.endswith(PAIRS):
            parameter.copy_(0.3 * torch.randn_like(parameter))
        elif name.endswith(MAGNITUDE):
            parameter *= 0.5 + torch.rand_like(parameter)
model.save_pretrained(folder)
(folder / "README.md").unlink()

output = model(input_ids, attention_mask=attention_mask, labels=labels)
output.loss.backward()
values["logits"], values["loss"] = output.logits.detach(), output.loss.detach()
for name, parameter in model.named_parameters():
    if parameter.grad is not None:
        values["grad." + name_in_file(name)] = parameter.grad
merged = model.merge_and_unload()
with torch.no_grad():
    values["logits_merged"] = merged(input_ids, attention_mask=attention_mask).logits
for name, parameter in merged.named_parameters():
    if name.endswith(("0.self_attn.q_proj.weight", "1.mlp.down_proj.weight")):
        values["merged." + name] = parameter.detach()
save_file({name: value.contiguous() for name, value in values.items()}, folder / "io.safetensors")

versions = ", ".join(f"{module.__name__} {module.__version__.split('+')[0]}" for module in (peft, transformers, torch))
difference = (values["logits_merged"] - values["logits"]).abs().max().item()
(folder / "README.md").write_text(f"""# dora (open)

Tiny llama with biases on attention's linears, and a DoRA adapter (arXiv 2402.09353) in PEFT layout: r=4, alpha=6, targets q_proj, o_proj and
down_proj; names as lora's and `base_model.model.<module>.lora_magnitude_vector` [out]. Made by tests/golden/scripts/dora.py with
{versions} (CPU, 1 thread, float32). `logits` with the adapter, `logits_base` without, `logits_merged` folded in (differs from `logits` by {difference:.1e});
`merged.*` two folded weights. Loss and gradients in eval mode; the norm is a constant to the backward pass (sec. 4.3).
""")
