"""compare.py BIN GOLDEN WORK: the golden models through `orrery convert`, opened by llama-cpp-python and by transformers. See run.sh."""
import json
import pathlib
import subprocess
import sys

import numpy

TOLERANCE = 1e-3
FAMILIES = {"llama", "mistral", "mixtral", "qwen2", "phi", "gemma3_text"}
IDS = [3, 17, 5, 101, 44, 9, 77, 23, 8, 60, 31, 12]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True)
    if done.returncode:
        sys.exit(f"oracles: {' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr.decode()}")
    return done.stdout


def models(golden):
    """Folders, with their configs, of decoders of a family that llama.cpp has and with a language model's head."""
    for folder in sorted(golden.iterdir()):
        config = folder / "config.json"
        if not config.exists() or not any(folder.glob("model*.safetensors")):
            continue
        settings = json.loads(config.read_text())
        if settings.get("model_type") in FAMILIES and settings["architectures"][0].endswith("ForCausalLM"):
            yield folder, settings


def llama_cpp(file):
    import llama_cpp
    model = llama_cpp.Llama(str(file), n_ctx=64, n_threads=2, logits_all=True, verbose=False,
                            type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32)
    model.eval(IDS)
    return numpy.array(model.scores[:len(IDS)], dtype=numpy.float32)


def transformers(folder):
    import torch
    import transformers
    transformers.logging.set_verbosity_error()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        return model(torch.tensor([IDS])).logits[0].numpy()


def main():
    programs, golden, work = map(pathlib.Path, sys.argv[1:])
    failed = 0
    for folder, settings in models(golden):
        # llama.cpp runs Mistral as a llama, without its window: as far as that reaches they agree.
        seen = settings["sliding_window"] if settings["model_type"] == "mistral" else len(IDS)
        gguf, hub = work / f"{folder.name}.gguf", work / folder.name
        run(programs / "orrery", "convert", folder, gguf, "--type", "F32")
        run(programs / "orrery", "convert", gguf, hub, "--type", "F32")
        ours = numpy.frombuffer(run(programs / "logits", folder, *IDS), dtype=numpy.float32).reshape(len(IDS), -1)
        for name, theirs, count in (("llama-cpp-python", llama_cpp(gguf), seen), ("transformers", transformers(hub), len(IDS))):
            difference = float(numpy.abs(ours - theirs)[:count].max())
            fine = difference <= TOLERANCE
            failed += not fine
            print(f"{folder.name:16} {name:18} largest difference {difference:.1e}  {'equal' if fine else 'DIFFERENT'}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
