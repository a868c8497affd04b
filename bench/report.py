"""Rows of the bench, printed as they are measured, and as a table in bench/README.md."""
import dataclasses
import pathlib

END = "<!-- to here -->"


@dataclasses.dataclass
class Row:
    what: str
    kind: str
    ours: str
    peer: str = ""
    ratio: str = ""
    bound: str = ""
    ok: bool | None = None  # None: no bound

    def cells(self):
        verdict = {True: "met", False: "**missed**", None: ""}[self.ok]
        return [self.what, self.kind, self.ours, self.peer, self.ratio, self.bound, verdict]


class Report:
    """header: lines about the machine and the versions."""

    def __init__(self, header, peer="llama.cpp"):
        self.header, self.peer, self.rows = header, peer, []
        print("\n".join(header), flush=True)

    def add(self, row):
        self.rows.append(row)
        print("  ".join(cell for cell in row.cells() if cell), flush=True)

    def against_peer(self, what, kind, peer, ours, bound=None, unit="tok/s"):
        """A rate of both: the bound is the least ratio ours / peer."""
        ratio = ours / peer
        self.add(Row(what, kind, f"{ours:.0f} {unit}", f"{peer:.0f} {unit}", f"{ratio:.2f}", f"≥ {bound} ×" if bound else "",
                     ratio >= bound if bound else None))

    def write(self, path: pathlib.Path, script):
        """Replaces the table that this script keeps in the file."""
        begin = f"<!-- bench/{script} writes from here -->"
        lines = [f"| what | file | Orrery | {self.peer} | ratio | bound | |", "|---|---|---|---|---|---|---|"]
        lines += ["| " + " | ".join(row.cells()) + " |" for row in self.rows]
        text = path.read_text()
        before = text.index(begin) + len(begin)
        after = text.index(END, before)
        table = "\n".join(["", *[f"- {line}" for line in self.header], "", *lines, ""])
        part = path.with_suffix(".part")
        part.write_text(text[:before] + table + text[after:])
        part.rename(path)
