"""One good request to each path whose answers take their time, and the answer held to /openapi.json."""
import json
import os
import sys
import urllib.request

import jsonschema_rs

BASE_URL = os.environ["ORRERY_BASE_URL"]
HELLO = [{"role": "user", "content": "Hello"}]
FILE = {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGVsbG8="}}
NOW = {"type": "function", "function": {"name": "now"}}
MUST = {"max_tokens": 30, "tool_choice": "required", "parallel_tool_calls": False, "tools": [NOW]}

REQUESTS = [
    ("/v1/chat/completions", {"messages": HELLO, "max_tokens": 3, "logprobs": True, "top_logprobs": 2, "n": 2}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [FILE, {"type": "text", "text": "Say it."}]}], "max_tokens": 3}),
    ("/v1/chat/completions", {"messages": HELLO, **MUST}),
    ("/v1/completions", {"prompt": ["Once", "upon"], "max_tokens": 3, "logprobs": 1}),
    ("/v1/responses", {"input": "Hello", "max_output_tokens": 3}),
    ("/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_file", "file_data": "SGVsbG8="}]}], "max_output_tokens": 3}),
    ("/v1/responses", {"input": "?", "max_output_tokens": 30, "tools": [{"type": "function", "name": "now"}], "tool_choice": "required"}),
    ("/v1/embeddings", {"input": ["Hello", "you"]}),
    ("/v1/embeddings", {"input": "Hello", "encoding_format": "base64"}),
    ("/api/chat", {"model": "smollm2", "messages": HELLO, "stream": False, "options": {"num_predict": 3}}),
    ("/api/generate", {"model": "smollm2", "prompt": "Hello", "stream": False, "options": {"num_predict": 3}}),
]


def ask(path, body=None):
    headers = {"Authorization": "Bearer " + os.environ["ORRERY_KEY"], "Content-Type": "application/json"}
    request = urllib.request.Request(BASE_URL + path, json.dumps(body).encode() if body else None, headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def validator(document, schema):
    return jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})


def main():
    document = ask("/openapi.json")
    failed = 0
    for path, body in REQUESTS:
        operation = document["paths"][path]["post"]
        asked = operation["requestBody"]["content"]["application/json"]["schema"]
        answered = operation["responses"]["200"]["content"]["application/json"]["schema"]
        for what, schema, value in (("request", asked, body), ("answer", answered, ask(path, body))):
            for error in validator(document, schema).iter_errors(value):
                failed = 1
                print(f"{path}: the {what} does not keep to the document: {error}\n{json.dumps(value)}", file=sys.stderr)
    print(f"{len(REQUESTS)} answers keep to the document" if not failed else "answers.py failed")
    return failed


sys.exit(main())
