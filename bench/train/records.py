"""The records that both programs train on, in TRL's forms, a file for each number of steps."""
import json
import pathlib

import programs

DATA = programs.ROOT / "../shared/data"


def conversations():
    """alpaca_en_demo as messages."""
    for row in json.loads((DATA / "instruct/alpaca_en_demo.json").read_text()):
        asked = row["instruction"] + ("\n" + row["input"] if row["input"] else "")
        yield {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": row["output"]}]}


def pairs():
    """dpo_en_demo as prompts and two answers."""
    roles = {"human": "user", "gpt": "assistant", "system": "system"}
    for row in json.loads((DATA / "preference/dpo_en_demo.json").read_text()):
        turns = [{"role": roles[turn["from"]], "content": turn["value"]} for turn in row["conversations"]]
        yield {"prompt": turns, **{side: [{"role": "assistant", "content": row[side]["value"]}] for side in ("chosen", "rejected")}}


def prompts():
    """The short ones of alpaca_en_demo, without their answers."""
    for row in conversations():
        if len(row["messages"][0]["content"]) <= 200:
            yield {"prompt": row["messages"][:1]}


def write(rows, count, path: pathlib.Path):
    """The first `count` rows."""
    path.write_text("".join(json.dumps(row) + "\n" for _, row in zip(range(count), rows)))
    return path
