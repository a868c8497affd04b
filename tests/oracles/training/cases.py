"""What is trained on both sides. Options have TRL's names, which are those of `orrery train`, with dashes."""
import dataclasses

STEPS = 20

# 42 records in batches of 4: the eleventh step of an epoch has two, and twenty steps go into the second epoch.
COMMON = {
    "max_steps": STEPS,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "learning_rate": 1e-3,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 3,
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "logging_steps": 1,
    "max_length": 128,
}


@dataclasses.dataclass
class Case:
    name: str
    method: str
    records: str  # a file that inputs.py writes
    options: dict = dataclasses.field(default_factory=dict)
    trl: dict = dataclasses.field(default_factory=dict)  # options that only TRL needs
    ours: dict = dataclasses.field(default_factory=dict)  # options that only Orrery needs
    adapter: str = ""  # "lora" or "dora": one of these learns on, else all weights

    def settings(self):
        return {**COMMON, **self.options}


def dpo(loss, adapter="", **options):
    name = f"dpo {loss}" + {"": "", "lora": ", LoRA", "dora": ", DoRA"}[adapter]
    return Case(name, "dpo", "pairs", {"loss_type": loss, "beta": 0.1, **options}, adapter=adapter)


# TRL learns a conversation's last newline where it is given as prompt and completion; Orrery ends at the end of turn, as TRL does with
# assistant_only_loss and a template that marks turns so (inputs.py).
CHAT = {"assistant_only_loss": True}

CASES = [
    Case("sft, text", "sft", "texts"),
    Case("sft, prompt and completion", "sft", "completions"),
    Case("sft, conversations", "sft", "conversations", trl=CHAT),
    Case("sft, two micro-batches", "sft", "conversations", {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}, trl=CHAT),
    Case("sft, packed", "sft", "conversations", {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 2, "max_length": 256},
         trl={**CHAT, "packing": True}, ours={"packing": "true"}),
    Case("sft, LoRA", "sft", "conversations", trl=CHAT, adapter="lora"),
    Case("sft, DoRA", "sft", "conversations", trl=CHAT, adapter="dora"),
    dpo("sigmoid"),
    dpo("hinge"),
    dpo("ipo"),
    dpo("robust", label_smoothing=0.1),
    dpo("apo_zero"),
    dpo("nca_pair"),
    dpo("sigmoid", "lora"),
    dpo("sigmoid", "dora"),
    # Rows are not cut here: TRL pairs a prompt with another row's whole completion and then cuts.
    Case("kto", "kto", "labelled", {"max_length": 1024, "beta": 0.1, "desirable_weight": 1.0, "undesirable_weight": 1.5}),
    Case("orpo", "orpo", "string pairs", {"beta": 0.1}),
    Case("simpo", "simpo", "string pairs", {"beta": 2.0, "simpo_gamma": 0.5, "cpo_alpha": 0.0}, trl={"loss_type": "simpo"}),
    Case("simpo, with likelihood", "simpo", "string pairs", {"beta": 2.0, "simpo_gamma": 1.0, "cpo_alpha": 1.0}, trl={"loss_type": "simpo"}),
    # TRL leaves out rows that are too long.
    Case("reward", "reward", "pairs", {"max_length": 256, "center_rewards_coefficient": 0.01}, ours={"truncation_mode": "drop"}),
    Case("reward, margins", "reward", "pairs with margins", {"max_length": 256}, ours={"truncation_mode": "drop"}),
]
