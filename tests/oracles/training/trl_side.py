"""The same run by TRL: a dictionary of metrics for each step."""
import json
import os
import warnings

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
warnings.simplefilter("ignore", FutureWarning)

import datasets
import peft
import torch
import transformers
import trl
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

import inputs
import turns

datasets.disable_progress_bars()
transformers.logging.disable_progress_bar()
transformers.logging.set_verbosity_error()

TRAINERS = {
    "sft": (trl.SFTTrainer, trl.SFTConfig),
    "dpo": (trl.DPOTrainer, trl.DPOConfig),
    "kto": (trl.KTOTrainer, trl.KTOConfig),
    "reward": (trl.RewardTrainer, trl.RewardConfig),
    "orpo": (ORPOTrainer, ORPOConfig),
    "simpo": (CPOTrainer, CPOConfig),
}
# float32, no recomputation, records in the file's order, nothing written
SAME = {"bf16": False, "gradient_checkpointing": False, "use_cpu": True, "train_sampling_strategy": "sequential", "save_strategy": "no",
        "report_to": "none", "disable_tqdm": True}


def model_of(case, folders):
    kind = transformers.AutoModelForSequenceClassification if case.method == "reward" else transformers.AutoModelForCausalLM
    model = kind.from_pretrained(folders[case.method == "reward"], dtype=torch.float32)
    return peft.PeftModel.from_pretrained(model, folders[case.adapter], is_trainable=True) if case.adapter else model


def tokenizer_of(case, folder):
    tokenizer = inputs.tokenizer(folder)
    if case.trl.get("assistant_only_loss"):
        turns.with_marked_turns(tokenizer)
    if case.method in ("orpo", "simpo"):
        tokenizer.bos_token = None  # these two put it before a prompt even where the tokenizer says that it adds none
    return tokenizer


def run(case, steps, records, folders, work):
    """folders: of the language model (False), the model with a score (True), and the adapters."""
    trainer_class, config_class = TRAINERS[case.method]
    rows = [json.loads(line) for line in records.read_text().splitlines()]
    settings = {**case.settings(), "max_steps": steps, **case.trl}
    args = config_class(output_dir=str(work / "trl"), **SAME, **settings)
    trainer = trainer_class(model=model_of(case, folders), args=args, train_dataset=datasets.Dataset.from_list(rows),
                            processing_class=tokenizer_of(case, folders[False]))
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    return [line for line in trainer.state.log_history if "loss" in line]
