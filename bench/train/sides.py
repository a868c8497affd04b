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
    ends: list  # seconds from the program's start to the end of each step
    peak: int  # bytes resident at most
    steps: list  # metrics of each

    @property
    def first(self):
        return self.ends[0]

    @property
    def last(self):
        return self.ends[-1]


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
    return Run(ends, usage.ru_maxrss * 1024, [json.loads(line) for line in metrics.read_text().splitlines()])


class Trl:
    python = programs.CACHE / "trl/bin/python"

    def __init__(self, threads):
        self.threads = threads

    def version(self):
        return ", ".join(line.strip().replace("==", " ") for line in open(HERE / "requirements.txt")) + " from PyPI"

    def ppo(self, model, scores, data, options):
        with tempfile.TemporaryDirectory() as folder:
            return watched([self.python, HERE / "trl_ppo_peer.py", model, scores, data, folder, json.dumps(options)], pathlib.Path(folder, "metrics.jsonl"),
                           {"OMP_NUM_THREADS": str(self.threads), "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "HF_HOME": folder,
                            "PYTHONPATH": f"{programs.CACHE}/trl-ppo"})

    def gemm_rate(self, bf16):
        """FLOP/s of torch's product of 1,024 rows with SmolLM2's widest matrix, the best of twenty: what a step could reach."""
        code = ("import sys, time, torch; torch.set_num_threads(int(sys.argv[1])); kind = torch.bfloat16 if sys.argv[2] == 'True' else torch.float32; "
                "x, w, best = torch.randn(1024, 576, dtype=kind), torch.randn(1536, 576, dtype=kind), 9.0\n"
                "for _ in range(20):\n start = time.perf_counter(); torch.nn.functional.linear(x, w); best = min(best, time.perf_counter() - start)\n"
                "print(2 * x.numel() * w.shape[0] / best)")
        done = subprocess.run([str(self.python), "-c", code, str(self.threads), str(bf16)], check=True, capture_output=True, text=True)
        return float(done.stdout)

    def score_model(self, model, folder):
        """A head of one score on the model, as transformers begins one."""
        code = ("import sys, torch, transformers as t; torch.manual_seed(1); a, b = sys.argv[1:]; "
                "t.AutoModelForSequenceClassification.from_pretrained(a, num_labels=1, dtype=torch.float32).save_pretrained(b); "
                "t.AutoTokenizer.from_pretrained(a).save_pretrained(b)")
        subprocess.run([str(self.python), "-c", code, str(model), str(folder)], check=True, capture_output=True)

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
