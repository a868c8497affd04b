"""Renders every template in a folder with jinja2 and with Orrery, over many conversations, and prints what differs.

    compare_chat_templates.py FOLDER [TEST_BINARY]

FOLDER holds *.jinja files (llama.cpp's models/templates, say) or tokenizer_config.json files.
"""

import json
import pathlib
import sys

import chat_conversations
import chat_reference


def templates(folder):
    for path in sorted(pathlib.Path(folder).rglob("*.jinja")):
        yield str(path), path.read_text()
    for path in sorted(pathlib.Path(folder).rglob("tokenizer_config.json")):
        given = json.loads(path.read_text()).get("chat_template")
        for item in given if isinstance(given, list) else [{"name": "default", "template": given}]:
            if item["template"]:
                yield f"{path}:{item['name']}", item["template"]


def main():
    contexts = chat_conversations.contexts()
    binary = sys.argv[2] if len(sys.argv) > 2 else None
    count = failed = raised = 0
    for name, template in templates(sys.argv[1]):
        cases = [chat_reference.case(template, context, contexts) for context in contexts]
        known = [case for case in cases if case is not None]
        count += len(known)
        raised += sum("e" in case for case in known)
        if chat_reference.compare(known, contexts, binary) != 0:
            print("DIFFERS:", name)
            failed += 1
    print(f"{count} renderings compared ({raised} of them errors), {failed} templates differ")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
