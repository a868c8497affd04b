"""The two programs that train, each behind the same question: how did this run go?"""
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import programs

HERE = pathlib.Path(__file__).parent


@dataclasses.dataclass
class Run:
    first: float  # seconds from the program's start to the end of its first step
    last: float  # and of its last
    peak: int  # bytes resident at most
    steps: list  # metrics of each


def watched(command, metrics, environment):
    """A command that must succeed, and that writes a line to the file `metrics` behind each step. The peak is the kernel's, of the largest
    process in it."""
    ends = []
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], stdout=errors, stderr=errors, env={**os.environ, **environment})
        done = 0
        while not done:
            time.sleep(0.01)
            done, status, usage = os.wait4(child.pid, os.WNOHANG)
            steps = metrics.read_text().count("\n") if metrics.exists() else 0
            ends += [time.perf_counter() - start] * (steps - len(ends))
        child.returncode = status
        if status or not ends:
            errors.seek(0)
            sys.exit(f"bench: {' '.join(map(str, command))}: status {status}, {len(ends)} steps\n{errors.read()[-2000:]}")
    return Run(ends[0], ends[-1], usage.ru_maxrss * 1024, [json.loads(line) for line in metrics.read_text().splitlines()])


class Trl:
    python = programs.CACHE / "trl/bin/python"

    def __init__(self, threads):
        self.threads = threads

    def version(self):
        return ", ".join(line.strip().replace("==", " ") for line in open(HERE / "requirements.txt")) + " from PyPI"

    def train(self, method, model, data, options):
        with tempfile.TemporaryDirectory() as folder:
            return watched([self.python, HERE / "trl_peer.py", method, model, data, folder, json.dumps(options)], pathlib.Path(folder, "metrics.jsonl"),
                           {"OMP_NUM_THREADS": str(self.threads), "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "HF_HOME": folder})


class Orrery:
    bin = programs.Orrery.bin

    def __init__(self, threads):
        self.threads = threads

    def version(self):
        return programs.Orrery().version()

    def train(self, method, model, data, options):
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        with tempfile.TemporaryDirectory() as folder:
            run = pathlib.Path(folder, "run")
            return watched([self.bin, "train", method, "--model", model, "--data", data, "--out", run, "--no-shuffle", "--logging-steps", 1, "--quiet",
                            "--threads", self.threads, *flags], run / "metrics.jsonl", {})
