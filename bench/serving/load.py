"""Clients of an OpenAI-compatible server at 127.0.0.1, for the bench: each a connection with one request after the other."""
import asyncio
import json
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import time
import urllib.request

WORDS = pathlib.Path(__file__).with_name("words.txt").read_text().split()


def text_of(words, seed):
    """So many words (about as many tokens), the same for a seed."""
    chosen = random.Random(seed)
    return " ".join(chosen.choice(WORDS) for _ in range(words))


class Running:
    """A server process, until the end of the with block."""

    def __init__(self, command, path="/health"):
        self.command, self.path = command, path

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.child = subprocess.Popen([*map(str, self.command), "--port", str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.path}", timeout=1):
                    return self
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"bench: {self.command} does not answer")

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def resident_bytes(self):
        for line in open(f"/proc/{self.child.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as reply:
            return reply.read().decode()


async def ask(port, path, body):
    """Streams one answer: seconds to its first token, seconds in all, its last usage, its text."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    data = json.dumps(body).encode()
    start = time.perf_counter()
    writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
                 f"Connection: close\r\n\r\n".encode() + data)
    first, usage, pieces, status = None, None, [], await reader.readline()
    if b" 200 " not in status:
        raise SystemExit(f"bench: {status} {await reader.read(2000)}")
    async for line in reader:
        if not line.startswith(b"data: {"):
            continue
        if first is None and (b'"content":"' in line or b'"text":"' in line) and b'"content":""' not in line:
            first = time.perf_counter() - start
        if b'"usage":{' in line:
            usage = json.loads(line[6:])["usage"]
        pieces.append(line)
    writer.close()
    return first, time.perf_counter() - start, usage, pieces


def answer_text(pieces):
    return "".join(choice["delta"].get("content") or "" for line in pieces for choice in json.loads(line[6:])["choices"])


async def clients(port, count, each, body_of):
    """count clients, each asking `each` times: body_of(client, round). Every answer."""
    async def one(client):
        return [await ask(port, "/v1/chat/completions", body_of(client, turn)) for turn in range(each)]
    return [answer for answers in await asyncio.gather(*(one(client) for client in range(count))) for answer in answers]


def measure(port, count, each, body_of):
    """Tokens per second of prompts and answers together, the same of answers, first tokens' times at 50 and 99 %."""
    start = time.perf_counter()
    answers = asyncio.run(clients(port, count, each, body_of))
    seconds = time.perf_counter() - start
    firsts = sorted(first if first is not None else total for first, total, _, _ in answers)
    prompt = sum(usage["prompt_tokens"] for _, _, usage, _ in answers)
    written = sum(usage["completion_tokens"] for _, _, usage, _ in answers)
    return {"tokens_per_second": (prompt + written) / seconds, "written_per_second": written / seconds, "requests_per_second": len(answers) / seconds,
            "first_p50": statistics.median(firsts), "first_p99": firsts[min(len(firsts) - 1, int(0.99 * len(firsts)))], "seconds": seconds,
            "answers": answers}


def open_streams(port, count, body):
    """count streams that were begun and are not read: their sockets."""
    data = json.dumps(body).encode()
    request = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data
    sockets = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(request)
        sockets.append(connection)
    return sockets


def raise_file_limit():
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if os.cpu_count():
    raise_file_limit()
