"""Renders chat templates with the original: jinja2 in the environment that transformers builds.

Needs `pip install jinja2 transformers`. The other chat scripts here import it.
"""

import datetime
import json
import os
import pathlib
import subprocess
import tempfile

import transformers.utils.chat_template_utils as hub

NOW = datetime.datetime(2024, 7, 26, 15, 4, 5, 123456)
ROOT = pathlib.Path(__file__).resolve().parents[3]


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


hub.datetime = FixedTime


def render(template, context):
    """{"o": text} or {"e": message}; None where the outcome is not the same on every run or cannot be written down."""
    try:
        text = hub._cached_compile_jinja_template(template).render(**context)
        text.encode()
    except UnicodeEncodeError:
        return None
    except Exception as error:  # whatever a template can raise
        raised = type(error).__name__ == "TemplateError"
        return {"e": str(error), "raised": True} if raised else {"e": f"{type(error).__name__}: {error}"[:200]}
    if " at 0x" in text.lower():
        return None
    return {"o": text}


def case(template, context_name, contexts):
    outcome = render(template, json.loads(json.dumps(contexts[context_name])))
    return None if outcome is None else {"t": template, "c": context_name, **outcome}


def document(cases, contexts):
    return {"now": NOW.isoformat(), "contexts": contexts, "cases": [c for c in cases if c is not None]}


def compare(cases, contexts, binary=None):
    """Runs the test that renders the cases with Orrery; prints every difference. Returns the number of cases that differ."""
    binary = binary or os.environ.get("ORRERY_TEST_TEXT", str(ROOT / "build/bin/test_text"))
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(document(cases, contexts), file, ensure_ascii=False)
    try:
        run = subprocess.run(
            [binary, "--gtest_filter=ChatTemplateCases.FromEnvironment"],
            env={**os.environ, "ORRERY_CHAT_CASES": file.name},
            capture_output=True,
            text=True,
            errors="replace",
        )
    finally:
        os.unlink(file.name)
    if run.returncode != 0:
        print(run.stdout[-20000:], run.stderr[-2000:])
    return run.returncode
