#include "orrery/text/sampling/grammar.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <random>
#include <thread>

#include "orrery/base/error.h"
#include "orrery/text/sampling/automaton.h"
#include "tests/text/sampling/grammar_helpers.h"

namespace orrery::text {

namespace {

// Each grammar with texts that it matches and texts that it does not.
struct Case {
  const char* grammar;
  std::vector<std::string> matches, misses;
};

const std::vector<Case> kCases = {
    {R"(root ::= "abc")", {"abc"}, {"", "ab", "abcd", "abd", "Abc"}},
    {R"(root ::= "")", {""}, {"a"}},
    {R"(root ::= "a" | "bc" | )", {"", "a", "bc"}, {"b", "ab"}},
    {R"(root ::= "ab"* "c")", {"c", "abc", "ababc"}, {"ac", "abac", "ab"}},
    {R"(root ::= "a"+ "b"?)", {"a", "aab"}, {"", "b", "abb"}},
    {R"(root ::= "a"{2})", {"aa"}, {"a", "aaa"}},
    {R"(root ::= "a"{2,})", {"aa", "aaaaa"}, {"a"}},
    {R"(root ::= "a"{ 1 , 3 } "b")", {"ab", "aaab"}, {"b", "aaaab"}},
    {R"(root ::= "a"{0} "b")", {"b"}, {"ab"}},
    {R"(root ::= ("a" | "b" "c"){2})", {"aa", "abc", "bca", "bcbc"}, {"a", "ab", "bc"}},
    {R"(root ::= "a"*? "b")", {"b", "ab", "aab"}, {"a"}},
    {R"(root ::= (("a"*)* "b"*)*)", {"", "abba", "bbb"}, {"c"}},
    {R"(root ::= [a-cx-z-])", {"a", "c", "y", "-"}, {"d", "w", "ab"}},
    {R"(root ::= [^a-c\n]+)",
     {"d", "é", "日本", "\xF0\x9F\x98\x80"},
     {"a", "\n", "xb", "\xC3", "\xED\xA0\x80", "\xFF"}},
    {R"(root ::= .)", {"a", "\n", "é", "\xF4\x8F\xBF\xBF"}, {"", "ab", "\x80", "\xF4\x90\x80\x80", "\xC0\x80"}},
    {R"(root ::= [ぁ-ゟ]+)", {"ひらがな"}, {"カ", "a"}},
    {R"(root ::= [\u00e0-\u0100\U0001F600])", {"à", "ÿ", "Ā", "\xF0\x9F\x98\x80"}, {"ß", "ā", "a"}},
    {R"(root ::= "\x41\xe9\u65e5\U0001F600\n\t\r\\\"\[\]")", {"Aé日\xF0\x9F\x98\x80\n\t\r\\\"[]"}, {"A"}},
    {R"(root ::= [\]\\\-^])", {"]", "\\", "-", "^"}, {"[", "a"}},
    {"# comment\nroot ::= ( # in a group\n  \"a\"\n  | \"b\"\n) |\n  \"c\" # end\n\n", {"a", "b", "c"}, {"ab"}},
    {"root ::= item\r\nitem ::=\n  [0-9]\r\n", {"7"}, {"", "77"}},
    {"a-1 ::= \"x\" root?\nroot ::= \"(\" a-1 \")\"", {"(x)", "(x(x))"}, {"(x", "()", "(x(x)"}},
    {"root ::= \"a\" root \"b\" | \"\"", {"", "ab", "aaabbb"}, {"aab", "abb", "ba"}},
    {"root ::= e\ne ::= t (\"+\" t)*\nt ::= [0-9] | \"(\" e \")\"", {"1+2", "(1+(2+3))+4"}, {"1+", "(1", "1)"}},
    // A nullable rule in a loop, and one in front of a call.
    {"root ::= n* \"x\"\nn ::= \"a\"?", {"x", "aax"}, {"b"}},
    {"root ::= n root2\nroot2 ::= \"y\"\nn ::= \"\"", {"y"}, {"yy"}},
    // Palindromes: every way to split must be followed at once.
    {"root ::= \"a\" root \"a\" | \"b\" root \"b\" | [ab]?", {"", "a", "abba", "ababa", "bbabb"}, {"ab", "abab"}},
    {"root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"a\"", {"a", "aab", "aaacb", "aaabc"}, {"ab", "aaab", "aaabbb"}},
    // Two rules that call a third at the same place and return to different ends.
    {"root ::= p | q\np ::= \"a\" r \"b\" | \"p\" p\nq ::= \"a\" r \"c\" | \"q\" q\nr ::= \"(\" r \")\" | \"z\"",
     {"azb", "azc", "a((z))b", "a((z))c", "ppazb", "qa(z)c"},
     {"az", "pazc", "qazb", "a(zb"}},
    // Parts that look alike for some bytes and then do not.
    {R"(root ::= o ("." o){3}
o ::= "25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9]? [0-9])",
     {"0.12.249.255"},
     {"1.2.3", "1.2.3.4.5", "256.1.1.1"}},
    // Exponential as one deterministic automaton.
    {"root ::= [ab]* \"a\" [ab]{12}", {"abbbbbbbbbbbb", "bbabbbbbbbbbbbb"}, {"bbbbbbbbbbbbb", "abbb"}},
};

}  // namespace

TEST(Gbnf, MatchesWhatItSays) {
  const ToyTokenizer tokenizer = tokenizer_with_pieces();
  const auto trie = make_token_trie(tokenizer);
  std::mt19937 random(1);
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.grammar);
    const Grammar grammar = Grammar::from_gbnf(c.grammar, trie);
    for (const auto& text : c.matches) EXPECT_TRUE(accepts(grammar, tokenizer, text, random)) << text;
    for (const auto& text : c.misses) EXPECT_FALSE(accepts(grammar, tokenizer, text, random)) << text;
  }
}

// The mask comes from cached walks over the trie, accept() from single steps: they must agree on every token, wherever
// a random text that the mask allows has led.
TEST(Grammar, MaskIsWhatAcceptAccepts) {
  const ToyTokenizer tokenizer = tokenizer_with_pieces();
  const auto trie = make_token_trie(tokenizer);
  std::mt19937 random(2);
  std::vector<std::string> grammars;
  for (const auto& c : kCases) grammars.push_back(c.grammar);
  grammars.push_back(kJsonGrammar);
  for (const auto& text : grammars) {
    SCOPED_TRACE(text);
    for (int repeat = 0; repeat < 10; ++repeat) {
      Grammar grammar = Grammar::from_gbnf(text, trie);
      for (int step = 0; step < 14 && !grammar.must_end(); ++step) {
        const auto allowed = allowed_tokens(grammar, tokenizer);
        for (TokenId id = 0; id < tokenizer.size(); ++id) {
          Grammar copy = grammar;
          EXPECT_EQ(accepted(copy, id), bool(allowed[id])) << "token " << tokenizer.piece(id);
        }
        EXPECT_EQ(bool(allowed[*tokenizer.eos]), grammar.may_end());
        const auto token = random_allowed(allowed, *tokenizer.eos, random);
        if (!token) break;
        grammar.accept(*token);
      }
    }
  }
}

// States with the same number share a mask, so they must not differ in anything that `horizon` bytes show.
TEST(PushdownAutomaton, LookalikesReadTheSame) {
  constexpr int kHorizon = 6;
  const auto trie = make_token_trie(ToyTokenizer());
  std::vector<std::string> grammars = {kJsonGrammar};
  for (const auto& c : kCases) grammars.push_back(c.grammar);
  for (const auto& text : grammars) {
    SCOPED_TRACE(text);
    const PushdownAutomaton automaton = compile_grammar(parse_gbnf(text, *trie, "root"), kHorizon);
    const std::function<bool(uint32_t, uint32_t, int)> same = [&](uint32_t a, uint32_t b, int bytes) {
      if (a == b) return true;
      const auto edges_a = automaton.bytes(a), edges_b = automaton.bytes(b);
      const auto calls_a = automaton.calls(a), calls_b = automaton.calls(b);
      if (automaton.states[a].accepting != automaton.states[b].accepting) return false;
      if (bytes == 0) return true;
      if (edges_a.size() != edges_b.size() || calls_a.size() != calls_b.size()) return false;
      for (size_t i = 0; i < edges_a.size(); ++i)
        if (edges_a[i].low != edges_b[i].low || edges_a[i].high != edges_b[i].high ||
            !same(edges_a[i].target, edges_b[i].target, bytes - 1))
          return false;
      for (size_t i = 0; i < calls_a.size(); ++i)
        if (calls_a[i].rule != calls_b[i].rule || !same(calls_a[i].target, calls_b[i].target, bytes - 1)) return false;
      return true;
    };
    std::map<uint32_t, uint32_t> first;
    for (uint32_t state = 0; state + 1 < automaton.states.size(); ++state) {
      const uint32_t other = first.emplace(automaton.lookalike[state], state).first->second;
      EXPECT_TRUE(same(state, other, kHorizon)) << state << " and " << other;
    }
  }
}

TEST(Grammar, TokenLiteralsMatchWholeTokens) {
  const ToyTokenizer tokenizer({"abc"}, {"<end>", "<think>", "</think>"});
  const auto trie = make_token_trie(tokenizer);
  const TokenId end = *tokenizer.eos, think = end + 1, unthink = end + 2;
  Grammar grammar = Grammar::from_gbnf("root ::= <think> !</think>* </think> \"a\"", trie);
  EXPECT_FALSE(accepted(grammar, 'a'));
  EXPECT_TRUE(accepted(grammar, think));
  auto allowed = allowed_tokens(grammar, tokenizer);
  EXPECT_TRUE(allowed[think] && allowed[unthink] && allowed['x'] && allowed[256]);
  EXPECT_FALSE(allowed[end]);
  for (TokenId id : {TokenId('x'), think, TokenId(256), unthink}) grammar.accept(id);
  allowed = allowed_tokens(grammar, tokenizer);
  EXPECT_EQ(std::count(allowed.begin(), allowed.end(), true), 1);
  EXPECT_TRUE(allowed['a']);

  Grammar by_id = Grammar::from_gbnf("root ::= <[256]> \"c\"", trie);
  EXPECT_FALSE(accepted(by_id, 'a'));
  EXPECT_TRUE(accepted(by_id, 256));
  EXPECT_TRUE(accepted(by_id, 'c'));
  EXPECT_TRUE(by_id.must_end());
}

TEST(Grammar, EndsOnlyWhereTheTextIsComplete) {
  const ToyTokenizer tokenizer;
  Grammar grammar = Grammar::from_gbnf("root ::= \"a\"+", make_token_trie(tokenizer));
  EXPECT_FALSE(grammar.may_end());
  EXPECT_FALSE(accepted(grammar, *tokenizer.eos));
  grammar.accept('a');
  EXPECT_TRUE(grammar.may_end());
  EXPECT_FALSE(grammar.must_end());
  grammar.accept(*tokenizer.eos);
  EXPECT_TRUE(grammar.must_end());
  const auto allowed = allowed_tokens(grammar, tokenizer);
  EXPECT_EQ(std::count(allowed.begin(), allowed.end(), true), 1);
  EXPECT_TRUE(allowed[*tokenizer.eos]);
}

TEST(Grammar, CopiesGoTheirOwnWays) {
  const ToyTokenizer tokenizer;
  Grammar a = Grammar::from_gbnf("root ::= \"ab\" | \"cd\"", make_token_trie(tokenizer));
  Grammar b = a;
  a.accept('a');
  b.accept('c');
  EXPECT_TRUE(accepted(a, 'b'));
  EXPECT_TRUE(accepted(b, 'd'));
}

// Copies share what they computed: under TSan this shows that they share it safely.
TEST(Grammar, CopiesMayLiveOnDifferentThreads) {
  const ToyTokenizer tokenizer = tokenizer_with_pieces();
  const Grammar grammar = Grammar::from_gbnf(kJsonGrammar, make_token_trie(tokenizer));
  std::vector<std::thread> threads;
  std::array<std::optional<std::string>, 4> texts;
  for (size_t i = 0; i < texts.size(); ++i)
    threads.emplace_back([&, i] {
      std::mt19937 random(uint32_t(i / 2));
      texts[i] = random_text(grammar, tokenizer, random);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(texts[0], texts[1]);
  EXPECT_EQ(texts[2], texts[3]);
}

TEST(Gbnf, ErrorsNameLineAndColumn) {
  const ToyTokenizer tokenizer;
  const auto trie = make_token_trie(tokenizer);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"root ::= \"a", "line 1, column 12: found the end"},
      {"root ::= a\n", "line 1, column 10: found the undefined rule \"a\""},
      {"a ::= \"x\"\n", "no rule \"root\""},
      {"root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: found a second rule"},
      {"root = \"a\"", "line 1, column 6: found \"=\", expected ::="},
      {"root ::= [b-a]", "line 1, column 11: found a range that ends"},
      {"root ::= []", "line 1, column 10: found an empty character class"},
      {"root ::= \"\\q\"", "line 1, column 11: found an unknown escape"},
      {"root ::= \"\\x4\"", "2 hex digits"},
      {"root ::= \"\\ud800\"", "U+D800"},
      {"root ::= \"\\U00110000\"", "U+110000"},
      {"root ::= \"\xff\"", "UTF-8"},
      {"root ::= * \"a\"", "something to repeat"},
      {"root ::= \"a\"{3,2}", "smaller count first"},
      {"root ::= \"a\"{x}", "a number"},
      {"root ::= (\"a\"\n", "line 2, column 1: found the end"},
      {"root ::= \"a\")", "line 1, column 13"},
      {"root ::= (\"a\"\nb ::= \"c\"", "a rule inside a group"},
      {"root ::= <[257]>", "token 257"},
      {"root ::= <nope>", "<nope>"},
      {"root ::= root \"a\" | \"b\"", "left recursion"},
      {"root ::= \"x\"? a\na ::= n b\nb ::= a \"c\" | \"d\"\nn ::= \"\"", "left recursion"},
      {"root ::= \"a\" root", "a root that no finite text matches"},
      {std::string("root ::= \"a\"\0", 13), "line 1, column 13"},
  };
  for (const auto& [text, expected] : cases) expect_error([&] { Grammar::from_gbnf(text, trie); }, expected, text);
}

// Each within a second and without much memory: an Error or a working grammar, never a crash.
TEST(Gbnf, HostileGrammarsAreBounded) {
  const ToyTokenizer tokenizer = tokenizer_with_pieces();
  const auto trie = make_token_trie(tokenizer);
  const auto repeat = [](std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  std::string doubling = "root ::= r0\n", chain = "root ::= c0\n";
  for (int i = 0; i < 40; ++i)
    doubling += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + " r" + std::to_string(i + 1) + "\n";
  doubling += "r40 ::= \"a\"\n";
  for (int i = 0; i < 20000; ++i)
    chain += "c" + std::to_string(i) + " ::= \"a\" c" + std::to_string(i + 1) + " \"b\"\n";
  chain += "c20000 ::= \"z\"\n";
  const std::vector<std::string> must_fail = {
      "root ::= " + repeat("(", 100000),
      "root ::= " + repeat("(", 100000) + "\"a\"" + repeat(")", 100000),
      "root ::= \"a\"{1000000000}",
      "root ::= \"a\"{1000000000,}",
      "root ::= \"a\"{0,99999999999999999999}",
      "root ::= ((\"a\"{1000}){1000}){1000}",
      "root ::= (\"a\"?){20000}",
      "root ::= \"a\"" + repeat("*", 1000),
  };
  for (const auto& text : must_fail) EXPECT_THROW(Grammar::from_gbnf(text, trie), Error) << text.substr(0, 60);
  const std::vector<std::string> may_work = {
      doubling,
      chain,
      "root ::= [ab]* \"a\" [ab]{2000}",
      "root ::= \"a\" root root | \"a\"",
      "root ::= \"a\" root \"b\" root | \"a\" root \"c\" | \"a\" root | \"a\"",
      "root ::= (a | b | c)* \"d\"\na ::= \"a\" root?\nb ::= \"a\" root\nc ::= \"a\" c | \"a\"",
      "root ::= x{0,5000}\nx ::= [a-f]",
  };
  for (const auto& text : may_work) {
    try {
      Grammar grammar = Grammar::from_gbnf(text, trie);
      for (int i = 0; i < 200 && !grammar.must_end(); ++i) {
        const auto allowed = allowed_tokens(grammar, tokenizer);
        if (!allowed['a']) break;
        grammar.accept('a');
      }
    } catch (const Error&) {
    }
  }
}

TEST(Grammar, NestingIsBounded) {
  const ToyTokenizer tokenizer;
  Grammar grammar = Grammar::from_gbnf("root ::= \"[\" root* \"]\"", make_token_trie(tokenizer));
  int depth = 0;
  while (depth < 5000 && accepted(grammar, '[')) ++depth;
  EXPECT_GE(depth, 2000);
  EXPECT_LT(depth, 2100);
  while (depth-- > 0) grammar.accept(']');
  EXPECT_TRUE(grammar.must_end());
}

// Numbers of stack sets run out during a long text; the grammar goes on with new ones.
TEST(Grammar, LongTextsRenewTheStackSets) {
  const ToyTokenizer tokenizer;
  const auto trie = make_token_trie(tokenizer);
  Grammar grammar = Grammar::from_gbnf("root ::= \"(\" root \")\" root | \"[\" root \"]\" root | \"\"", trie);
  Grammar other = grammar;
  other.accept('[');
  std::mt19937 random(3);
  std::string open;
  for (int i = 0; i < 300000; ++i) {
    const bool opens = open.empty() || (open.size() < 60 && random() % 2);
    if (opens) open += random() % 2 ? '(' : '[';
    const char c = opens ? open.back() : open.back() == '(' ? ')' : ']';
    if (!opens) open.pop_back();
    grammar.accept(uint8_t(c));
  }
  while (!open.empty()) {
    grammar.accept(open.back() == '(' ? ')' : ']');
    open.pop_back();
  }
  EXPECT_TRUE(grammar.may_end());
  EXPECT_FALSE(accepted(other, ')'));
  EXPECT_TRUE(accepted(other, ']'));
  EXPECT_TRUE(other.may_end());
}

}  // namespace orrery::text
