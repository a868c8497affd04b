"""Random templates rendered with jinja2 and with Orrery; prints what differs.

    fuzz_chat_templates.py [COUNT] [SEED] [TEST_BINARY]

Half of them are made from a grammar, half are mutations of the cases in chat_cases.py and the templates in chat_styles/.
"""

import pathlib
import random
import signal
import sys

import chat_cases
import chat_reference

NAMES = [n for n in chat_cases.DATA if n not in ("big", "floats")] + ["missing", "x", "y", "ns", "loop", "range"]
FILTERS = """abs attr('b') batch(2) capitalize center(5) count d('q') default('w') default('w',true) dictsort e escape first float
    forceescape format(1) groupby(0) indent int items join join(',') last length list lower map('upper') map('string')
    map(attribute='name') map(attribute=0) max min reject reject('odd') rejectattr('on') replace('a','b') reverse round round(1)
    safe select select('string') selectattr('age','gt',26) slice(2) sort sort(reverse=true) sort(attribute='name') string striptags
    sum sum(start=0.5) title tojson tojson(indent=2) tojson(ensure_ascii=true) trim truncate(5) unique upper urlencode wordcount
    wordwrap(5) xmlattr filesizeformat list list list first length string tojson nope""".split()
TESTS = """boolean callable defined divisibleby(2) eq(1) escaped even false filter float ge(1) gt(1) in([1,2]) integer iterable
    le(1) lower lt(1) mapping ne(1) none number odd sameas(none) sequence string test true undefined upper defined string""".split()
METHODS = """upper() lower() title() strip() split() split(',') split('l',1) rsplit() splitlines() startswith('H') endswith('!')
    find('l') count('l') replace('l','L') join(ls) items() keys() values() get('a') get('q',1) index(1) copy() isdigit() isalpha()
    zfill(9) center(9,'*') ljust(9) format(1,a=2) partition(' ') title() capitalize() swapcase() append(1) pop() encode
    removeprefix('He') islower() x y name content real bit_length() nope""".split()
LITERALS = """0 1 2 -1 7 10 1.5 -0.5 1e3 true false none 'a' 'b c' "it's" '' [] [1,2] {} {'a':1} (1,) () '%s' '%d' '{}' 'é東' 3.0 '1' '2.5'
    [none,'x'] {'b':[1]} 0.1 1e16""".split()
BINARY = "+ - * / // % ** ~ == != < <= > >= and or in".split() + ["not in", "+", "~", "=="]


class Grammar:
    def __init__(self, rng):
        self.rng = rng

    def pick(self, items):
        return self.rng.choice(items)

    def expression(self, depth=0):
        r = self.rng.random()
        if depth > 3 or r < 0.22:
            return self.pick(NAMES) if self.rng.random() < 0.6 else self.pick(LITERALS)
        sub = lambda: self.expression(depth + 1)
        if r < 0.40:
            return f"{sub()} {self.pick(BINARY)} {sub()}"
        if r < 0.55:
            return f"{self.paren(sub())}|{self.pick(FILTERS)}"
        if r < 0.63:
            return f"{self.paren(sub())} is {self.pick(['', '', 'not '])}{self.pick(TESTS)}"
        if r < 0.73:
            return f"{self.paren(sub())}.{self.pick(METHODS)}"
        if r < 0.80:
            return f"{self.paren(sub())}[{self.pick([sub, self.slice])()}]"
        if r < 0.84:
            return f"({sub()} if {sub()}{self.pick(['', ' else ' + sub()])})"
        if r < 0.88:
            return f"[{', '.join(sub() for _ in range(self.rng.randrange(4)))}]"
        if r < 0.91:
            return "{" + ", ".join(f"{self.pick(LITERALS)}: {sub()}" for _ in range(self.rng.randrange(3))) + "}"
        if r < 0.94:
            return f"{self.pick(['not ', '-', '+', 'not '])}{self.paren(sub())}"
        if r < 0.96:
            return f"range({self.rng.randrange(5)}, {self.rng.randrange(9)})"
        if r < 0.98:
            return f"m({', '.join(self.pick(['', 'b=', 'q=']) + sub() for _ in range(self.rng.randrange(3)))})"
        return f"({sub()}, {sub()})"

    def slice(self):
        part = lambda: self.pick(["", "", "1", "-1", "2", "0", "-2", "n", "99"])
        return f"{part()}:{part()}{self.pick(['', ':' + part()])}"

    def paren(self, text):
        return text if text.isalnum() or self.rng.random() < 0.2 else f"({text})"

    def tag(self, text):
        return "{%" + self.pick(["", "", "", "-", "+"]) + f" {text} " + self.pick(["", "", "", "-", "+"]) + "%}"

    def space(self):
        return self.pick(["", "", "", " ", "\n", "\n  ", "  ", " \n", "t", "a\n"])

    def body(self, depth):
        return "".join(self.space() + self.statement(depth) + self.space() for _ in range(self.rng.randrange(1, 4)))

    def statement(self, depth=0):
        r = self.rng.random()
        if depth > 2 or r < 0.4:
            return "{{" + self.pick(["", "-"]) + f" {self.expression()} " + self.pick(["", "-"]) + "}}"
        body = lambda: self.body(depth + 1)
        if r < 0.52:
            other = self.pick(["", self.tag("else") + body(), self.tag(f"elif {self.expression()}") + body()])
            return self.tag(f"if {self.expression()}") + body() + other + self.tag("endif")
        if r < 0.68:
            target = self.pick(["x", "x", "y", "x, y", "(x, y)"])
            condition = self.pick(["", "", f" if {self.expression()}", " recursive"])
            inside = self.pick(["", "", "{{ loop.index }}{{ loop.last }}", "{{ loop.length }}", self.tag(f"if {self.expression()}")
                                + self.tag(self.pick(["break", "continue"])) + self.tag("endif"), "{{ loop.previtem }}{{ loop.nextitem }}"])
            other = self.pick(["", "", self.tag("else") + body()])
            return self.tag(f"for {target} in {self.expression()}{condition}") + inside + body() + other + self.tag("endfor")
        if r < 0.80:
            target = self.pick(["x", "y", "s", "n", "x, y", "ns.x", "ns.y", "messages"])
            return self.tag(f"set {target} = {self.expression()}")
        if r < 0.84:
            return self.tag(f"set {self.pick(['x', 's', 'ns.x'])}{self.pick(['', ' | upper', ' | trim'])}") + body() + self.tag("endset")
        if r < 0.89:
            return self.tag(f"macro m(a, b={self.expression(2)})") + "{{ a }}" + body() + self.tag("endmacro") + "{{ m(1) }}"
        if r < 0.92:
            return self.tag(f"with x = {self.expression()}, n = x") + body() + self.tag("endwith")
        if r < 0.94:
            return self.tag(f"filter {self.pick(['upper', 'trim', 'indent(2)', 'replace(n, s)'])}") + body() + self.tag("endfilter")
        if r < 0.96:
            return self.tag("generation") + body() + self.tag("endgeneration")
        if r < 0.98:
            return self.tag("call m(2)") + body() + self.tag("endcall")
        return self.pick(["{# c #}", "{#- c -#}", "{% raw %} {{ x }} {% endraw %}", "{%- raw -%}\n a {%- endraw +%}"])

    def template(self):
        prologue = self.pick(["", "{% set ns = namespace(x=1, y=[]) %}", "{% macro m(a, b=2) %}<{{ a }}{{ b }}{{ caller() if caller }}>{% endmacro %}"])
        return prologue + self.body(0)


def mutate(rng, corpus):
    text = rng.choice(corpus)
    for _ in range(rng.randrange(1, 4)):
        i, j = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        j = min(j, i + 12)
        kind = rng.random()
        if kind < 0.4:
            text = text[:i] + text[j:]
        elif kind < 0.7:
            other = rng.choice(corpus)
            k = rng.randrange(len(other) + 1)
            text = text[:i] + other[k : k + rng.randrange(16)] + text[i:]
        else:
            text = text[:i] + rng.choice(list("{}%#-+|.,:()[]'\"~*/ \n0123xns")) + text[i:]
    return text


def render(template, contexts):
    """None for what takes too long or grows too large: Orrery has limits that jinja2 lacks."""
    if "**" in template:
        signal.alarm(2)
    try:
        return chat_reference.case(template, "data", contexts)
    except TimeoutError:
        return None
    finally:
        signal.alarm(0)


def main():
    count, seed = (int(argument) for argument in (sys.argv[1:3] + ["2000", "0"][len(sys.argv[1:3]) :]))
    rng = random.Random(seed)
    contexts = {"data": chat_cases.DATA}
    styles = [path.read_text() for path in (pathlib.Path(__file__).parent / "chat_styles").glob("*.jinja")]
    corpus = [template for template, _ in chat_cases.templates() if template] + styles

    def timeout(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, timeout)
    cases = []
    while len(cases) < count:
        template = Grammar(rng).template() if rng.random() < 0.5 else mutate(rng, corpus)
        case = render(template, contexts)
        # What only Orrery refuses, on purpose: integers past 64 bits, complex numbers, half surrogate pairs, pretty printing, …
        if case is None or len(case.get("o", "")) > 100000:
            continue
        cases.append(case)
    failed = chat_reference.compare(cases, contexts, sys.argv[3] if len(sys.argv) > 3 else None)
    print(f"{count} templates from seed {seed}, {sum('e' in case for case in cases)} of them errors:", "they differ" if failed else "all the same")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
