"""Lines over logarithmic axes as an SVG: panels side by side, each with named series of points."""
import math

COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b"]
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 430, 330, 62, 34, 14, 44


class Panel:
    """series: {name: [(x, y)]}; x_text writes a mark of the x axis."""

    def __init__(self, title, series, x_text):
        self.title, self.series, self.x_text, self.x = title, series, x_text, 0
        points = [point for line in series.values() for point in line]
        self.marks = sorted({x for x, _ in points})
        self.low, self.high = math.floor(math.log10(min(y for _, y in points))), math.ceil(math.log10(max(y for _, y in points)) + 1e-9)

    def place(self, x, y):
        span = math.log(self.marks[-1] / self.marks[0]) or 1
        right = (WIDTH - LEFT - RIGHT) * math.log(x / self.marks[0]) / span
        up = (HEIGHT - TOP - BOTTOM) * (math.log10(y) - self.low) / (self.high - self.low)
        return self.x + LEFT + right, HEIGHT - BOTTOM - up

    def svg(self, colours):
        yield f'<text x="{self.x + LEFT}" y="20" font-weight="bold">{self.title}</text>'
        for exponent in range(self.low, self.high + 1):
            x, y = self.place(self.marks[0], 10**exponent)
            yield f'<path d="M{x:.1f} {y:.1f}H{self.x + WIDTH - RIGHT}" stroke="#ddd"/>'
            yield f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{10**exponent:g}</text>'
        for mark in self.marks:
            x, y = self.place(mark, 10**self.low)
            yield f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{self.x_text(mark)}</text>'
        for name, line in self.series.items():
            points = [self.place(*point) for point in line]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            yield f'<polyline points="{path}" fill="none" stroke="{colours[name]}" stroke-width="2"/>'
            yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colours[name]}"/>' for x, y in points)


def plot(panels):
    colours = dict(zip(dict.fromkeys(name for panel in panels for name in panel.series), COLOURS))
    width, height = len(panels) * WIDTH, HEIGHT + 24
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for i, panel in enumerate(panels):
        panel.x = i * WIDTH
        lines += panel.svg(colours)
    for i, (name, colour) in enumerate(colours.items()):
        x = LEFT + i * (width - LEFT) // len(colours)
        lines.append(f'<rect x="{x}" y="{HEIGHT + 4}" width="12" height="12" fill="{colour}"/>')
        lines.append(f'<text x="{x + 17}" y="{HEIGHT + 14}">{name}</text>')
    return "\n".join([*lines, "</svg>\n"])
