"""What the tests of each client know of the server that run.sh has started."""
import os
import time
import urllib.request

BASE_URL = os.environ["ORRERY_BASE_URL"]
KEY = os.environ["ORRERY_KEY"]
SHORT_KEY = os.environ["ORRERY_SHORT_KEY"]  # of two requests a minute
MODEL = "smollm2"

CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
PARIS = "The capital of France is Paris."  # at temperature 0

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def running():
    """How many sequences the engine computes or has waiting."""
    request = urllib.request.Request(BASE_URL + "/metrics", headers={"Authorization": "Bearer " + KEY})
    with urllib.request.urlopen(request, timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    names = ("vllm:num_requests_running{", "vllm:num_requests_waiting{")
    return sum(int(line.split()[-1]) for line in lines if line.startswith(names))


def comes_to(count, tries=600):
    """Whether so many come to run, sooner or later."""
    for _ in range(tries):
        if running() == count:
            return True
        time.sleep(0.05)
    return False
