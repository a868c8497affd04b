"""Writes tests/fixtures/chat/*.json: what jinja2, in the environment that transformers builds, makes of our templates.

    make_chat_fixture.py

language.json holds one case per feature (chat_cases.py), styles.json templates in the styles of hub models (chat_styles/*.jinja,
written for this test) over many conversations (chat_conversations.py).
"""

import itertools
import json
import pathlib

import chat_cases
import chat_conversations
import chat_reference

FOLDER = chat_reference.ROOT / "tests/fixtures/chat"
STYLES = pathlib.Path(__file__).parent / "chat_styles"


def dump(value):
    return json.dumps(value, ensure_ascii=False)


def write(name, cases, **tables):
    """One case or table entry a line, so that a change shows as a change of lines."""
    blocks = [f'"now": {dump(chat_reference.NOW.isoformat())}']
    for table, entries in tables.items():
        blocks.append(f'"{table}": {{\n' + ",\n".join(f"{dump(k)}: {dump(v)}" for k, v in entries.items()) + "}")
    blocks.append('"cases": [\n' + ",\n".join(map(dump, cases)) + "]")
    text = "{" + ",\n".join(blocks) + "}\n"
    (FOLDER / name).write_text(text)
    errors = sum("e" in case for case in cases)
    print(f"{name}: {len(cases)} cases, {errors} of them errors, {len(text.encode())} bytes")


def language():
    contexts = {"data": chat_cases.DATA}
    cases = []
    for template, context in chat_cases.templates():
        case = chat_reference.case(template, context, contexts)
        if case is None:
            print("left out (differs from run to run):", template)
        else:
            cases.append(case)
    write("language.json", cases, contexts=contexts)


def styles():
    contexts = chat_conversations.contexts()
    templates = {path.stem: path.read_text() for path in sorted(STYLES.glob("*.jinja"))}
    # Every conversation, half of them as they are and half with a prompt to come; one in four of the other variants.
    chosen = [c for i, c in enumerate(contexts) if c.split("/")[1] in ("plain", "prompt") and i // 6 % 2 == i % 6 or i % 4 == i // 24 % 4 and i % 6 > 1]
    cases, seen = [], set()
    for (name, template), context in itertools.product(templates.items(), chosen):
        case = chat_reference.case(template, context, contexts)
        outcome = dump({"t": name, **{k: v for k, v in case.items() if k in "oe"}}) if case else None
        if case and outcome not in seen:
            seen.add(outcome)
            cases.append({**case, "t": name})
    write("styles.json", cases, templates=templates, conversations=chat_conversations.CONVERSATIONS,
          variants={k: {**chat_conversations.BASE, **v} for k, v in chat_conversations.VARIANTS.items()})


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    language()
    styles()


if __name__ == "__main__":
    main()
