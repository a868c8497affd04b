// Templates are untrusted: whatever they try, an Error comes soon and memory stays small. (Each of these would take
// minutes or gigabytes if it were let through; the test program's own time limit is the judge.)
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/chat/template.h"

namespace orrery::text {
namespace {

using Json = nlohmann::ordered_json;

std::string refusal(const std::string& source, const Json& context = Json::object()) {
  try {
    ChatTemplate(source).render(context);
  } catch (const Error& error) {
    return error.parts().found;
  }
  return {};
}

/// A template that may be long, written out only where it is wanted: every test is a process that lists all of them.
class Source {
 public:
  Source(const char* text) : Source(std::string(text)) {}
  Source(std::string text, int times = 1) : parts_{{std::move(text), times}} {}

  std::string text() const {
    std::string out;
    for (const auto& [text, times] : parts_)
      for (int i = 0; i < times; ++i) out += text;
    return out;
  }
  friend Source operator+(Source a, const Source& b) {
    a.parts_.insert(a.parts_.end(), b.parts_.begin(), b.parts_.end());
    return a;
  }
  friend void PrintTo(const Source& source, std::ostream* out) {
    for (const auto& [text, times] : source.parts_)
      *out << text << (times == 1 ? "" : " × " + std::to_string(times) + " ");
  }

 private:
  std::vector<std::pair<std::string, int>> parts_;
};

Source repeat(const char* text, int times) { return {text, times}; }

class Hostile : public testing::TestWithParam<Source> {};

TEST_P(Hostile, IsRefused) { EXPECT_NE(refusal(GetParam().text()), ""); }

const std::string kSetBig = "{% set big = 'abcdefgh' * 1000000 %}";
const std::string kNamespace = "{% set ns = namespace(s='aaaaaaaa', l=[1], g=[1]) %}";

INSTANTIATE_TEST_SUITE_P(
    Size, Hostile,
    testing::Values(
        "{{ 'a' * 1000000000 }}", "{{ [0] * 1000000000000 }}", "{{ (1, 2) * 4611686018427387904 }}",
        "{{ range(1000000000000) }}", "{{ 9 ** 99999999999 }}", "{{ '%1000000000d' % 1 }}",
        "{{ '%.1000000000f' % 1.5 }}", "{{ '%*d' % (10000000000, 1) }}", "{{ '{:>1000000000}'.format(1) }}",
        "{{ '{:.1000000000f}'.format(1.5) }}", "{{ '{:{}}'.format(1, 99999999999) }}",
        "{{ 'x'.center(1000000000000) }}", "{{ 'x'.zfill(100000000000) }}", "{{ 'x'.ljust(100000000000, 'y') }}",
        "{{ 'a\tb'.expandtabs(10000000000) }}", "{{ 'x' | center(10000000000) }}", "{{ 'a\nb' | indent(10000000000) }}",
        "{{ [1] | batch(1000000000000, 'x') | list }}", "{{ [1] | slice(1000000000000, 'x') | list }}",
        "{{ [1] | tojson(indent=1000000000) }}", "{{ 1.5 | round(2000000000) ~ 'x' * 99999999 }}",
        kSetBig + "{{ big | replace('a', big) }}", kSetBig + "{{ big.join(big) }}", kSetBig + "{{ big | join(big) }}",
        kSetBig + "{% for i in range(1000) %}{{ big }}{% endfor %}",
        kSetBig +
            "{% set ns = namespace(l=[]) %}{% for i in range(1000) %}{% set ns.l = ns.l + [big ~ i] %}{% endfor %}",
        "{% macro m(n) %}{{ 'x' * 60000000 }}{{ m(n - 1) if n }}{% endmacro %}{{ m(150) }}",
        kNamespace + "{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        kNamespace + "{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        kNamespace + "{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        kNamespace + "{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
        kNamespace + "{% for i in range(99) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1} }}",
        kNamespace + "{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.g = [ns.g, ns.g] %}{% endfor %}{{ "
                     "ns.l == ns.g }}"));

INSTANTIATE_TEST_SUITE_P(
    Time, Hostile,
    testing::Values(
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ range(99999) | sum }}{% endfor %}",
        "{% for a in range(99999) %}{{ range(99999) | map('string') | select | list | length }}{% endfor %}",
        "{% for a in range(99999) %}{{ 99999 in range(99999) | list }}{% endfor %}",
        kSetBig + "{% for a in range(99999) %}{% if 'x' in big %}{% endif %}{% endfor %}",
        kSetBig + "{% for a in range(99999) %}{% if big.upper() %}{% endif %}{% endfor %}",
        kSetBig + "{% for a in range(99999) %}{% if (big ~ 'é')[7000000] %}{% endif %}{% endfor %}",
        kSetBig + "{% for a in range(99999) %}{% set b = big[1:] %}{% endfor %}",
        "{% set a = 'a' * 4000000 %}{{ (a ~ 'b' ~ a).find('a' * 3000000 ~ 'c') }}{% for i in range(9999) %}{{ "
        "a.count('a') }}{% endfor %}",
        "{% set ns = namespace() %}{% for i in range(99999) %}{% for j in range(99999) %}{% set ns.x = namespace(y=j) "
        "%}{% endfor %}{% endfor %}"));

INSTANTIATE_TEST_SUITE_P(
    Depth, Hostile,
    testing::Values(
        "{{ " + repeat("(", 100000) + "1" + repeat(")", 100000) + " }}",
        "{{ " + repeat("[", 100000) + repeat("]", 100000) + " }}",
        "{{ " + repeat("{1:", 100000) + "1" + repeat("}", 100000) + " }}", "{{ " + repeat("not ", 100000) + "1 }}",
        "{{ " + repeat("-", 100001) + "1 }}", "{{ 1" + repeat(" + 1", 100000) + " }}",
        "{{ a" + repeat(".b", 100000) + " }}", "{{ a" + repeat("()", 100000) + " }}",
        "{{ a" + repeat("|e", 100000) + " }}", "{{ a" + repeat("[0]", 100000) + " }}",
        "{{ 1" + repeat(" if 1 else 1", 100000) + " }}", "{{ 1" + repeat(" ** 1", 100000) + " }}",
        repeat("{% if 1 %}", 100000), repeat("{% for x in y %}", 1000) + repeat("{% endfor %}", 1000),
        "{% set " + repeat("(", 100000) + "a" + repeat(")", 100000) + " = 1 %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{% call m() %}{% endcall %}{% endmacro %}{{ m() }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}",
        "{% set ns = namespace(l={}) %}{% for i in range(99999) %}{% set ns.l = {'a': ns.l} %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99999) %}{% set ns.l = ns.l | map('string') %}{% endfor %}{{ "
        "ns.l | list }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99999) %}{% set ns.l = [1] | map('default', ns.l) %}{% "
        "endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99999) %}{% set ns.l = [ns.l].count %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99999) %}{% for x in [ns.l] %}{% set ns.l = loop %}{% endfor "
        "%}{% endfor %}",
        "{% set ns = namespace(g=1) %}{% set ns.g = [ns] | map(attribute='g') | map('list') %}{{ ns.g | list }}"));

// Each namespace holds the one before: a chain as long as the loop, which must neither overflow the stack nor leak.
TEST(ChatTemplateLimits, ChainsOfNamespacesAndMacrosAreTornDownSafely) {
  const std::string chain =
      "{% set ns = namespace(x=none) %}{% for i in range(50000) %}{% set ns.x = namespace(x=ns.x) %}{% endfor %}";
  EXPECT_EQ(refusal(chain + "{% set ns.x = none %}"), "");
  EXPECT_NE(refusal(chain + "{{ ns }}"), "");
  EXPECT_EQ(refusal("{% set ns = namespace() %}{% set ns.me = ns %}{% if ns %}{% endif %}"), "");
  EXPECT_EQ(
      refusal(
          "{% set ns = namespace(f=none) %}{% macro make() %}{% macro inner() %}{{ x }}{% endmacro %}"
          "{% set x = ns.f %}{% set ns.f = inner %}{% endmacro %}{% for i in range(2000) %}{{ make() }}{% endfor %}"),
      "");
}

TEST(ChatTemplateLimits, AreTheCallersToChoose) {
  const Json none = Json::object();
  const std::string loop = "{% for i in range(1000) %}{{ i }}{% endfor %}";
  EXPECT_NO_THROW(ChatTemplate(loop).render(none));
  EXPECT_THROW(ChatTemplate(loop, {.steps = 1000}).render(none), Error);
  EXPECT_THROW(ChatTemplate(loop, {.output_bytes = 1000}).render(none), Error);
  EXPECT_THROW(ChatTemplate("{{ [[[[1]]]] }}", {.depth = 3}), Error);
}

TEST(ChatTemplateLimits, ContextIsCheckedToo) {
  Json deep = 1;
  for (int i = 0; i < 1000; ++i) deep = Json::array({deep});
  EXPECT_NE(refusal("x", {{"a", deep}}), "");
  EXPECT_NE(refusal("x", {{"a", 18446744073709551615u}}), "");
  EXPECT_NE(refusal("x", {{"a", "\xff"}}), "");
  EXPECT_NE(refusal("\xff"), "");
  EXPECT_THROW(ChatTemplate("x").render(Json::array()), Error);
}

}  // namespace
}  // namespace orrery::text
