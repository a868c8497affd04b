"""Two panels of lines over the length of the context, both axes logarithmic, as an SVG."""
import math

COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b"]
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 430, 330, 62, 34, 14, 44


def length_text(tokens):
    return f"{tokens // 1024}k"


class Panel:
    def __init__(self, x, title, rows, value, tick_text):
        self.x, self.title, self.rows, self.value, self.tick_text = x, title, rows, value, tick_text
        self.lengths = sorted({row["depth"] for row in rows})
        values = [value(row) for row in rows]
        self.low, self.high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)

    def place(self, length, value):
        span = math.log(self.lengths[-1] / self.lengths[0]) or 1
        right = (WIDTH - LEFT - RIGHT) * math.log(length / self.lengths[0]) / span
        up = (HEIGHT - TOP - BOTTOM) * (math.log10(value) - self.low) / (self.high - self.low)
        return self.x + LEFT + right, HEIGHT - BOTTOM - up

    def svg(self, colours):
        yield f'<text x="{self.x + LEFT}" y="20" font-weight="bold">{self.title}</text>'
        for exponent in range(self.low, self.high + 1):
            x, y = self.place(self.lengths[0], 10**exponent)
            yield f'<path d="M{x:.1f} {y:.1f}H{self.x + WIDTH - RIGHT}" stroke="#ddd"/>'
            yield f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{self.tick_text(10**exponent)}</text>'
        for length in self.lengths:
            x, y = self.place(length, 10**self.low)
            yield f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{length_text(length)}</text>'
        for name, colour in colours.items():
            points = [self.place(row["depth"], self.value(row)) for row in self.rows if row["name"] == name]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)


def plot(rows):
    names = list(dict.fromkeys(row["name"] for row in rows))
    colours = dict(zip(names, COLOURS))
    panels = [
        Panel(0, "milliseconds per token", rows, lambda row: row["ms_per_token"], lambda value: f"{value:g}"),
        Panel(WIDTH, "memory of the sequence, MiB", rows, lambda row: row["bytes"] / 2**20, lambda value: f"{value:g}"),
    ]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{HEIGHT + 24}" '
        f'font-family="sans-serif" font-size="12">',
        f'<rect width="{2 * WIDTH}" height="{HEIGHT + 24}" fill="white"/>',
    ]
    for panel in panels:
        lines += panel.svg(colours)
    for i, (name, colour) in enumerate(colours.items()):
        x = LEFT + i * (2 * WIDTH - LEFT) // len(colours)
        lines.append(f'<rect x="{x}" y="{HEIGHT + 4}" width="12" height="12" fill="{colour}"/>')
        lines.append(f'<text x="{x + 17}" y="{HEIGHT + 14}">{name}</text>')
    return "\n".join([*lines, "</svg>\n"])
