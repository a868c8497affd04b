"""run.py BIN DATA MODEL WORK [--only CASE…] [--steps N]: every case of cases.py by TRL and by `orrery train`, on the same weights and records, in the
same order; then what the latter wrote, opened by peft and transformers. See run.sh.

Fails where a step's loss differs by more than 1e-4, another metric by more than its tolerance, or logits by more than 1e-3."""
import argparse
import json
import pathlib
import re
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import compare  # noqa: E402
import inputs  # noqa: E402
import trl_side  # noqa: E402
from cases import CASES  # noqa: E402

LOSS = 1e-4
# Absolute, and a share of the value. Accuracies are left out: in the first step both answers are equally good but for rounding.
OTHERS = {"grad_norm": (1e-4, 2e-3), "learning_rate": (0, 1e-6), "rewards/chosen": (1e-3, 1e-3), "rewards/rejected": (1e-3, 1e-3),
          "rewards/margins": (1e-3, 1e-3), "logps/chosen": (1e-2, 1e-4), "logps/rejected": (1e-2, 1e-4), "kl": (1e-2, 1e-3),
          "nll_loss": (1e-4, 0), "log_odds_ratio": (1e-4, 1e-3), "log_odds_chosen": (1e-4, 1e-3), "margin": (1e-4, 1e-3),
          "mean_reward": (1e-4, 1e-3)}


def methods(program):
    """Those that `orrery train` knows: its help lists them (sft|dpo|…). None where there is no such command."""
    done = subprocess.run([program, "train", "--help"], capture_output=True, text=True)
    listed = re.search(r"\b[a-z]+(?:\|[a-z]+)+\b", done.stdout) if "orrery train" in done.stdout else None
    return listed.group().split("|") if listed else []


def flags(settings):
    for name, value in settings.items():
        yield f"--{name.replace('_', '-')}={value}"


def ours(program, case, steps, records, folders, run):
    model = folders[case.method == "reward"]
    command = [program, "train", case.method, "--model", model, "--data", records, "--out", run, "--no-shuffle", "--quiet",
               *flags({**case.settings(), "max_steps": steps, **case.ours})]
    if case.adapter:
        command += ["--adapter", folders[case.adapter], "--export", run.with_suffix(".merged")]
    compare.run(*command)
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def largest(theirs, mine, name):
    return max(abs(a[name] - b[name]) for a, b in zip(theirs, mine))


def agree(case, theirs, mine):
    """Prints a line, and one more for each metric that is off."""
    if len(theirs) != len(mine):
        print(f"{case.name:28} {len(theirs)} steps by TRL, {len(mine)} here  DIFFERENT", flush=True)
        return False
    off = [name for name, (absolute, share) in OTHERS.items() if name in theirs[0] and name in mine[0]
           and any(abs(a[name] - b[name]) > absolute + share * abs(a[name]) for a, b in zip(theirs, mine))]
    difference = largest(theirs, mine, "loss")
    fine = difference <= LOSS and not off
    print(f"{case.name:28} loss {theirs[0]['loss']:.5f} to {theirs[-1]['loss']:.5f}  largest difference {difference:.1e}, of grad_norm "
          f"{largest(theirs, mine, 'grad_norm'):.1e}  {'equal' if fine else 'DIFFERENT'}", flush=True)
    for name in off if difference <= LOSS else ["loss", *off]:
        for side, steps in (("TRL", theirs), ("here", mine)):
            print(f"  {name:16} {side:4} " + " ".join(f"{step[name]:.5g}" for step in steps), flush=True)
    if missing := [name for name in OTHERS if name in theirs[0] and name not in mine[0]]:
        print(f"  metrics of TRL that are not there: {', '.join(missing)}", flush=True)
    return fine


def peft_logits(base, adapter):
    import peft
    import torch
    import transformers
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with torch.no_grad():
        return peft.PeftModel.from_pretrained(model, adapter)(torch.tensor([compare.IDS])).logits[0].numpy()


def written(programs, case, run, folders):
    """What others find in the run's folder, against this build's engine."""
    if not case.adapter:
        model = run / "model"
        return compare.same(case.name, "transformers", compare.logits(programs, model), compare.transformers(model))
    merged = run.with_suffix(".merged")
    engine = compare.logits(programs, merged)
    return all([compare.same(case.name, "transformers", engine, compare.transformers(merged)),
                compare.same(case.name, "peft", engine, peft_logits(folders[False], run / "adapter"))])


def start(programs, data, model, work):
    """The folders and records that all cases share."""
    tokenizer, folders = work / "tokenizer", {False: work / "model", True: work / "scores", "lora": work / "lora", "dora": work / "dora"}
    compare.run(programs / "orrery", "convert", model, tokenizer)
    (tokenizer / "model.safetensors").unlink()
    inputs.write_model(folders[False], tokenizer)
    inputs.write_model(folders[True], tokenizer, scores=True)
    for kind in ("lora", "dora"):
        inputs.write_adapter(folders[kind], folders[False], dora=kind == "dora")
    inputs.write_records(data, work / "records")
    return folders


def main():
    parser = argparse.ArgumentParser()
    for name in ("programs", "data", "model", "work"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES])
    parser.add_argument("--steps", type=int, default=20)
    chosen = parser.parse_args()
    program, work = chosen.programs / "orrery", chosen.work
    folders = start(chosen.programs, chosen.data, chosen.model, work)
    known = methods(program)
    failed = missing = 0
    for i, case in enumerate(CASES):
        if chosen.only and case.name not in chosen.only:
            continue
        if case.method not in known:
            print(f"{case.name:28} skipped: orrery train {case.method} is not there yet", flush=True)
            missing += 1
            continue
        records = work / "records" / f"{case.records}.jsonl"
        run = work / f"run-{i}"
        theirs = trl_side.run(case, chosen.steps, records, folders, work)
        failed += not agree(case, theirs, ours(program, case, chosen.steps, records, folders, run))
        if case.method == "sft" or case.adapter:
            failed += not written(chosen.programs, case, run, folders)
    if missing:
        print(f"{missing} cases skipped: not there yet")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
