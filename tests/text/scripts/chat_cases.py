"""Templates that exercise each statement, operator, filter, test, method and global, errors included. One line, one claim."""

DATA = {
    "n": 7, "m": -3, "z": 0, "f": 2.5, "big": 9007199254740993, "tiny": 1e-7, "huge": 1e22, "t": True, "no": None,
    "s": "Hello, World!", "u": "Straße ǆ Ωσς İ 東京 🦜", "e": "", "sp": "  a b\tc\n d  ", "html": "<b class=\"x\">'a' & b</b>",
    "lines": "one\ntwo\r\nthree\n\nfive\u2028six",
    "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "nested": [[1, 2], [3, [4, "x'y"]], {"k": None}], "el": [],
    "d": {"b": 1, "a": 2, "C": 3, "items": "an item", "pop": 9}, "ed": {}, "dd": {"x": {"y": {"z": [10, 20]}}},
    "users": [{"name": "Bob", "age": 30, "city": "ny", "on": True}, {"name": "alice", "age": 25, "city": "LA", "on": False},
              {"name": "Carl", "age": 30, "city": "NY"}],
    "floats": [0.1, 1.0, 100.0, 1e16, 123456789012345680.0, 1.5e300, 5e-324, 0.0001, 0.00001, -0.0, 3.14159],
    "tree": [{"v": 1, "c": [{"v": 2, "c": []}, {"v": 3, "c": [{"v": 4, "c": []}]}]}, {"v": 5, "c": []}],
    "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}], "tools": None,
    "json": {"a": [1, 2.0, True, None, "q\"\\/\n\t\u0001\u007f\u00e9\u2028🦜"], "b": {}, "c": [], "z": "</script>"},
}

STATEMENTS = r"""
plain text {# comment #} more
{{ 1 }}{{- 2 -}}  {{ 3 }}
a {%- if true %} b {% endif -%} c
{% if n %}x{% elif z %}y{% else %}w{% endif %}{% if z %}x{% elif n %}y{% else %}w{% endif %}{% if z %}x{% elif no %}y{% else %}w{% endif %}
{% for x in l %}{{ x }},{% endfor %}
{% for x in el %}{{ x }}{% else %}none{% endfor %}
{% for x in missing %}{{ x }}{% else %}none{% endfor %}
{% for x in no %}{{ x }}{% endfor %}
{% for x in 5 %}{{ x }}{% endfor %}
{% for x in s %}{{ x }}|{% endfor %}{% for x in u %}{{ x }}|{% endfor %}
{% for k in d %}{{ k }}{% endfor %}{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k, v in d|items %}{{ k }}{{ v }}{% endfor %}
{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}
{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}
{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{{ loop.nope is defined }}{% endfor %}
{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 2) }}{% endfor %}
{% for x in l %}{{ loop.cycle() }}{% endfor %}
{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ loop.last }};{% endfor %}
{% for x in l|select('gt', 1) %}{{ loop.last }}{{ loop.length }}{{ x }}{{ loop.index }};{% endfor %}
{% for x in l if x > 9 %}{{ x }}{% else %}no{% endfor %}
{% for x in l %}{{ loop }}{{ loop|length }}{{ loop is iterable }}{{ loop is callable }}{{ loop is sequence }}{% endfor %}
{% for a, b in [(1, 2), [3, 4], 'xy'] %}{{ a }}-{{ b }};{% endfor %}
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
{% for a, b in [(1,)] %}{{ a }}{% endfor %}
{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for x in l %}{% for y in ls %}{{ x }}{{ y }}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}
{% for x in l %}{% set outer = loop %}{% for y in ls %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}
{% for x in range(6) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in l %}{% continue %}{% else %}E{% endfor %}|{% for x in l %}{% break %}{% else %}E{% endfor %}|{% for x in l %}{% if loop.last %}{% break %}{% endif %}{% else %}E{% endfor %}
{% for x in l %}{% set y %}a{% break %}{% endset %}{% endfor %}{{ y }}
{% for node in tree recursive %}{{ loop.depth }}:{{ node.v }}[{{ loop(node.c) }}]{% endfor %}
{% for node in tree recursive %}{{ node.v }}{% if node.c %}({{ loop(node.c) }}){% endif %}{% else %}-{% endfor %}
{% for x in l %}{{ loop(x) }}{% endfor %}
{% break %}
{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{% for loop in l %}{% endfor %}
{% for x in l %}{% set loop = 1 %}{% endfor %}
{% set x = 5 %}{{ x }}{% set x = x + 1 %}{{ x }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d) = 'xy' %}{{ c }}{{ d }}{% set q = 1, %}{{ q }}
{% set x = 0 %}{% for y in l %}{% set x = x + y %}{{ x }};{% endfor %}{{ x }}
{% set ns = namespace(x=0) %}{% for y in l %}{% set ns.x = ns.x + y %}{% endfor %}{{ ns.x }}{{ ns }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns['b'] }}{{ ns.c is defined }}{{ ns.c }}|{{ ns.items is defined }}
{% set ns = namespace() %}{% set ns.x, y = 1, 2 %}{{ ns.x }}{{ y }}{% set ns.b %}text {{ y }}{% endset %}{{ ns.b }}
{% set ns = namespace() %}{% set ns._x = 1 %}
{{ namespace(_x=1) }}
{% set d.x = 1 %}
{% set nope.x = 1 %}
{% set 5 = 1 %}
{% set a.b.c = 1 %}
{% set true = 1 %}
{% set x %}a{{ n }}b{% endset %}{{ x }}{{ x is string }}
{% set x | upper | replace('A', 'Z') %}a{{ n }}b{% endset %}{{ x }}
{% set x %}{% set y = 3 %}{{ y }}{% endset %}{{ x }}{{ y }}
{% if true %}{% set x = 1 %}{% endif %}{{ x }}{% if false %}{% set s = 1 %}{% endif %}{{ s }}
{% for i in [1] %}{{ s }}{% endfor %}{% set s = 'later' %}{{ s }}
{% for i in [1] %}{{ s }}{% set s = 'inner' %}{{ s }}{% endfor %}{{ s }}
{{ s }}{% for i in [1] %}{{ s }}{% endfor %}{% set s = 'later' %}{{ s }}
{% macro m() %}{{ s }}{% endmacro %}{{ m() }}{% set s = 'later' %}{{ m() }}
{% macro m() %}{{ q }}{% endmacro %}{{ m() }}{% for x in [1] %}{% set q = 1 %}{{ m() }}{% endfor %}
{% with a = 1, b = n %}{{ a }}{{ b }}{% set a = 9 %}{{ a }}{% endwith %}{{ a }}
{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}
{% with %}{% set n = 1 %}{{ n }}{% endwith %}{{ n }}
{% with a, b = (1, 2) %}{{ a }}{{ b }}{% endwith %}
{% macro m(a, b=2, c='x') %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c=4) }}{{ m(c=1, a=2) }}{{ m() }}{{ m(*[1, 2]) }}{{ m(**{'a': 5}) }}
{% macro m(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ m() }}{{ m(none) }}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m() }}
{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}{{ m(1, 2, 3) }}{{ m(a=1, z=2) }}
{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}
{% macro m(a, a) %}{% endmacro %}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m(a) %}{{ caller(a) }}{% endmacro %}{% call(x) m(3) %}<{{ x }}>{% endcall %}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}x{% endcall %}
{% macro m() %}[{{ caller() }}]{% endmacro %}{{ m() }}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro m(caller) %}{{ caller() }}{% endmacro %}
{% macro m(caller=none) %}{{ caller is none }}{% endmacro %}{{ m() }}{% call m() %}y{% endcall %}
{% macro m(x) %}{% if x > 0 %}{{ x }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(4) }}
{% macro outer() %}{% macro inner(x) %}<{{ x }}{{ y }}>{% endmacro %}{% set y = 4 %}{{ inner(1) }}{% endmacro %}{{ outer() }}{{ inner }}
{% macro m(a, b=1) %}{{ varargs }}{% endmacro %}{{ m }}{{ m.name }}{{ m.arguments }}{{ m.catch_varargs }}{{ m.catch_kwargs }}{{ m.caller }}{{ m is callable }}
{% macro m() %}{% set x = 1 %}{{ n }}{% endmacro %}{{ m() ~ m()|upper }}{{ x }}
{% set ns = namespace(f=none) %}{% for x in l %}{% macro g() %}{{ n }}{% endmacro %}{% set ns.f = g %}{% endfor %}{{ ns.f() }}
{% call m() %}{% endcall %}
{% call 5 %}{% endcall %}
{% filter upper %}abc {{ n }} {% for x in ls %}{{ x }}{% endfor %}{% endfilter %}
{% filter replace('a', 'b')|upper %}abca{% endfilter %}
{% filter nope %}x{% endfilter %}
{% generation %}abc{% set x = 1 %}{{ n }}{% endgeneration %}{{ x }}
{% for m in messages %}{% generation %}{{ m.content }}{{ loop.index }}{% endgeneration %}{% endfor %}
{% generation %}x
{% print n, s %}{% print 1 %}
{% raw %}{{ n }}{% if %}{% endraw %}
a{%- raw -%}  {{ x }}  {%- endraw -%}  b
{% raw %}x
{# unclosed
{{ n
{{ n }
{% if n %}
{% if n %}{% endfor %}
{% endif %}
{% nope %}
{% if %}x{% endif %}
{{ }}
{{ 1 + }}
{{ (1 }}
{{ 1) }}
{{ [1, 2 }}
{{ [1, 2) }}
{{ {'a' 1} }}
{{ "abc }}
{{ a b }}
{{ 1 2 }}
{{ @ }}
{{ n; }}
{% include 'x' %}
{% if false %}{% include 'x' %}{% import 'a' as b %}{% from 'a' import b, c as d %}{% endif %}ok
{% import 'x' as y %}
{% extends 'x' %}
{% block a %}A{{ n }}{% endblock %}{% block b %}{{ x }}{% endblock b %}
{% set x = 1 %}{% block a %}{{ x }}{% set x = 2 %}{{ x }}{% endblock %}{{ x }}
{% for i in l %}{% block a scoped %}{{ i }}{{ loop.index }}{% endblock %}{% endfor %}
{% for i in l %}{% block a %}{{ i }}{% endblock %}{% endfor %}
{% block a %}{% endblock %}{% block a %}{% endblock %}
{% autoescape false %}{{ html }}{% set q = 1 %}{% endautoescape %}{{ q }}
{{ raise_exception('Broken: ' ~ n) }}
{% if false %}{{ raise_exception('x') }}{% endif %}fine
{{ raise_exception() }}
{{ strftime_now('%Y-%m-%d %H:%M:%S') }}|{{ strftime_now('%d %b %Y') }}|{{ strftime_now('%A %B %j %p %y %% %f %z|%Z|') }}|{{ strftime_now('') }}
{% if true: %}x{% endif %}
{%if n%}x{%endif%}{{n}}{{-n-}}
{% set x = [] %}{% set _ = x.append(1) %}{{ x }}
{{ x is defined if y else z }}
{{ 'a' is string if true else 'b' }}
{% for x in l if x is odd %}{{ x }}{% endfor %}
{% set a = namespace(v=[]) %}{% for x in l %}{% set a.v = a.v + [x * 2] %}{% endfor %}{{ a.v }}
{% if s|nope %}x{% endif %}
{% if false %}{{ s|nope }}{{ s is nope }}{% endif %}ok
{{ s|nope }}
{{ s is nope }}
{% if false %}{% for x in l %}{{ x|nope }}{% endfor %}{% endif %}ok
{{ (s|nope) if false else 'ok' }}
{% set x = 1 if false %}{{ x }}|{{ x is defined }}|{{ 1 if false }}|{{ (1 if false).foo }}
"""

EXPRESSIONS = r"""
1 + 2 * 3 - 4 / 2
7 // 2, -7 // 2, 7 // -2, -7 // -2, 7.5 // 2, -7.5 // 2
7 % 3, -7 % 3, 7 % -3, -7 % -3, 7.5 % 2, -7.5 % 2
2 ** 10, 2 ** -1, 2 ** 3 ** 2, -2 ** 2, 2.0 ** 3, 4 ** 0.5
-n, +n, - -n, not n, not not n, -f, +t, -t
1 / 3, 4 / 2, 1e3, 1.5e-5, 1_000, 0x1F, 0o17, 0b101, 1_0.5
10 ** 18, 9223372036854775807, -9223372036854775807
1 == 1.0, 1 == true, 'a' == 'a', [1, 2] == (1, 2), [1] == [1.0], {'a': 1} == {'a': 1.0}, none == false
1 < 2 < 3, 1 < 3 < 2, 3 > 2 >= 2, 1 != 2, 'a' < 'b', [1, 2] < [1, 3], (1,) < (1, 0), true < 2, 1 < 2.5
1 in l, 4 in l, 'b' in d, 'x' not in d, 'lo' in s, '' in s, 2 not in l, none in [none], 1.0 in l, true in [1]
'a' in none
1 in 'abc'
[] in d
missing in l, missing in s|list, 'a' in missing
missing in s
1 < 'a'
[1] < 1
none < none
missing < 1
'a' + 'b', [1] + [2], (1,) + (2, 3), 'ab' * 2, 2 * 'ab', [0] * 3, 'a' * -1, (1,) * 2
'a' + 1
1 + 'a'
[1] + (2,)
none + 1
missing + 1
1 + missing
'a' ~ 1 ~ none ~ missing ~ 2.0 ~ [1, 'x'] ~ true
n ~ m, 1 ~ 2 * 3, 'a' ~ 'b' * 2
1 ~ 2 + 3
true and 1, 0 and 1, 0 or 'x', '' or [] or {}, n and s, missing or 'd', missing and 1, none or none
1 if n else 2, 1 if z else 2, (1 if z), 'a' if true else 'b' if true else 'c'
s[0], s[-1], s[1:4], s[::-1], s[::2], s[5:], s[:-3], s[-100:100], s[7:2], s[::-2], u[0:8], u[::-1], u[-1]
l[0], l[-1], l[1:], l[::-1], l[5:], l[0:0], (1, 2, 3)[1:], (1, 2, 3)[::-1], l[-2:-1], l[None:None:None]
s[99], l[99], l['x'], d['zz'], d.zz, d[1], s.zz, n.zz, no.zz
l[1.0], l[true], s['upper']()
l[::0]
l['a':]
d[1:2]
missing[0]
missing.x
missing.x.y
no.x.y
d.b, d['b'], d.items()|list, d['items'], d.pop, d['pop'], dd.x.y.z[1], dd['x'].y['z'][-1], dd.x.y.z.0
d.pop('b')
d.update({})
l.append(1)
l.pop()
l.sort()
d.clear is defined, l.append is defined, d.nothing is defined
d.__class__, s.__class__, l.__len__ is defined, d['__class__'], d._x
s.__class__.__mro__
''.__class__()
(1, 2), (1,), (), [1, [2, (3,)]], {'a': [1, {'b': none}], 1: 2, none: true, (1, 2): 'x', 1.5: 2}, [true, false, none]
['it''s', "it's", 'say "hi"', 'both \' and "', 'back\\slash', 'tab\t nl\n cr\r', 'nul\0 \x07 \x7f', 'é ü 東 🦜 \u200b \xad \ufeff', missing]
{'a': 1, 'a': 2}, {1: 'int', true: 'bool', 1.0: 'float'}, {} == {}, {'x': missing}
{[1]: 2}
{{}: 2}
'a' 'b' "c", 'x\ny', 'x\x41\u00e9\101', '\d \é \🦜', "\"\'", 'a\
b'
'\ud800'
'\x4'
floats, floats[0] + 0.2, 1e400 > 1, 0.1 + 0.2, 1e15, 1e16, 123456.789e3, 1.0, -0.0, 5e-324, 2.5e-05
big, big + 1, tiny, huge, big * 1.0, big == 9007199254740992.0, big / 3
1 / 0
1 // 0
1 % 0
1.0 / 0
0 ** -1
-n ** 2, (-n) ** 2, 2 * -n
'%s is %d years and %.2f%%' % ('Bob', 42, 3.14159), '%s' % 5, '%5d|%-5d|%05d|%+d|% d' % (1, 2, 3, 4, 5)
'%x %X %o %#x %#o %e %E %g %G' % (255, 255, 8, 255, 8, 12345.678, 0.00001, 1e10, 1e-10), '%r %s %a' % ('é\'', 'é', 'é')
'%(a)s %(b)05.1f' % {'a': 'x', 'b': 2.25}, '%c%c' % (65, 'B'), '%5s|%-5s|%.2s' % ('ab', 'ab', 'abcdef'), '%%' % (), '%*d' % (5, 3)
'%d' % 3.99, '%i' % true, '%s' % [1, 2], '%s %s' % ('a', [1]), '%s' % none, 'plain' % [], 'plain' % {}, '%.3s' % 'éüßx', '%5s' % '東'
'%s %s' % 'a'
'%d' % 'a'
'%s' % (1, 2)
'%z' % 1
'%(a)s' % 5
'%'  % 1
'plain' % 1
'{} {}'.format(1, 'a'), '{0} {1} {0}'.format(1, 2), '{a}-{b}'.format(a=1, b='x'), '{{}} {}'.format(1), '{:>5}|{:<5}|{:^5}|{:*^7}'.format(1, 2, 3, 'a')
'{:d} {:05d} {:+d} {:x} {:#x} {:b} {:,} {:_}'.format(5, 42, 7, 255, 255, 5, 1234567, 1234567), '{:.2f} {:10.3f}| {:e} {:g} {:%} {:.1%}'.format(3.14159, 2.5, 12345.678, 0.0001, 0.25, 0.256)
'{:s} {!r} {!s:>4} {:.2}'.format('x', "it's", 5, 'abcdef'), '{0[a]} {0[b][0]} {1.real}'.format({'a': 1, 'b': [5]}, 3), '{:{}}|{:{w}.{p}f}'.format('a', 5, 3.14159, w=8, p=2)
'{:c}'.format(65), '{:010,}'.format(1234567), '{:0>5}'.format(42), '{:=+6}'.format(42), '{:n}'.format(1234), '{}'.format(none), '{}'.format([1, 'a']), '{!a}'.format('é'), '{:.3}'.format(123.0), '{:.10}'.format(1.5), '{:,.2f}'.format(1234567.891), '{:>8}'.format(true), '{}'.format(true)
'{}'.format()
'{0}{}'.format(1)
'{a}'.format(1)
'{:d}'.format('x')
'{:d}'.format(1.5)
'{:s}'.format(5)
'{:>5}'.format(none)
'{'.format(1)
'}'.format(1)
'{0.__class__}'.format(1)
'{a} {b}'.format_map({'a': 1, 'b': 2})
s.upper(), s.lower(), s.title(), s.capitalize(), s.swapcase(), u.upper(), u.lower(), u.title(), u.capitalize(), u.swapcase(), u.casefold(), 'ΑΣ ΑΣΑ'.lower(), "they're bill's".title(), 'ﬁ ŉ ΐ'.upper(), 'ß'.title()
sp.strip(), sp.lstrip(), sp.rstrip(), 'xxaxx'.strip('x'), 'abcba'.strip('ab'), 'abc'.lstrip('ba'), 'abc'.rstrip('cb'), 'a'.strip(none), '\u00a0\u3000x\u2003'.strip()
s.strip(1)
sp.split(), 'a,b,,c'.split(','), 'a,b,c'.split(',', 1), sp.split(none, 1), 'abc'.split('x'), ''.split(), ''.split(','), 'a--b--c'.split('--'), 'a b c'.split(' ', maxsplit=1), 'a b'.split(sep='b'), 'aXbX'.split('X', -1), 'a b c'.split(maxsplit=0)
'a,b,c'.rsplit(',', 1), sp.rsplit(none, 1), 'a b  c '.rsplit(), 'a,b'.rsplit(','), 'a b c'.rsplit(maxsplit=2)
'a'.split('')
'a'.split(1)
lines.splitlines(), lines.splitlines(true), ''.splitlines(), 'a\n'.splitlines(), '\n'.splitlines(), 'a\x0bb\x0cc\x1cd\x85e'.splitlines()
'a'.startswith('a'), s.startswith('Hello'), s.startswith(('x', 'H')), s.endswith('!'), s.endswith(('a', 'b')), s.startswith('World', 7), s.startswith('H', 0, 1), s.endswith('o', 0, 5), ''.startswith(''), 'a'.startswith('', 2), s.startswith('')
s.startswith(1)
s.startswith(['H'])
s.find('o'), s.find('o', 5), s.find('zz'), s.rfind('o'), s.index('W'), s.rindex('l'), s.find('o', 0, 3), u.find('東'), u.rfind('σ'), s.find(''), s.rfind(''), s.find('', 99), s.count('l'), s.count('l', 4), s.count(''), u.count('ß'), 'aaa'.count('aa')
s.index('zz')
s.replace('l', 'L'), s.replace('l', 'L', 1), s.replace('', '-'), s.replace('', '-', 2), s.replace('zz', 'y'), 'aaa'.replace('aa', 'b'), s.replace('l', 'L', 0), u.replace('ß', 'ss')
s.replace('l')
s.replace('l', 1)
','.join(ls), ''.join('abc'), '-'.join([]), ', '.join(d), '-'.join(['a']), ','.join(('x', 'y'))
','.join([1, 2])
','.join(none)
'abc'.center(9), 'abc'.center(8, '*'), 'abcd'.center(7), 'abc'.ljust(6) ~ '|', 'abc'.rjust(6), 'abc'.ljust(6, '.'), '42'.zfill(5), '-42'.zfill(5), '+a'.zfill(4), 'abc'.center(2), 'é'.rjust(3, 'ü')
'a'.center(5, 'ab')
'a\tbc\td'.expandtabs(), 'a\tb'.expandtabs(4), 'a\n\tb'.expandtabs(2), '\t'.expandtabs(0)
'abc'.removeprefix('a'), 'abc'.removesuffix('c'), 'abc'.removeprefix('x'), 'abc'.removesuffix(''), 'a-b-c'.partition('-'), 'a-b-c'.rpartition('-'), 'abc'.partition('x'), 'abc'.rpartition('x')
'abc'.isalpha(), 'ab1'.isalnum(), '12'.isdigit(), '²'.isdigit(), '²'.isdecimal(), '½'.isnumeric(), '三'.isnumeric(), ' \t'.isspace(), 'abc'.islower(), 'ABC'.isupper(), 'Abc Def'.istitle(), 'a b'.isidentifier(), '_a1'.isidentifier(), '1a'.isidentifier(), 'a\n'.isprintable(), 'é'.isascii(), ''.isalpha(), ''.isascii(), ''.isprintable(), ''.islower(), 'ª'.islower(), 'Ⅷ'.isupper(), 'ǅ'.istitle(), 'A1'.isupper(), '1'.islower(), '東'.isalpha()
'abc'.nope()
'abc'.upper(1)
'abc'.encode
l.count(1), l.index(2), (1, 1).count(1), (1, 2).index(2), l.copy(), d.copy(), d.get('b'), d.get('q'), d.get('q', 5), d.keys(), d.values(), d.items(), d.keys()|list, {'a': 1, 'b': 2}.values()|sum, d.items()|list|length
l.index(99)
d.get()
d.keys()[0]
d.keys() == d.keys(), 'a' in d.keys(), ('a', 2) in d.items(), 2 in d.values(), d.keys()|length, d.items() is iterable, d.items() is sequence, d.keys() is mapping
n.real, n.imag, f.real, n.bit_length(), f.is_integer(), 2.0.is_integer(), t.real, n.numerator
range(5)|list, range(2, 8, 3)|list, range(5, 0, -2)|list, range(0)|list, range(5), range(1, 5), range(0, 5, 2), range(5)[2], range(5)[-1], range(5)[9], range(5)|length, 3 in range(5), range(3) == range(3), range(5)[1:3], range(10)[::3], range(5)[::-1]|list, range(3)|sum, range(3) is sequence
range(100001)
range(1, 2, 0)
range('a')
range(1.5)
range()
dict(a=1, b=2), dict({'x': 1}, y=2), dict([('a', 1), ['b', 2]]), dict(), dict(**{'q': 1}), dict.fromkeys('ab', 1), dict.fromkeys([1, 2])
dict(5)
dict([1])
cycler()
joiner is callable, cycler is callable, namespace is callable, range is callable, missing is callable, s is callable, s.upper is callable
n()
missing()
missing.foo()
s()
d.nope()
s.upper
x.y
loop
"""

FILTERS = r"""
(-5)|abs, 5|abs, (-2.5)|abs, true|abs
'a'|abs
d|attr('items') is callable, d|attr('b') is defined
missing|attr is defined
s|attr('upper')
l|batch(2)|list, l|batch(2, 'x')|list, []|batch(2)|list, 'abcd'|batch(3, '-')|list, l|batch(5)|list, l|batch(0)|list
l|batch
s|capitalize, u|capitalize, 'ABC'|capitalize, 5|capitalize
'abc'|center(9), 'abc'|center(width=8), s|center|length
l|count, d|count, s|length, u|length, missing|length, el|length, range(3)|length
5|length
none|length
l|map('abs')|length
missing|default('x'), missing|default, e|default('x'), e|default('x', true), no|default('x'), no|d('x', boolean=true), z|default(5, true), d.nope|default('q'), missing|d(default_value='k')
d|dictsort, d|dictsort(true), {'b': 2, 'a': 3}|dictsort(by='value'), {'b': 2, 'a': 3}|dictsort(false, 'value', true), {'b': 'z', 'A': 'y', 'c': 'X'}|dictsort(false, 'value'), {'b': 1, 'A': 2}|dictsort(reverse=true)
d|dictsort(by='x')
l|dictsort
d|dictsort(by='value')
html|e, html|escape, html|forceescape, (html|e)|e, (html|e)|forceescape, 5|e, none|e, [html|e], html|e|length, missing|e, ['<']|e
(html|safe) ~ '<', (html|safe) + '<', '<' + (html|safe), [html|safe], html|safe is escaped, html is escaped, html|safe|string, html|safe|upper, (html|safe) == html, 5|safe, [5|safe]
[('<'|safe) * 2, ('a<'|safe)[0], ('<%s>'|safe) % '<', ('<%s %s>'|safe) % ('<', 5), ('<{}>'|safe).format('<'), ('<{:>3}>'|safe).format('<'), (','|safe).join(['<', '<'|safe]), ('a<b'|safe).split('<'), ('a'|safe).replace('a', '<'), ('a'|safe)|replace('a', '<'), ('ab'|safe)|upper, ('ab'|safe)|trim, ('a'|safe)|center(3), ('a'|safe).ljust(3), ('ab'|safe)|reverse, ('a<'|safe)|list, ('a'|safe)|string, ('a'|safe) ~ '<', 'x'|safe|title, 'x'|safe|default('q'), ('a b'|safe)|truncate(1, true, ''), ('a\nb'|safe)|indent(1), ('%s'|safe)|format('<'), 'x'|safe|lower, ('a-b'|safe).partition('-'), 'a'|safe|tojson]
l|first, s|first, el|first, d|first, missing|first, l|map('string')|first, range(3)|first
5|first
'3.5'|float, 'x'|float, 'x'|float(1.5), 5|float, none|float, '1e3'|float, ' 2 '|float, 'inf'|float, '1_0'|float, true|float, []|float, '-.5'|float, 'nan'|float
missing|float
'%s-%s'|format('a', 1), '%(x)s'|format(x=5), '%d%%'|format(5), 5|format
'%s'|format(1, x=2)
users|groupby('city')|map('first')|list, users|groupby('age')|list, users|groupby('city', case_sensitive=true)|map(attribute='grouper')|list, users|groupby('on', default=false)|map(attribute='list')|map('length')|list, users|groupby('age')|map(attribute=0)|list
users|groupby('on')
lines|indent, lines|indent(2), lines|indent(2, true), lines|indent('> '), lines|indent(2, blank=true), lines|indent(width=1, first=true, blank=true), ''|indent, 'a'|indent(3, true), ''|indent(2, true)
5|indent
'5'|int, '5.9'|int, 'x'|int, 'x'|int(9), '0x1f'|int(base=16), '1f'|int(0, 16), '101'|int(base=2), '0b11'|int(0, 2), 5.9|int, -5.9|int, none|int, true|int, ' 42 '|int, '1_000'|int, ''|int, '1e3'|int, 'inf'|int, '0o17'|int(0, 8), '012'|int, '0x1f'|int(0, 0), 'z'|int(-1, 36), [1]|int, 'x'|int(default=none)
missing|int
[1, 2]|join, ls|join(', '), users|join('; ', attribute='name'), 'abc'|join('-'), el|join(','), [none, true, 1.5, [1]]|join('|'), d|join(','), missing|join(','), l|join(d='+'), users|join(',', 'age'), [1]|join(5)
5|join
l|last, s|last, el|last, d|last, missing|last, (1, 2)|last, range(4)|last
l|map('string')|last
l|list, s|list, d|list, u|list, missing|list, d.items()|list, (1, 2)|list, range(2)|list
5|list
'ABC'|lower, u|lower, 5|lower, none|lower, none|upper
users|map(attribute='name')|list, users|map('length')|list, ls|map('upper')|join, users|map(attribute='on')|list, users|map(attribute='on', default=0)|list, [[1, 2], [3, 4]]|map(attribute=1)|list, [dd]|map(attribute='x.y.z.0')|list, ls|map('replace', 'a', 'q')|list, [1, none]|map('default', 5, true)|list, none|map('x')|list, l|map('float')|list, ls|map('default', boolean=true)|list
l|map|list
l|map('nope')|list
l|map('nope')|length is defined
users|map(attribute='name', x=1)|list
l|max, l|min, ls|max, ls|min, ls|max(true), users|max(attribute='age'), users|min(attribute='name'), el|max, missing|min, 'hello'|max, [1, 2.5]|max, ls|min(case_sensitive=true)
[1, 'a']|max
[1, 2]|pprint, 'x'|pprint, d.x|pprint
l|reject('odd')|list, l|reject('gt', 1)|list, [0, 1, '', 'a', none]|reject|list, l|reject('in', [1, 2])|list
users|rejectattr('on')|map(attribute='name')|list, users|rejectattr('age', 'gt', 26)|map(attribute='name')|list, users|rejectattr('on', 'defined')|list|length
s|replace('l', 'L'), s|replace('l', 'L', 1), 55|replace(5, 6), s|replace(count=1, old='o', new='0'), html|replace('<', '[')
s|replace('l')
s|reverse, l|reverse|list, u|reverse, d|reverse|list, el|reverse|list, (1, 2)|reverse|list, range(3)|reverse|list, missing|reverse|list, l|map('abs')|reverse
5|reverse
2.5|round, 3.5|round, 2.567|round(2), 2.567|round(1, 'floor'), 2.511|round(1, 'ceil'), -2.5|round, 5|round, 1234.5678|round(-2), 1250|round(-2), 1350|round(-2), 0.5|round, 1.5|round, 2.675|round(2), 42.55|round|int, 1e300|round(2), 5|round(1, 'ceil'), -0.4|round, 15|round(-1), 25|round(-1), -15|round(-1), 2.5|round(none), 1.005|round(2), 42|round(2, 'floor'), 12345.0|round(-5), 65000.0|round(-5), 50000.0|round(-5), 150000.0|round(-5)
2.5|round(1, 'x')
'a'|round
l|select('odd')|list, l|select|list, [0, 1, '', 'a', none]|select|list, l|select('lessthan', 3)|list, ls|select('equalto', 'a')|list, l|select('==', 2)|list, [1, 'a', none]|select('string')|list, missing|select('odd')|list, none|select|list, l|select('divisibleby', 2)|list, ls|select('in', 'abc')|list
l|select('nope')|list
5|select('odd')|list
users|selectattr('on')|map(attribute='name')|list, users|selectattr('age', 'equalto', 30)|map(attribute='name')|list, users|selectattr('city', 'in', ['ny', 'NY'])|list|length, users|selectattr('on', 'undefined')|map(attribute='name')|join, users|selectattr('age', '>', 26)|list|length, messages|selectattr('role', 'equalto', 'user')|list
users|selectattr|list
l|slice(2)|list, range(7)|slice(3)|list, range(7)|slice(3, 'x')|map('list')|list, []|slice(2)|list
l|slice(0)|list
l|sort, ls|sort, ls|sort(case_sensitive=true), ls|sort(true), l|sort(reverse=true), users|sort(attribute='age')|map(attribute='name')|list, users|sort(attribute='age,name')|map(attribute='name')|list, users|sort(attribute='age', reverse=true)|map(attribute='name')|list, 'hello'|sort, d|sort, (3, 1)|sort, [[2], [1, 5]]|sort, [1, 0.5, true]|sort
[1, 'a']|sort
[none, 1]|sort
[{}, {}]|sort
5|string, [1, 'a']|string, none|string, s|string, 2.0|string, true|string, missing|string
html|striptags, 'a <!-- c --> b  <i>c</i>\n d'|striptags, 'a < b'|striptags, '&lt;x&gt; &amp; &#39;'|striptags, 5|striptags
l|sum, floats[:3]|sum, users|sum(attribute='age'), el|sum, l|sum(start=10), [[1], [2]]|sum(start=[]), [0.1, 0.2, 0.3]|sum, missing|sum
ls|sum
ls|sum(start='')
s|title, "it's a-b (c) [d] {e} <f>"|title, u|title, 'hello wORLD'|title, 5|title, 'a\tb\nc'|title
d|tojson, json|tojson, l|tojson, s|tojson, u|tojson, html|tojson, none|tojson, true|tojson, 1.0|tojson, 1e22|tojson, (1, 2)|tojson, {1: 2, none: 3, true: 4, 1.5: 5}|tojson, ''|tojson, floats|tojson, []|tojson, {}|tojson
json|tojson(indent=2), json|tojson(indent=4, sort_keys=true), json|tojson(separators=(',', ':')), json|tojson(ensure_ascii=true), u|tojson(true), d|tojson(sort_keys=true), nested|tojson(indent=0), nested|tojson(indent='--'), d|tojson(indent=1, separators=(', ', '= ')), d|tojson(false, 2), 5|tojson(indent=none), [[]]|tojson(indent=2)
missing|tojson
range(3)|tojson
d.items()|tojson
{(1, 2): 3}|tojson
[missing]|tojson
namespace(a=1)|tojson
{'a': 1, 2: 3}|tojson(sort_keys=true)
5|tojson(nope=1)
sp|trim, 'xxaxx'|trim('x'), 5|trim, sp|trim|length, '\n a \n'|trim, 'abc'|trim(chars='ac'), 'a'|trim(none)
s|truncate(5), s|truncate(5, true), s|truncate(5, true, '..'), s|truncate(11), s|truncate(9, false, '...', 0), 'foo bar baz qux'|truncate(9), 'foo bar baz qux'|truncate(9, true), 'foo bar baz qux'|truncate(11), 'foo bar baz qux'|truncate(11, leeway=0), u|truncate(8, true, '', 0), s|truncate(end='')
s|truncate(2)
ls|unique|list, ls|unique(true)|list, [1, 1.0, true, 2]|unique|list, users|unique(attribute='age')|map(attribute='name')|list, 'Aab'|unique|list
[[1], [1]]|unique|list
'abc'|upper, u|upper, none|upper
'a b/c?d=é&'|urlencode, {'a b': 'c/d', 'e': 1}|urlencode, [('x', 'y z')]|urlencode, 5|urlencode, none|urlencode, missing|urlencode
s|wordcount, sp|wordcount, e|wordcount, "it's ok_x 東京"|wordcount
'the quick brown fox jumps'|wordwrap(10), 'averyveryverylongword ok'|wordwrap(8), 'averyveryverylongword ok'|wordwrap(8, false), 'a-b hyphen-ated words-here'|wordwrap(9), 'a\n\nb c d'|wordwrap(3), 'x y z'|wordwrap(3, wrapstring='|'), '  lead  and   trail  '|wordwrap(6), 'em--dash and -x --y'|wordwrap(5), 'hyphen-ated'|wordwrap(4, break_on_hyphens=false), 'ab-cd-ef-gh'|wordwrap(6)
{'class': 'a b', 'id': none, 'x': missing, 'y': '<'}|xmlattr, {}|xmlattr, {'a': 1}|xmlattr(false)
{'a b': 1}|xmlattr
1000|filesizeformat, 1|filesizeformat, 999|filesizeformat, 1500000|filesizeformat, 1024|filesizeformat(true), 1536|filesizeformat(binary=true), '2000'|filesizeformat, 0|filesizeformat, 1e30|filesizeformat
d|items|list, missing|items|list, ed|items|list
l|items|list
s|upper(1)
s|upper(x=1)
l|join(1, 2, 3)
s|nope
users|map(attribute='name')|map('lower')|sort|join(',')|upper|replace(',', ';')
(l|map('abs')) is iterable, (l|map('abs')) is sequence, (l|select) is defined, 2 in (l|map('abs')), (el|map('abs'))|list, (l|map('abs'))|sum
"""

TESTS = r"""
n is boolean, true is boolean, 1 is boolean, none is boolean
s is defined, missing is defined, missing is undefined, d.nope is defined, d.b is defined, no is defined, (d.nope) is undefined, messages[9] is defined, messages[0].nope is not defined
n is divisibleby 7, n is divisibleby(2), 9 is divisibleby 3, 2.5 is divisibleby 0.5
n is divisibleby 0
n is eq 7, n is equalto 7.0, n is not eq 8, 'a' is eq('a'), n is sameas 7, none is sameas none, true is sameas true, true is sameas 1, no is sameas none, l is sameas l, [] is sameas []
n is odd, n is even, 4 is even, 4 is odd, 2.0 is even, m is odd, true is odd
s is odd
none is even
none is odd
'upper' is filter, 'nope' is filter, 'odd' is test, 'nope' is test, 5 is filter
n is integer, f is integer, true is integer, 'a' is integer, n is float, f is float, n is number, f is number, true is number, '1' is number, none is number
n is ge 7, n is gt 7, n is le 7, n is lt 7, n is greaterthan 6, n is lessthan 8, n is ne 7
n is lt 'a'
1 is in l, 9 is in l, 'b' is in d, 'a' is not in ls, 'He' is in s
1 is in 5
l is iterable, s is iterable, d is iterable, n is iterable, missing is iterable, none is iterable, range(2) is iterable
'abc' is lower, 'Abc' is lower, 'ABC' is upper, s is upper, 5 is lower, '' is lower
d is mapping, l is mapping, s is mapping, namespace() is mapping, missing is mapping
no is none, z is none, missing is none, none is not none, false is false, z is false, t is true, 1 is true, missing is false
l is sequence, s is sequence, d is sequence, n is sequence, (1,) is sequence, missing is sequence, none is sequence
s is string, n is string, missing is string, (s|e) is string, l is string
n is number and n is odd, s is string or nope, not n is string, n is not string
n is defined and n > 5, missing is defined and missing > 5
n is foo
n is in
1 is divisibleby
n is odd is even
n is odd(1)
"""

WHITESPACE = [
    "a\n{% if true %}\nb\n{% endif %}\nc\n",
    "a\n  {% if true %}  \nb\n  {% endif %}\nc",
    "  {% if true %}x{% endif %}",
    "  {%+ if true %}x{%+ endif %}",
    "a  {% if true -%}  \n  b  {%- endif %}  c",
    "{% for x in [1,2] %}\n{{ x }}\n{% endfor %}\n\nend\n",
    "{% for x in [1,2] -%}\n{{ x }}\n{%- endfor %}\n\nend\n\n",
    "{{ 1 }}\n{{ 2 }}\n",
    "  {{ 1 }}  \n",
    "a\n   {# comment #}\nb {# c #} d\n{#- x -#}\n e",
    "a {#+ x +#}\nb",
    "{% set x = 1 %}\n{% set y = 2 %}\n\n{{ x }}{{ y }}",
    "{% set x = 1 +%}\n{{ x }}",
    "\t{% if true %}\t\nx\n\t{% endif %}\t",
    "a\r\nb\r{% if true %}\r\nc\r\n{% endif %}\r\n",
    "{% raw %}\n  {{ x }}\n{% endraw %}\nb",
    "x\n  {% raw %}y{% endraw %}\nz",
    "x {%- raw %} y {% endraw -%} z",
    "{% if true %}{{ 'a\n' }}{% endif %}\n",
    "{{- 'a' }}\n{{- 'b' -}}\n{{ 'c' }}",
    "{{+ 1 }}",
    "{%- for m in messages -%}\n  {{- m.role -}}\n{%- endfor -%}\n",
    "a\u00a0\n\u3000{%- if true %}x{% endif -%}\u2003b",
    "line\n\n\n",
    "\n",
    "",
    "{{ '}}' }}{{ '%}' }}{{ {'a': {}} }}",
    "{% if '%}' == '%}' %}x{% endif %}",
    "{{ {'a': {'b': 1}}}}",
    "{",
    "{ {",
    "{{ '{{' }} {{ '{%' }} }} %} #}",
    "{#}#}x",
    "{##}x{# #}y",
    "{% if true %}\n\n\n{% endif %}x",
    "x{% if true %}   \n   y{% endif %}",
    "   \n   {% if true %}y{% endif %}   \n   ",
    "a\n{% if true %}  b\n  {% endif %}  \n  c",
]


def templates():
    """(template, context name)."""
    for line in STATEMENTS.strip("\n").split("\n"):
        yield line, "data"
    for block in (EXPRESSIONS, FILTERS, TESTS):
        for line in _lines(block):
            yield "{{ (" + line + ",) }}" if _is_list(line) else "{{ " + line + " }}", "data"
    for template in WHITESPACE:
        yield template, "data"


def _lines(block):
    for line in block.strip("\n").replace("\\\n", "\\\x00").split("\n"):
        yield line.replace("\x00", "\n")


def _is_list(line):
    """Several expressions on one line print as a tuple."""
    depth, quote, previous = 0, None, ""
    for c in line:
        if quote:
            if c == quote and previous != "\\":
                quote = None
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 0:
            return True
        previous = "" if previous == "\\" else c
    return False
