"""The two programs that the bench compares, each behind the same few questions. Rates are tokens per second."""
import datetime
import json
import os
import pathlib
import platform
import re

import measure

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "orrery"
NAME = "SmolLM2-135M-Instruct"


def model(kind):
    """The default model's file of a kind; a path stands for itself."""
    return kind if isinstance(kind, pathlib.Path) else CACHE / "bench" / f"{NAME}.{kind}.gguf"


def machine(threads):
    """The processor, its bandwidth and the versions of both programs, of the peer where it was built; a line each."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    facts = Orrery().bench("Q4_1", threads, 1, 16)
    return [f"{datetime.date.today()}: {cpu}, {len(os.sched_getaffinity(0))} cores, read bandwidth {facts['memory_bandwidth_gb_per_second']:.1f} GB/s on {threads} threads, "
            f"kernels: {facts['isa']}", Orrery().version(), *([Peer().version()] if Peer.bin.exists() else [])]


class Peer:
    """llama.cpp, from bench/peer.sh."""

    bin = CACHE / "peer/build/bin"
    name = "llama.cpp"

    def version(self):
        package = next(line.split()[1] for line in open(ROOT / "setup/downloads.txt") if line.startswith("peer "))
        cmake = (CACHE / "peer/configure.log").read_text()
        version = re.search(r"llama.cpp version: (\S+)", cmake)
        return f"llama.cpp {version.group(1) if version else '?'} from {package}, native build"

    def _bench(self, kind, threads, *what):
        out, _ = measure.run([self.bin / "llama-bench", "-m", model(kind), "-t", threads, "-r", 1, "-o", "json", *what])
        return json.loads(out)[0]["avg_ts"]

    def prompt(self, kind, threads, tokens):
        return self._bench(kind, threads, "-p", tokens, "-n", 0)

    def decode(self, kind, threads, tokens):
        return self._bench(kind, threads, "-p", 0, "-n", tokens)

    def decode_many(self, kind, threads, sequences, prompt, tokens):
        out, _ = measure.run([self.bin / "llama-batched-bench", "-m", model(kind), "-t", threads, "-c", 8192, "-b", 2048, "-npp", prompt,
                              "-ntg", tokens, "-npl", sequences, "--output-format", "jsonl"])
        return json.loads(out.strip().splitlines()[-1])["speed_tg"]

    def mean_kl(self, kind, text, threads):
        """Of the quantised run against the same file's values in float32."""
        exact, base = CACHE / "bench/exact.gguf", CACHE / "bench/exact.logits"
        try:
            measure.run([self.bin / "llama-quantize", "--allow-requantize", model(kind), exact, "F32"])
            shared = ["-f", text, "-c", 512, "-t", threads, "--kl-divergence-base", base]
            measure.run([self.bin / "llama-perplexity", "-m", exact, "-ctk", "f32", "-ctv", "f32", *shared])
            out, err = measure.run([self.bin / "llama-perplexity", "-m", model(kind), *shared, "--kl-divergence"])
        finally:
            exact.unlink(missing_ok=True)
            base.unlink(missing_ok=True)
        return float(re.search(r"Mean\s+KLD:\s*([-\d.e]+)", out + err).group(1))

    def answer(self, kind, prompt, tokens):
        out, _ = measure.run([self.bin / "llama-completion", "-m", model(kind), "-p", prompt, "-n", tokens, "--temp", 0, "-t", 2, "-no-cnv",
                              "--no-display-prompt"])
        return out.strip()


class Orrery:
    bin = ROOT / "build/bin/orrery"
    name = "Orrery"

    def version(self):
        described, _ = measure.run(["git", "-C", ROOT, "describe", "--always", "--dirty"])
        return f"Orrery {described.strip()}"

    def bench(self, kind, threads, prompt, decode, sequences=1, *what):
        """The report of `orrery bench`."""
        out, _ = measure.run(self.command(kind, threads, prompt, decode, sequences, *what))
        return json.loads(out)

    def command(self, kind, threads, prompt, decode, sequences=1, *what):
        return [self.bin, "bench", model(kind), "--threads", threads, "--prompt", prompt, "--decode", decode, "--sequences", sequences, "--json",
                *what]

    def prompt(self, kind, threads, tokens):
        return self.bench(kind, threads, tokens, 1)["prompt_tokens_per_second"]

    def decode(self, kind, threads, tokens):
        return self.bench(kind, threads, 1, tokens)["decode_tokens_per_second"]

    def decode_many(self, kind, threads, sequences, prompt, tokens):
        return self.bench(kind, threads, 0, tokens, sequences, "--depth", prompt)["decode_tokens_per_second"]

    def mean_kl(self, kind, text, threads):
        out, _ = measure.run([self.bin, "perplexity", model(kind), text, "--threads", threads, "--kl", "--json"])
        return json.loads(out)["mean_kl"]

    def answer(self, kind, prompt, tokens):
        out, _ = measure.run([self.bin, "run", model(kind), prompt, "--raw", "--temperature", 0, "--max-tokens", tokens, "--threads", 2])
        return out.strip()

    def first_token_seconds(self, kind, prompt, threads):
        return measure.first_byte_seconds([self.bin, "run", model(kind), prompt, "--raw", "--temperature", 0, "--max-tokens", 1, "--threads",
                                           threads])

    def token_count(self, kind, prompt):
        out, _ = measure.run([self.bin, "tokenize", model(kind), "--ids", prompt])
        return len(out.split())
