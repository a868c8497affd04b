"""Turns an asciinema cast (version 2) of plain output into an animated SVG: cast_to_svg.py IN.cast OUT.svg

Knows line feeds, carriage returns, wrapping and "erase to the end of the line"; other escape sequences are passed over. Text
appears when it did in the recording and stays; a program that shows no animation shows the end. The reader's own monospaced
font is used, held to the grid by textLength.
"""
import html
import json
import re
import sys

CELL, LINE, MARGIN, BAR = 7.82, 18, 16, 30  # px; the width is 0.6 of the height of the letters, as in most such fonts
HOLD = 4.0  # seconds that the end stays before it begins again
TICK = 0.04  # seconds; what comes closer together appears together
TOKENS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[^\[]|[\r\n]|[^\x1b\r\n]")


def cells(lines, columns):
    """The screen at the end: per row a list of (character, time of appearing)."""
    rows, row, column, tick = [[]], 0, 0, 0.0
    for time, kind, text in lines:
        if kind != "o":
            continue
        tick = tick if time - tick < TICK else time
        for token in TOKENS.findall(text):
            if token == "\n":
                row += 1
            elif token == "\r":
                column = 0
            elif token.startswith("\x1b"):
                if token.endswith("K"):
                    del rows[row][column:]
            else:
                if column == columns:
                    row, column = row + 1, 0
                while len(rows) <= row:
                    rows.append([])
                rows[row] += [(" ", tick)] * (column - len(rows[row]))
                rows[row][column : column + 1] = [(token, tick)]
                column += 1
            while len(rows) <= row:
                rows.append([])
    while rows and not rows[-1]:
        rows.pop()
    return rows


def runs(row):
    """Stretches of a row that appeared together: (column, text, time)."""
    out = []
    for column, (character, time) in enumerate(row):
        if out and out[-1][2] == time:
            out[-1][1] += character
        else:
            out.append([column, character, time])
    return [run for run in out if run[1].strip()]


def main(source, target):
    header, *lines = [json.loads(line) for line in open(source, encoding="utf-8")]
    rows = cells(lines, header["width"])
    end = max(time for row in rows for _, time in row)
    width = header["width"] * CELL + 2 * MARGIN
    height = len(rows) * LINE + BAR + MARGIN
    texts, styles = [], {}
    for y, row in enumerate(rows):
        typed = row and row[0][0] == "$"
        for column, text, time in runs(row):
            lead = len(text) - len(text.lstrip())
            text, column = text.strip(), column + lead
            name = styles.setdefault(time, f"t{len(styles)}")
            texts.append(
                f'<text class="{name}{" c" if typed else ""}" x="{MARGIN + column * CELL:.1f}" y="{BAR + (y + 0.7) * LINE:.1f}" '
                f'textLength="{len(text) * CELL:.1f}">{html.escape(text, quote=False)}</text>'
            )
    total = end + HOLD
    css = [
        f"text{{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d6dae2;white-space:pre}}",
        ".c{fill:#8bd5a0}",
        "@media(prefers-reduced-motion:reduce){text{animation:none!important}}",
    ]
    for time, name in styles.items():
        at = 100 * time / total
        css.append(f"@keyframes {name}{{0%{{opacity:0}}{at:.2f}%,100%{{opacity:1}}}}.{name}{{animation:{name} {total:.2f}s step-end infinite}}")
    dots = "".join(f'<circle cx="{MARGIN + 4 + 16 * i}" cy="15" r="5" fill="#4a5060"/>' for i in range(3))
    with open(target, "w", encoding="utf-8") as svg:
        svg.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
            f'aria-label="A terminal in which orrery answers two questions">\n<style>{"".join(css)}</style>\n'
            f'<rect x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8" fill="#1b1e26" stroke="#4a5060"/>\n{dots}\n'
            + "\n".join(texts)
            + "\n</svg>\n"
        )


main(*sys.argv[1:])
