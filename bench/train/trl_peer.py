"""trl_peer.py METHOD MODEL DATA OUT OPTIONS: a run by TRL, in the environment of peer.sh. OPTIONS is a JSON object of its settings, and "lora_r".
OUT/metrics.jsonl gets a line behind each step, with TRL's metrics."""
import json
import pathlib
import sys
import warnings

import turns

warnings.simplefilter("ignore", FutureWarning)
import datasets  # noqa: E402
import peft  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
import trl  # noqa: E402

# Records keep their order; nothing else is written.
SAME = {"use_cpu": True, "train_sampling_strategy": "sequential", "save_strategy": "no", "report_to": "none", "disable_tqdm": True, "logging_steps": 1}
TRAINERS = {"sft": (trl.SFTTrainer, trl.SFTConfig), "dpo": (trl.DPOTrainer, trl.DPOConfig)}


class Metrics(transformers.TrainerCallback):
    def __init__(self, path):
        self.file = path.open("w")

    def on_log(self, args, state, control, logs=None, **_):
        if "loss" in logs or "objective/kl" in logs:
            print(json.dumps({"step": state.global_step, **logs}), file=self.file, flush=True)


def main():
    method, model, data, out, options = sys.argv[1:]
    options = json.loads(options)
    datasets.disable_progress_bars()
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    lora_r = options.pop("lora_r", None)
    lora = peft.LoraConfig(r=lora_r, lora_alpha=2 * lora_r, target_modules="all-linear", task_type="CAUSAL_LM") if lora_r else None
    trainer_class, config_class = TRAINERS[method]
    if method == "sft":
        options["assistant_only_loss"] = True
    rows = [json.loads(line) for line in pathlib.Path(data).read_text().splitlines()]
    trainer = trainer_class(
        model=transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32), peft_config=lora,
        processing_class=turns.with_marked_turns(transformers.AutoTokenizer.from_pretrained(model)),
        train_dataset=datasets.Dataset.from_list(rows), args=config_class(output_dir=out, **SAME, **options))
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(Metrics(pathlib.Path(out) / "metrics.jsonl"))
    trainer.train()


if __name__ == "__main__":
    main()
