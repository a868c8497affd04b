"""Holds the grammars of JSON schemas against the PyPI package jsonschema.

    python3 -m venv venv && venv/bin/pip install jsonschema rfc3339-validator
    venv/bin/python tests/text/scripts/json_schema_check.py DRIVER [SCHEMAS [SEED]]     (DRIVER: json_schema_driver.cc, built)

First the labels of tests/fixtures/sampling/json_schemas.json. Then SCHEMAS random schemas: every text that the masks lead to parses
and validates; valid documents in declared order are accepted in three layouts; changed documents that do not validate are refused.
"""
import json
import random
import re
import subprocess
import sys
from pathlib import Path

from jsonschema import Draft202012Validator

FIXTURE = Path(__file__).parents[2] / "fixtures/sampling/json_schemas.json"


def parsed(text):
    """The document, or ValueError; half surrogate pairs count as errors, as the grammar has it."""
    value = json.loads(text)
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def validator(schema):
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def is_valid(schema, text):
    try:
        return validator(schema).is_valid(parsed(text))
    except ValueError:  # json's and UTF-8's
        return False


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, schema, documents, count, seed):
        job = {"schema": schema, "documents": documents, "count": count, "seed": seed}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


WORDS = ["a", "ab", "id", "name", "é", "日本", "x y", 'q"', "b\\", "longer_name", "n\n"]
PATTERNS = [("^[a-f0-9]{2,5}$", "ab12"), ("^x(yz)*$", "xyzyz"), ("b+", "abbc"), ("^(on|off)$", "on"), ("^[^\"\\\\]{1,3}$", "né!"),
            ("^\\d{3}-\\d{2}$", "123-45"), ("^a|z$", "abc")]
FORMATS = {"date": "2024-02-29", "time": "12:34:56Z", "date-time": "1999-12-31T23:59:59+01:00",
           "uuid": "123e4567-e89b-12d3-a456-426614174000", "email": "a.b@example.org", "ipv4": "10.0.255.1"}


class Schemas:
    """Random schemas, and for each a way to write a valid document."""

    def __init__(self, rng):
        self.rng = rng
        self.defs = {}

    def make(self, depth):
        kinds = ["string", "integer", "number", "boolean", "null", "enum", "const", "any_of", "type_list"]
        if depth > 0:
            kinds += ["object", "array", "tuple", "map", "all_of", "ref"] * 2
        return getattr(self, self.rng.choice(kinds))(depth)

    def string(self, _):
        r = self.rng
        kind = r.randrange(4)
        if kind == 0:
            pattern, text = r.choice(PATTERNS)
            return {"type": "string", "pattern": pattern}, lambda: text
        if kind == 1:
            name = r.choice(list(FORMATS))
            return {"type": "string", "format": name}, lambda: FORMATS[name]
        low, schema = r.randrange(4), {"type": "string"}
        high = low + r.randrange(6)
        if r.random() < 0.5:
            schema["minLength"] = low
        else:
            low = 0
        if r.random() < 0.5:
            schema["maxLength"] = high
        alphabet = "ab\"\\/\n\t\u0001é日😀\u007f\u2028"
        return schema, lambda: "".join(r.choice(alphabet) for _ in range(r.randint(low, high)))

    def bounds(self, integer):
        r = self.rng
        span = r.choice([3, 20, 1000, 10**6, 10**15])
        low = r.randint(-span, span)
        high = low + r.randint(2, span)
        if not integer and r.random() < 0.7:
            low, high = low + r.randrange(100) / 100, high + r.randrange(1000) / 1000
        schema = {}
        if r.random() < 0.8:
            schema[r.choice(["minimum", "exclusiveMinimum"])] = low
        if r.random() < 0.8:
            schema[r.choice(["maximum", "exclusiveMaximum"])] = high
        return schema, low, high

    def integer(self, _):
        schema, low, high = self.bounds(True)
        return {"type": "integer", **schema}, lambda: self.rng.randint(low + 1, high - 1)

    def number(self, _):
        schema, low, high = self.bounds(False)

        def value():
            x = round(self.rng.uniform(low, high), self.rng.randrange(4))
            text = f"{x:.6f}".rstrip("0").rstrip(".")
            x = float(text) if "." in text else int(text)
            return x if low < x < high else (low + high) / 2
        return {"type": "number", **schema}, value

    def boolean(self, _):
        return {"type": "boolean"}, lambda: self.rng.random() < 0.5

    def null(self, _):
        return {"type": "null"}, lambda: None

    def enum(self, _):
        values = self.rng.sample(["red", 1, 2.5, None, True, ["a", {"b": 1}], {"k": [1, 2]}, "é\n\""], 3)
        return {"enum": values}, lambda: self.rng.choice(values)

    def const(self, _):
        value = self.rng.choice(["x", 7, {"a": None}, [1]])
        return {"const": value}, lambda: value

    def any_of(self, depth):
        ways = [self.make(depth - 1) for _ in range(self.rng.randint(1, 3))]
        return {"anyOf": [schema for schema, _ in ways]}, lambda: self.rng.choice(ways)[1]()

    def type_list(self, _):
        types = self.rng.sample(["string", "integer", "boolean", "null"], 2)
        values = {"string": "é", "integer": 12, "boolean": True, "null": None}
        return {"type": types}, lambda: values[self.rng.choice(types)]

    def object(self, depth):
        r = self.rng
        names = r.sample(WORDS, r.randint(0, 5))
        properties = {name: self.make(depth - 1) for name in names}
        required = [name for name in names if r.random() < 0.5]
        schema = {"type": "object", "properties": {name: properties[name][0] for name in names}}
        if required:
            schema["required"] = r.sample(required, len(required))
        more = None
        if r.random() < 0.6:
            more = r.choice([False, self.make(depth - 1)])
            schema["additionalProperties"] = more[0] if more else False
        if r.random() < 0.2:
            schema["title"] = "T"
        # An object without properties is free-form.
        def value():
            out = {name: properties[name][1]() for name in names if name in required or r.random() < 0.5}
            if more and r.random() < 0.5:
                for name in ["zz", "abc", "na", 'q"x']:
                    if r.random() < 0.4:
                        out[name] = more[1]()
            return out
        return schema, value

    def map(self, depth):
        item = self.make(depth - 1)
        return ({"type": "object", "additionalProperties": item[0]},
                lambda: {name: item[1]() for name in self.rng.sample(WORDS, self.rng.randrange(3))})

    def array(self, depth):
        r = self.rng
        item = self.make(depth - 1)
        low, schema = r.randrange(3), {"type": "array", "items": item[0]}
        high = low + r.randrange(4)
        if r.random() < 0.5:
            schema["minItems"] = low
        if r.random() < 0.5:
            schema["maxItems"] = high
        return schema, lambda: [item[1]() for _ in range(r.randint(low, high))]

    def tuple(self, depth):
        r = self.rng
        items = [self.make(depth - 1) for _ in range(r.randint(1, 3))]
        rest = self.make(depth - 1) if r.random() < 0.5 else None
        schema = {"type": "array", "prefixItems": [schema for schema, _ in items]}
        low = len(items)
        if rest:
            schema["items"] = rest[0]
        if r.random() < 0.5:
            low = schema["minItems"] = r.randint(0, len(items))

        def value():
            n = r.randint(low, len(items) + (2 if rest else 0))
            return [items[i][1]() if i < len(items) else rest[1]() for i in range(n)]
        return schema, value

    def all_of(self, depth):
        a, b = self.make(depth - 1), self.make(depth - 1)
        one = {"type": "object", "properties": {"a": a[0]}, "required": ["a"]}
        two = {"properties": {"b": b[0], "a": True}}

        def value():
            out = {"a": a[1]()}
            if self.rng.random() < 0.5:
                out["b"] = b[1]()
            return out
        return {"allOf": [one, two]}, value

    def ref(self, depth):
        name = f"d/{len(self.defs)}~"
        self.defs[name] = None
        self.defs[name], value = self.make(depth - 1)
        return {"$ref": "#/$defs/" + name.replace("~", "~0").replace("/", "~1")}, value

    def root(self):
        schema, value = self.make(3)
        if self.defs:
            schema = {"$defs": self.defs, **schema}
        return schema, value


def changed(value, rng):
    """The document with one thing in it different."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        kind = rng.randrange(3)
        if kind == 0:
            return {k: v for k, v in value.items() if k != key}
        if kind == 1:
            return {**value, "unknown": 1}
        return {**value, key: changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        i = rng.randrange(len(value))
        kind = rng.randrange(3)
        return value[:i] + ([] if kind == 0 else [value[i], value[i]] if kind == 1 else [changed(value[i], rng)]) + value[i + 1:]
    if isinstance(value, str):
        return value + "x" if rng.random() < 0.5 else value[:-1]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return rng.choice([value + 1, value - 1, value * 10, -value, value + 0.001, round(value / 3, 2)])
    return rng.choice([None, True, 0, "", [], {}])


def layouts(value):
    yield json.dumps(value, ensure_ascii=False)
    yield json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    yield json.dumps(value, ensure_ascii=False, indent=2)


def plain_number(text):
    """Bounded numbers are written without exponents, and integers without a point."""
    return not re.search(r"\d[eE]", text)


def main():
    driver = Driver(sys.argv[1])
    problems = 0

    def complain(what, schema, text):
        nonlocal problems
        problems += 1
        if problems <= 20:
            print(f"{what}: {text}\n  {json.dumps(schema, ensure_ascii=False)}")

    for case in json.loads(FIXTURE.read_text()):
        schema = case["schema"]
        # json.loads takes NaN and the like; regular expressions differ where "python" is false.
        if case.get("python") is False:
            continue
        for label in ["valid", "narrower", "invalid"]:
            for text in case.get(label, []):
                if is_valid(schema, text) != (label != "invalid"):
                    complain(f"labelled {label}", schema, text)
        for text in driver.run(schema, [], 30, 1).get("texts", []):
            if text is not None and not is_valid(schema, text):
                complain("generated", schema, text)

    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    tally = {"schemas": 0, "refused schemas": 0, "generated": 0, "unfinished": 0, "valid": 0, "invalid": 0}
    for i in range(count):
        rng = random.Random(seed * 1000003 + i)
        schema, value = Schemas(rng).root()
        good, bad = [], []
        for _ in range(6):
            document = value()
            texts = [text for text in layouts(document) if plain_number(text)]
            if not all(is_valid(schema, text) for text in texts):
                continue
            good += texts
            for _ in range(4):
                text = json.dumps(changed(document, rng), ensure_ascii=False)
                if not is_valid(schema, text):
                    bad.append(text)
        answer = driver.run(schema, good + bad, 10, i)
        if "error" in answer:
            tally["refused schemas"] += 1
            if tally["refused schemas"] <= 10:
                print(answer["error"], json.dumps(schema, ensure_ascii=False))
            continue
        tally["schemas"] += 1
        tally["valid"] += len(good)
        tally["invalid"] += len(bad)
        for text, accepted in zip(good, answer["accepts"]):
            if not accepted:
                complain("valid but refused", schema, text)
        for text, accepted in zip(bad, answer["accepts"][len(good):]):
            if accepted:
                complain("invalid but accepted", schema, text)
        for text in answer["texts"]:
            tally["generated" if text is not None else "unfinished"] += 1
            if text is not None and '"0000-' in text:  # a year of RFC 3339, and none of Python's datetime
                continue
            if text is not None and not is_valid(schema, text):
                complain("generated", schema, text)
    print(tally, f"{problems} problems")
    return problems > 0


if __name__ == "__main__":
    sys.exit(main())
