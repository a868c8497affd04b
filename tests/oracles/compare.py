"""compare.py BIN GOLDEN RWKV WORK: the golden models through `orrery convert`, opened by llama-cpp-python and by transformers, and
rwkv.cpp's small RWKV-7 by the former. See run.sh."""
import json
import pathlib
import subprocess
import sys

import numpy

TOLERANCE = 1e-3
FAMILIES = {"llama", "mistral", "mixtral", "qwen2", "phi", "gemma3_text"}
GELU = {"phi", "gemma3_text"}
LEFT_OUT = {
    "fuyu": "llama.cpp has no such family",
    "hyena": "llama.cpp has no such family",
    "rwkv": "llama.cpp has no RWKV-4",
    "rwkv7": "llama.cpp's vectors do not fit into its heads of 16",
}
IDS = [3, 17, 5, 101, 44, 9, 77, 23, 8, 60, 31, 12]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True)
    if done.returncode:
        sys.exit(f"oracles: {' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr.decode()}")
    return done.stdout


def models(golden):
    """Folders, with their configs, of decoders of a family that llama.cpp has and with a language model's head; says what it leaves out."""
    for folder in sorted(golden.iterdir()):
        config = folder / "config.json"
        if not config.exists() or not any(folder.glob("model*.safetensors")):
            continue
        settings = json.loads(config.read_text())
        family = settings.get("model_type")
        if family in LEFT_OUT:
            print(f"{folder.name:16} skipped: {LEFT_OUT[family]}", flush=True)
        elif family in FAMILIES and not settings["architectures"][0].endswith("ForCausalLM"):
            print(f"{folder.name:16} skipped: no language model's head", flush=True)
        elif family in FAMILIES:
            yield folder, settings


def llama_cpp(file):
    import llama_cpp
    model = llama_cpp.Llama(str(file), n_ctx=64, n_threads=2, logits_all=True, verbose=False,
                            type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32)
    model.eval(IDS)
    return numpy.array(model.scores[:len(IDS)], dtype=numpy.float32)


def transformers(folder, half_gelu=False):
    import torch
    import transformers

    class HalfGelu(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.gelu(x.half().float(), approximate="tanh").half().float()

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32, attn_implementation="eager")
    for module in list(model.modules()) if half_gelu else []:
        for name in {"act_fn", "activation_fn"} & module._modules.keys():
            setattr(module, name, HalfGelu())
    with torch.no_grad():
        return model(torch.tensor([IDS])).logits[0].numpy()


def logits(programs, model):
    return numpy.frombuffer(run(programs / "logits", model, *IDS), dtype=numpy.float32).reshape(len(IDS), -1)


def same(model, oracle, ours, theirs):
    difference = float(numpy.abs(ours - theirs).max())
    fine = difference <= TOLERANCE
    print(f"{model:16} {oracle:18} largest difference {difference:.1e}  {'equal' if fine else 'DIFFERENT'}", flush=True)
    return fine


def main():
    programs, golden, rwkv, work = map(pathlib.Path, sys.argv[1:])
    failed = 0
    for folder, settings in models(golden):
        # llama.cpp runs Mistral as a llama, without its window: as far as that reaches they agree.
        seen = settings["sliding_window"] if settings["model_type"] == "mistral" else len(IDS)
        gguf, hub = work / f"{folder.name}.gguf", work / folder.name
        run(programs / "orrery", "convert", folder, gguf, "--type", "F32")
        run(programs / "orrery", "convert", gguf, hub, "--type", "F32")
        ours = logits(programs, folder)
        # ggml looks GELU up in a table of float16, which moves logits by up to 1.5e-3; transformers with the same rounding, which else
        # gives ours, is then what it must give.
        rounded = transformers(hub, half_gelu=True) if settings["model_type"] in GELU else ours
        failed += not same(folder.name, "llama-cpp-python", rounded[:seen], llama_cpp(gguf)[:seen])
        failed += not same(folder.name, "transformers", ours, transformers(hub))
    if rwkv.exists():
        gguf = work / "rwkv7.gguf"
        run(programs / "orrery", "convert", rwkv, gguf, "--type", "F32")
        failed += not same("rwkv7 of 64", "llama-cpp-python", logits(programs, rwkv), llama_cpp(gguf))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
