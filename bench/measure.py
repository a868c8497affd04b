"""Running programs for the bench: their output, the time to their first byte, their peak memory, and a busy neighbour."""
import contextlib
import os
import statistics
import subprocess
import sys
import time


def run(command, stdin=None, environment=None):
    """Standard output and standard error of a command that must succeed."""
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, text=True, errors="replace", env=environment)
    if done.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout, done.stderr


def first_byte_seconds(command):
    """From the start of the program to the first byte that it prints."""
    start = time.perf_counter()
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        first = os.read(child.stdout.fileno(), 1)
        seconds = time.perf_counter() - start
        child.stdout.read()
    if child.returncode or not first:
        sys.exit(f"bench: {' '.join(map(str, command))}: exit {child.returncode}, printed {'something' if first else 'nothing'}")
    return seconds


def peak_bytes(command, environment=None):
    """The largest resident set of a command, mapped file pages included, as the kernel counted it."""
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"bench: {' '.join(map(str, command))}: status {status}")
    return usage.ru_maxrss * 1024


@contextlib.contextmanager
def busy_core():
    """Another process spins on one core of those this process may use."""
    core = min(os.sched_getaffinity(0))
    spin = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile os.getppid() == {os.getpid()}:\n  for _ in range(10**6): pass"
    child = subprocess.Popen([sys.executable, "-c", spin])
    try:
        time.sleep(0.5)
        yield
    finally:
        child.kill()
        child.wait()


def in_turn(rounds, peer, ours):
    """Medians over rounds of peer and ours, run one after the other so that both see the same machine."""
    pairs = []
    for _ in range(rounds):
        pairs.append((peer(), ours()))
    return tuple(statistics.median(side) for side in zip(*pairs))
