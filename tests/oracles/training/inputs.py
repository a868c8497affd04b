"""What both sides start from: tiny models with random weights in hub folders, adapters, and records in TRL's forms."""
import json

import peft
import torch
import transformers

ROWS = 42


def tokenizer(folder):
    """SmolLM2's, with a pad token of its own: where it is the end of a turn TRL's reward model looks one token earlier."""
    loaded = transformers.AutoTokenizer.from_pretrained(folder)
    loaded.pad_token = "<|endoftext|>"
    return loaded


def config():
    return transformers.LlamaConfig(
        vocab_size=49152, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=2048, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True, attention_dropout=0.0, bos_token_id=1,
        eos_token_id=2, pad_token_id=0, dtype="float32")


def write_model(folder, tokenizer_folder, scores=False):
    """A language model, or with a head of one score."""
    torch.manual_seed(7)
    made = config()
    made.num_labels = 1
    kind = transformers.LlamaForSequenceClassification if scores else transformers.LlamaForCausalLM
    kind(made).save_pretrained(folder)
    tokenizer(tokenizer_folder).save_pretrained(folder)


def write_adapter(folder, model, dora):
    """LoRA, or DoRA, of every linear, as after some training: B is not 0."""
    torch.manual_seed(11)
    base = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    lora = peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", rank_pattern={"down_proj": 4}, task_type="CAUSAL_LM",
                           use_dora=dora)
    adapted = peft.get_peft_model(base, lora)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.02)
    adapted.save_pretrained(folder)


def small(rows, size, part=lambda row: row):
    """The first ROWS of which a part has `size` characters at most."""
    fitting = [row for row in rows if len(json.dumps(part(row))) <= size]
    assert len(fitting) >= ROWS, f"{len(fitting)} rows of {size} characters at most, expected {ROWS}"
    return fitting[:ROWS]


def message(role, content):
    return {"role": role, "content": content}


def question(row):
    return row["instruction"] + ("\n" + row["input"] if row["input"] else "")


def turns(row):
    roles = {"human": "user", "gpt": "assistant", "system": "system"}
    return [message(roles[turn["from"]], turn["value"]) for turn in row["conversations"]]


def records(data):
    """Rows of each kind, by the file's name. Some of the longer ones do not fit into max_length."""
    instruct = small(json.loads((data / "instruct/alpaca_en_demo.json").read_text()), 700)
    pairs = small(json.loads((data / "preference/dpo_en_demo.json").read_text()), 400, lambda row: row["conversations"])
    labelled = small(json.loads((data / "preference/kto_en_demo.json").read_text()), 800)
    chats = []
    for i, row in enumerate(instruct):
        chat = [message("user", question(row)), message("assistant", row["output"])]
        if i % 3 == 0:  # some answer twice
            chat += [message("user", "Why?"), message("assistant", "Because " + row["output"][:80])]
        chats.append(chat)
    asked = [{"prompt": turns(row), "chosen": [message("assistant", row["chosen"]["value"])],
              "rejected": [message("assistant", row["rejected"]["value"])]} for row in pairs]
    return {
        "texts": [{"text": question(row) + "\n" + row["output"]} for row in instruct],
        "completions": [{"prompt": question(row) + "\n", "completion": row["output"]} for row in instruct],
        "conversations": [{"messages": chat} for chat in chats],
        "pairs": asked,
        "pairs with margins": [{**row, "margin": (i % 5) / 4} for i, row in enumerate(asked)],
        "string pairs": [{"prompt": "".join(one["content"] + "\n" for one in row["prompt"]), "chosen": row["chosen"][0]["content"],
                          "rejected": row["rejected"][0]["content"]} for row in asked],
        "labelled": [{"prompt": row["messages"][:-1], "completion": row["messages"][-1:], "label": row["label"]} for row in labelled],
    }


def write_records(data, folder):
    folder.mkdir()
    for name, rows in records(data).items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
