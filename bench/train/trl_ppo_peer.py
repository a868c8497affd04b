"""trl_ppo_peer.py MODEL SCORES DATA OUT OPTIONS: PPO by the last TRL that has it, which peer.sh keeps beside the other. SCORES is the folder of a
reward model, from which the value model starts too. OUT/metrics.jsonl gets a line behind each batch of answers."""
import json
import pathlib
import sys

from trl_peer import SAME, Metrics
import datasets
import torch
import transformers
from trl.experimental.ppo import PPOConfig, PPOTrainer


def main():
    model, scores, data, out, options = sys.argv[1:]
    datasets.disable_progress_bars()
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(model, padding_side="left")
    tokenizer.pad_token = "<|endoftext|>"
    rows = [json.loads(line)["prompt"] for line in pathlib.Path(data).read_text().splitlines()]
    prompts = [{"input_ids": tokenizer.apply_chat_template(row, add_generation_prompt=True, return_dict=False)} for row in rows]
    policies = [transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32) for _ in range(2)]
    scorers = [transformers.AutoModelForSequenceClassification.from_pretrained(scores, dtype=torch.float32) for _ in range(2)]
    for one in scorers:
        one.config.pad_token_id = tokenizer.pad_token_id
    same = {**SAME}
    same.pop("train_sampling_strategy")  # it shuffles whatever is asked
    trainer = PPOTrainer(
        args=PPOConfig(output_dir=out, num_sample_generations=0, stop_token="eos", **same, **json.loads(options)), processing_class=tokenizer,
        model=policies[0], ref_model=policies[1], reward_model=scorers[0], value_model=scorers[1], train_dataset=datasets.Dataset.from_list(prompts))
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(Metrics(pathlib.Path(out) / "metrics.jsonl"))
    trainer.train()


if __name__ == "__main__":
    main()
