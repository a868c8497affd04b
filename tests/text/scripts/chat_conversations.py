"""Conversations of every shape that hub templates know: what the chat scripts render with."""

import copy
import itertools

BASE = {"tools": None, "documents": None, "add_generation_prompt": False,
        "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_current_temperature",
        "description": "Get the current temperature at a location.",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": 'The place, "City, Country" (e.g. Zürich)'},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "Unit"},
                "days": {"type": "array", "items": {"type": "integer"}, "default": [1, 2]},
                "options": {
                    "type": "object",
                    "properties": {"exact": {"type": "boolean"}, "ratio": {"type": ["number", "null"]}},
                    "required": ["exact"],
                },
            },
            "required": ["location"],
        },
        "return": {"type": "number"},
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Search the <web> & more",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string"}, "limit": {"type": "integer", "default": 10, "nullable": True}},
            "required": ["query"],
        },
    },
}
NO_ARGUMENTS = {"type": "function", "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}}
FLAT = {"name": "flat_tool", "description": "No function wrapper", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}}}


def call(name, arguments, identifier=None):
    out = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return {"id": identifier, **out} if identifier else out


S = {"role": "system", "content": "You are a helpful\nassistant. "}
U = {"role": "user", "content": "What is 2 + 2?"}
U2 = {"role": "user", "content": "  And <3> in 東京 & \"Zürich\"? 🦜\n"}
A = {"role": "assistant", "content": "It is 4."}
THINK = {"role": "assistant", "content": "<think>\nAdd them.\n</think>\n\nIt is 4."}
REASON = {"role": "assistant", "content": "It is 4.", "reasoning_content": "Let me add.\nDone."}
THINKING = {"role": "assistant", "content": "It is 4.", "thinking": "Let me add."}
PARTS = {"role": "user", "content": [{"type": "text", "text": "Look at "}, {"type": "image"}, {"type": "text", "text": "this."}]}
IMAGE_URL = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}, {"type": "text", "text": "?"}]}
ASSISTANT_PARTS = {"role": "assistant", "content": [{"type": "text", "text": "I see."}]}
THINK_PARTS = {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "I see."}]}
CALLS = {"role": "assistant", "content": "", "tool_calls": [call("get_current_temperature", {"location": "Paris, France", "unit": "celsius"}, "abcdef123")]}
CALLS_TEXT = {"role": "assistant", "content": "Let me look.", "tool_calls": [call("search", '{"query": "x", "limit": 3}', "call_0000")]}
CALLS_NONE = {"role": "assistant", "content": None, "tool_calls": [call("search", {"query": "a'b", "deep": {"k": [1, 2.5, None, True]}}, "abcdef124")]}
CALLS_TWO = {"role": "assistant", "content": None, "tool_calls": [call("search", {"query": "a"}, "abcdef125"), call("now", {}, "abcdef126")]}
CALLS_REASON = {"role": "assistant", "content": "", "reasoning_content": "I should search.", "tool_calls": [call("search", {"query": "a"}, "abcdef127")]}
CALLS_MISSING = {"role": "assistant", "tool_calls": [call("now", {})]}
RESULT = {"role": "tool", "name": "get_current_temperature", "tool_call_id": "abcdef123", "content": "22.0"}
RESULT2 = {"role": "tool", "name": "search", "tool_call_id": "call_0000", "content": '{"hits": ["a", "b"]}'}
RESULT_DICT = {"role": "tool", "name": "search", "tool_call_id": "abcdef124", "content": {"hits": [1, 2]}}
RESULT_PARTS = {"role": "tool", "tool_call_id": "abcdef125", "content": [{"type": "text", "text": "found"}]}
DEVELOPER = {"role": "developer", "content": "Be brief."}

CONVERSATIONS = {
    "user": [U],
    "system": [S, U],
    "turns": [U, A, U2],
    "system_turns": [S, U, A, U2, A],
    "ends_assistant": [U, A],
    "unicode": [U2],
    "parts": [PARTS],
    "parts_turns": [S, PARTS, ASSISTANT_PARTS, U],
    "image_url": [IMAGE_URL],
    "system_parts": [{"role": "system", "content": [{"type": "text", "text": "Sys"}]}, U],
    "developer": [DEVELOPER, U, A, U2],
    "think": [U, THINK, U2],
    "reasoning": [U, REASON, U2],
    "reasoning_last": [U, REASON],
    "thinking": [S, U, THINKING, U2],
    "think_parts": [U, THINK_PARTS, U2],
    "tool": [S, U, CALLS, RESULT],
    "tool_answer": [U, CALLS, RESULT, A, U2],
    "tool_text": [U, CALLS_TEXT, RESULT2],
    "tool_none": [U, CALLS_NONE, RESULT_DICT, A],
    "tool_two": [U, CALLS_TWO, RESULT_PARTS, RESULT2],
    "tool_reason": [S, U, CALLS_REASON, RESULT2, U2],
    "tool_missing": [U, CALLS_MISSING, RESULT],
    "no_content": [{"role": "user"}],
    "null_content": [{"role": "user", "content": None}],
    "empty_content": [{"role": "system", "content": ""}, {"role": "user", "content": ""}],
    "two_users": [U, U2],
    "two_assistants": [U, A, A],
    "assistant_first": [A, U],
    "system_late": [U, A, S, U2],
    "unknown_role": [{"role": "narrator", "content": "x"}, U],
    "ipython": [U, {"role": "assistant", "content": "x"}, {"role": "ipython", "content": {"output": 1}}],
    "number_content": [{"role": "user", "content": 42}],
    "prefix": [U, {"role": "assistant", "content": "It", "prefix": True}],
    "empty": [],
}

DOCUMENTS = [{"title": "One", "text": "First text."}, {"title": "Two", "text": "Second \"text\".", "id": 7}]

VARIANTS = {
    "plain": {},
    "prompt": {"add_generation_prompt": True},
    "tools": {"tools": [WEATHER, SEARCH], "add_generation_prompt": True},
    "tools_more": {"tools": [SEARCH, NO_ARGUMENTS, FLAT], "add_generation_prompt": False},
    "documents": {"documents": DOCUMENTS, "add_generation_prompt": True},
    "options": {
        "add_generation_prompt": True,
        "enable_thinking": False,
        "thinking": True,
        "reasoning_effort": "low",
        "date_string": "01 Jan 2025",
        "tools_in_user_message": False,
        "builtin_tools": ["browser", "python"],
        "model_identity": "I am Orrery.",
        "xml_tools": ["a"],
        "citation_mode": "fast",
        "keep_past_thinking": True,
        "preserve_thinking": True,
    },
}


def contexts():
    """name -> context, as apply_chat_template passes them (tools and documents are None when absent)."""
    out = {}
    for (conversation, messages), (variant, extra) in itertools.product(CONVERSATIONS.items(), VARIANTS.items()):
        out[f"{conversation}/{variant}"] = copy.deepcopy({"messages": messages, **BASE, **extra})
    return out
