"""Random templates rendered with jinja2 and with Orrery; prints what differs.

    fuzz_chat_templates.py [COUNT] [SEED] [TEST_BINARY]

Half of them are made from a grammar, half are mutations of the cases in chat_cases.py and the templates in chat_styles/.
"""

import pathlib
import random
import re
import resource
import signal
import sys

import chat_cases
import chat_reference

# What yields which type: text templates with a letter for each part, i int, f float, s text, l list, d dict, b bool, a anything.
ALTERNATIVES = {
    "i": r"""0 ; 1 ; 2 ; 7 ; -1 ; 10 ; n ; m ; z ; {i} + {i} ; {i} - {i} ; {i} * {i} ; {i} // 3 ; {i} % 4 ; -{i} ; {s}|length ; {l}|length ;
        {l}|count ; {s}.find({s}) ; {s}.count({s}) ; {s}.rfind('l') ; {f}|int ; {s}|int ; {s}|int({i}) ; {i}|abs ; {s}|wordcount ;
        range({i})|length ; users|sum(attribute='age') ; loop.index ; loop.index0 ; loop.revindex ; loop.length ; loop.depth ; l|sum ;
        l|max ; l|min ; l[0] ; l[-1] ; ns.x ; {d}|length ; big % 10 ; ({i} if {b} else {i}) ; users|map(attribute='age')|sum ;
        {l}|select|list|length ; dd.x.y.z[0] ; users[0].age ; {i} ** 2""",
    "f": r"""0.5 ; 1.5 ; -2.25 ; f ; tiny ; huge ; {f} + {i} ; {f} * {f} ; {i} / 4 ; {f} - {f} ; {i}|float ; {s}|float ; {f}|round ;
        {f}|round(2) ; {f}|round(1, 'floor') ; {i}|round(-1) ; {f} // 2 ; {f} % 3 ; {f}|abs ; floats[{i} % 11] ; {i}|round(2, 'ceil')""",
    "s": r"""'a' ; 'Hello' ; "it's" ; '' ; ' x ' ; 'a,b' ; s ; u ; sp ; html ; lines|e ; messages[0].role ; messages[1]['content'] ;
        users[0].name ; {s} + {s} ; {s} ~ {a} ; {a} ~ {a} ; {s} * 2 ; {s}.upper() ; {s}.lower() ; {s}.title() ; {s}.strip() ;
        {s}.strip('ab') ; {s}.replace({s}, {s}) ; {s}.replace('l', {s}, 1) ; {s}.capitalize() ; {s}[{i}:] ; {s}[:{i}] ; {s}[::-1] ;
        {s}[{i}:{i}:2] ; {s}|upper ; {s}|lower ; {s}|title ; {s}|capitalize ; {s}|trim ; {s}|e ; {s}|safe ; {s}|string ; {a}|string ;
        {a}|tojson ; {l}|join ; {l}|join({s}) ; {l}|join(', ') ; {s}|replace({s}, {s}) ; {s}|center({i}) ; {s}|truncate(9) ;
        {s}|truncate({i} + 3, true) ; {s}|indent ; {s}|indent(2, true) ; {s}|reverse ; {s}|striptags ; {s}|urlencode ; {s}|wordwrap(7) ;
        {s}|format({a}) ; '%s' % {a} ; '%s|%s' % ({a}, {a}) ; '%05d' % {i} ; '%.2f' % {f} ; '%r' % {a} ; '%5s' % {s} ; '{}'.format({a}) ;
        '{:>9}'.format({s}) ; '{:05d}'.format({i}) ; '{:,.2f}'.format({f}) ; '{0}{1!r}'.format({a}, {s}) ; {s}.center(9, '*') ;
        {s}.ljust({i}) ; {s}.zfill(6) ; {s}.removeprefix('H') ; {s}.swapcase() ; {s}.casefold() ; {s}.expandtabs(4) ;
        {s}.partition('l')[2] ; {l}|string ; {d}|tojson(indent=2) ; {d}|tojson(sort_keys=true) ; {d}|tojson(separators=(',', ':')) ;
        {a}|default({s}) ; missing|default({s}) ; {i}|filesizeformat ; {f}|string ; ({s} if {b} else {s}) ; x ; y ; m({a}) ; m({a}, b={a})
        ; {s}.split('l')|first ; {s}.splitlines()|join('/') ; loop.cycle('p', 'q') ; ', '.join(ls) ; {s}|forceescape ; {d}.get('b', {s}) ;
        strftime_now('%Y') ; {s} % () ; {s}.join(ls) ; {s}|d(b, true) ; {s}.lstrip('H') ; {s}.rstrip()""",
    "l": r"""[] ; l ; ls ; el ; nested ; users ; messages ; floats ; tree ; [{a}] ; [{i}, {i}] ; [{s}, {s}] ; [{a}, {a}, {a}] ; ({a}, {s}) ;
        ({a},) ; {l} + {l} ; {l}[1:] ; {l}[::-1] ; {l}[{i}:] ; {s}.split() ; {s}.split(',') ; {s}.split('l', 1) ; {s}.splitlines() ;
        {s}.rsplit(none, 1) ; {s}|list ; {l}|list ; range({i})|list ; range({i}, 9, 2)|list ; {d}|list ; {d}.keys()|list ;
        {d}.values()|list ; {d}.items()|list ; d|dictsort ; {l}|reverse|list ; {l}|unique|list ; {l}|map('string')|list ;
        {l}|map('upper')|list ; users|map(attribute='name')|list ; users|selectattr('on')|list ; users|rejectattr('age', 'gt', 26)|list ;
        {l}|select('string')|list ; {l}|reject('none')|list ; {l}|select('defined')|list ; l|sort ; ls|sort ; ls|sort(case_sensitive=true)
        ; l|sort(reverse=true) ; users|sort(attribute='name') ; users|groupby('age') ; {l}|batch(2)|list ; {l}|batch(2, {a})|list ;
        {l}|slice(2)|list ; {l} * 2 ; {l}|map('default', {a})|list ; dd.x.y.z ; {l}|map('length')|list ; {l}|select|list ; ns.y ; json.a ;
        messages|selectattr('role', 'equalto', 'user')|list ; {s}.partition(' ') ; users|map(attribute='on', default={a})|list ; [{l},
        {d}] ; ({l} if {b} else {l}) ; {d}|items|list""",
    "d": r"""{{}} ; d ; dd ; ed ; json ; users[0] ; messages[0] ; {{'a': {a}}} ; {{'a': {a}, 'b': {a}}} ; {{{i}: {a}}} ; dict(a={a}) ; dict(d,
        q={a}) ; {d}.copy() ; dd.x ; ({d} if {b} else {d}) ; messages|first ; users|last ; namespace(a={a})""",
    "b": r"""true ; false ; t ; {a} == {a} ; {a} != {a} ; {i} < {i} ; {s} <= {s} ; {f} > {i} ; {s} in {s} ; {a} in {l} ; {s} in {d} ; {s} not
        in {d} ; not {a} ; {b} and {b} ; {b} or {b} ; {a} is defined ; {a} is none ; {a} is string ; {a} is mapping ; {a} is iterable ;
        {a} is sequence ; {a} is number ; {a} is not string ; {a} is boolean ; {a} is integer ; {a} is float ; {a} is callable ; {i} is
        odd ; {i} is even ; {i} is divisibleby(3) ; {i} is gt(2) ; {s} is lower ; {s} is upper ; {a} is eq({a}) ; {a} is in({l}) ;
        {s}.startswith('H') ; {s}.endswith({s}) ; {s}.isdigit() ; {s}.isalpha() ; {s}.isspace() ; {s}.islower() ; {a} is true ; missing is
        undefined ; d.{k} is defined ; loop.first ; loop.last ; loop.changed({a}) ; {i} < {i} <= {i} ; {a} is sameas none ; {s} is escaped""",
    "a": r"""{i} ; {f} ; {s} ; {s} ; {s} ; {l} ; {d} ; {b} ; none ; no ; missing ; missing.x ; d.{k} ; {l}[{i}] ; {d}['a'] ; {a} and {a} ; {a}
        or {a} ; ({a} if {b}) ; {l}|first ; {l}|last ; {d}.get('a') ; {s}|attr('x') ; x ; y ; ns ; loop.previtem ; loop.nextitem ;
        {l}|map('abs') ; {l}|max ; {l}|min ; {l}|sum ; {l}|sort ; tools ; {a}.x ; ({a}, {a})""",
}
ALTERNATIVES = {kind: [" ".join(part.split()) for part in text.split(";")] for kind, text in ALTERNATIVES.items()}
KEYS = "a b items nope content name role".split()


class Grammar:
    def __init__(self, rng):
        self.rng = rng
        self.loops = 0

    def pick(self, items):
        return self.rng.choice(items)

    def expression(self, kind="a", depth=0):
        if self.rng.random() < 0.02:
            kind = self.pick("ifsldba")
        choices = ALTERNATIVES[kind]
        if self.loops == 0:
            choices = [c for c in choices if "loop" not in c]
        if depth > 3:
            choices = [c for c in choices if "{" not in c or c == "{{}}"] or ["n"]
        text, out, i = self.pick(choices), "", 0
        while i < len(text):
            if text.startswith(("{{", "}}"), i):
                out += text[i]
                i += 2
            elif text[i] == "{" and text[i + 1 : i + 3] in [k + "}" for k in "ifsldbak"]:
                out += self.part(text[i + 1], depth)
                i += 3
            else:
                out += text[i]
                i += 1
        return out

    def part(self, kind, depth):
        if kind == "k":
            return self.pick(KEYS)
        text = self.expression(kind, depth + 1)
        return text if text.isalnum() or self.rng.random() < 0.05 else f"({text})"

    def tag(self, text):
        return "{%" + self.pick(["", "", "", "-", "+"]) + f" {text} " + self.pick(["", "", "", "-", "+"]) + "%}"

    def space(self):
        return self.pick(["", "", "", " ", "\n", "\n  ", "  ", " \n", "t", "a\n"])

    def body(self, depth):
        return "".join(self.space() + self.statement(depth) + self.space() for _ in range(self.rng.randrange(1, 4)))

    def statement(self, depth=0):
        r = self.rng.random()
        if depth > 2 or r < 0.45:
            return "{{" + self.pick(["", "-"]) + f" {self.expression()} " + self.pick(["", "-"]) + "}}"
        body = lambda: self.body(depth + 1)
        if r < 0.56:
            other = self.pick(["", self.tag("else") + body(), self.tag(f"elif {self.expression('b')}") + body()])
            return self.tag(f"if {self.expression('b')}") + body() + other + self.tag("endif")
        if r < 0.70:
            target, source = self.pick([("x", "l"), ("x", "l"), ("y", "s"), ("x, y", "d"), ("x", "d"), ("(x, y)", "d")])
            iterable = self.part(source, 1) + (".items()" if "," in target else "")
            condition = self.pick(["", "", "", f" if {self.expression('b')}", " recursive"])
            self.loops += 1
            inside = self.pick(["", "", "{{ loop.index }}{{ loop.last }}", "{{ loop.length }}", "{{ loop.previtem }}{{ loop.nextitem }}",
                                self.tag(f"if {self.expression('b')}") + self.tag(self.pick(["break", "continue"])) + self.tag("endif")])
            other = self.pick(["", "", self.tag("else") + body()])
            inside += body()
            self.loops -= 1
            return self.tag(f"for {target} in {iterable}{condition}") + inside + other + self.tag("endfor")
        if r < 0.82:
            target, kind = self.pick([("x", "a"), ("y", "a"), ("s", "s"), ("n", "i"), ("ns.x", "i"), ("ns.y", "l"), ("l", "l"), ("d", "d")])
            if self.rng.random() < 0.1:
                return self.tag(f"set x, y = {self.expression()}, {self.expression()}")
            return self.tag(f"set {target} = {self.expression(kind)}")
        if r < 0.86:
            return self.tag(f"set {self.pick(['x', 's', 'ns.z'])}{self.pick(['', ' | upper', ' | trim'])}") + body() + self.tag("endset")
        if r < 0.90:
            return self.tag(f"macro m(a, b={self.expression('a', 2)})") + "{{ a }}" + body() + self.tag("endmacro") + "{{ m(1) }}"
        if r < 0.92:
            return self.tag(f"with x = {self.expression()}, n = x") + body() + self.tag("endwith")
        if r < 0.94:
            return self.tag(f"filter {self.pick(['upper', 'trim', 'indent(2)', 'replace(s, ls[0])'])}") + body() + self.tag("endfilter")
        if r < 0.96:
            return self.tag("generation") + body() + self.tag("endgeneration")
        if r < 0.98:
            return self.tag("call m(2)") + body() + self.tag("endcall")
        return self.pick(["{# c #}", "{#- c -#}", "{% raw %} {{ x }} {% endraw %}", "{%- raw -%}\n a {%- endraw +%}"])

    def template(self):
        prologue = "{% set ns = namespace(x=1, y=[]) %}{% macro m(a, b=2) %}<{{ a }}{{ b }}{{ caller() if caller }}>{% endmacro %}"
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


# Where Orrery differs on purpose: integers past 64 bits, and jinja2's own slips with constants ("-2 ** n" is -(2 ** n), a constant
# that cannot be sliced is undefined where it is printed).
def differs_on_purpose(template, case):
    text = case.get("o", "")
    return (
        len(text) > 100000
        or re.search(r"\d{19}", text)
        or re.search(r"<class '|<Namespace", text)
        or re.search(r"-\s*[\d.]+\)*\s*\*\*", template)
        or re.search(r"[}\d]\)*\[[^\]]*:", template)
    )


def render(template, contexts):
    """None for what takes too long or too much memory: Orrery has limits that jinja2 lacks."""
    signal.alarm(2)
    try:
        case = chat_reference.case(template, "data", contexts)
    except (TimeoutError, MemoryError):
        return None
    finally:
        signal.alarm(0)
    return None if case is None or re.match("TimeoutError|MemoryError|OverflowError", case.get("e", "")) else case


def main():
    count, seed = (int(argument) for argument in (sys.argv[1:3] + ["2000", "0"][len(sys.argv[1:3]) :]))
    rng = random.Random(seed)
    contexts = {"data": chat_cases.DATA}
    styles = [path.read_text() for path in (pathlib.Path(__file__).parent / "chat_styles").glob("*.jinja")]
    corpus = [template for template, _ in chat_cases.templates() if template] + styles

    def timeout(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, timeout)
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    cases = []
    while len(cases) < count:
        template = Grammar(rng).template() if rng.random() < 0.5 else mutate(rng, corpus)
        case = render(template, contexts)
        if case is not None and not differs_on_purpose(template, case):
            cases.append(case)
    failed = chat_reference.compare(cases, contexts, sys.argv[3] if len(sys.argv) > 3 else None)
    print(f"{count} templates from seed {seed}, {sum('e' in case for case in cases)} of them errors:", "they differ" if failed else "all the same")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
