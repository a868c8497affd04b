#include "orrery/text/tokenizer/merges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

namespace orrery::text {
namespace {

using Symbols = std::vector<Symbol>;

/// The definition, in plain loops.
Symbols merge_plainly(Symbols symbols, const MergeTable& merges) {
  while (true) {
    MergeTable::Merge best;
    size_t where = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto merge = merges.find(symbols[i], symbols[i + 1]);
      if (merge.rank < best.rank) best = merge, where = i;
    }
    if (best.rank == MergeTable::kNever) return symbols;
    symbols[where] = best.symbol;
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(where) + 1);
  }
}

/// As BPE training makes them: symbol `letters + rank` of two that exist.
MergeTable trained_table(int letters, int merges, std::mt19937& random) {
  MergeTable table;
  std::vector<MergeTable::Ends> ends;
  for (int i = 0; i < letters; ++i) ends.push_back({static_cast<Symbol>(i), static_cast<Symbol>(i)});
  for (int rank = 0; rank < merges;) {
    const auto any = [&] { return static_cast<Symbol>(random() % static_cast<unsigned>(letters + rank)); };
    const Symbol left = any(), right = random() % 3 == 0 ? left : any();
    if (!table.add(left, right, {static_cast<uint32_t>(rank), static_cast<Symbol>(letters + rank)})) continue;
    ends.push_back({ends[left].first, ends[right].last});
    ++rank;
  }
  table.finish([&](Symbol symbol) { return ends[symbol]; });
  return table;
}

/// What has a rank of its own.
enum class RanksOf { kPairs, kTexts, kSomeTexts };

/// As scores make them: texts of letters, each from every two that it consists of, in a random order of texts.
MergeTable scored_table(int letters, int texts, RanksOf ranks, std::mt19937& random) {
  std::map<std::string, Symbol> symbols;
  for (int i = 0; i < letters; ++i) symbols[std::string(1, static_cast<char>('a' + i))] = static_cast<Symbol>(i);
  while (symbols.size() < static_cast<size_t>(letters + texts)) {
    std::string text;
    for (size_t length = 2 + random() % 7; text.size() < length;)
      text += static_cast<char>('a' + random() % static_cast<unsigned>(letters));
    symbols.emplace(text, static_cast<Symbol>(symbols.size()));
    if (letters == 1 && symbols.size() == 8) break;
  }
  std::vector<std::pair<std::string, Symbol>> order(symbols.begin(), symbols.end());
  std::shuffle(order.begin(), order.end(), random);
  MergeTable table;
  uint32_t rank = 0;
  for (const auto& [text, symbol] : order) {
    for (size_t cut = 1; cut < text.size(); ++cut) {
      const auto left = symbols.find(text.substr(0, cut)), right = symbols.find(text.substr(cut));
      if (left == symbols.end() || right == symbols.end()) continue;
      table.add(left->second, right->second, {rank, symbol});
      rank += ranks == RanksOf::kPairs;
    }
    rank += ranks == RanksOf::kTexts || (ranks == RanksOf::kSomeTexts && random() % 4 == 0);
  }
  table.finish([&](Symbol symbol) -> MergeTable::Ends {
    const auto text =
        std::find_if(symbols.begin(), symbols.end(), [=](const auto& s) { return s.second == symbol; })->first;
    return {static_cast<Symbol>(text.front() - 'a'), static_cast<Symbol>(text.back() - 'a')};
  });
  return table;
}

/// Merges in any order, ranks and results shared.
MergeTable wild_table(int symbols, int merges, std::mt19937& random) {
  MergeTable table;
  for (int i = 0; i < merges; ++i) {
    const auto any = [&] { return static_cast<Symbol>(random() % static_cast<unsigned>(symbols)); };
    table.add(any(), any(), {static_cast<uint32_t>(random() % 20), any()});
  }
  return table;
}

Symbols random_word(int letters, size_t length, std::mt19937& random) {
  Symbols word;
  while (word.size() < length)
    word.insert(word.end(), random() % 4 == 0 ? random() % 9 : 1, random() % static_cast<unsigned>(letters));
  return word;
}

TEST(Merges, SweepsGiveWhatTheDefinitionGives) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 3000; ++trial) {
    const int letters = 1 + trial % 4;
    const MergeTable table = trained_table(letters, 1 + trial % 40, random);
    ASSERT_TRUE(table.is_regular());
    const Symbols word = random_word(letters, random() % 120, random);
    Symbols swept = word;
    merge_by_sweeps(swept, table);
    ASSERT_EQ(swept, merge_plainly(word, table)) << "trial " << trial;
  }
}

TEST(Merges, SweepsGiveWhatTheDefinitionGivesWhereSymbolsAreUsedBeforeTheyAreMade) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 6000; ++trial) {
    const int letters = 1 + trial % 4;
    const MergeTable table = scored_table(letters, 3 + trial % 60, static_cast<RanksOf>(trial % 3), random);
    ASSERT_TRUE(table.is_regular());
    const Symbols word = random_word(letters, random() % 150, random), expected = merge_plainly(word, table);
    Symbols swept = word, chosen = word;
    merge_by_sweeps(swept, table);
    ASSERT_EQ(swept, expected) << "trial " << trial;
    merge_symbols(chosen, table);
    ASSERT_EQ(chosen, expected) << "trial " << trial;
  }
}

TEST(Merges, HeapAndShortWordsGiveWhatTheDefinitionGives) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 3000; ++trial) {
    const MergeTable table = wild_table(2 + trial % 9, 1 + trial % 40, random);
    const Symbols word = random_word(2, random() % 120, random), expected = merge_plainly(word, table);
    Symbols heaped = word, chosen = word;
    merge_by_heap(heaped, table);
    merge_symbols(chosen, table);
    ASSERT_EQ(heaped, expected) << "trial " << trial;
    ASSERT_EQ(chosen, expected) << "trial " << trial;
  }
}

TEST(Merges, FirstOfEqualMergesStaysUnlessReplaced) {
  MergeTable table;
  EXPECT_TRUE(table.add(1, 2, {5, 3}));
  EXPECT_FALSE(table.add(1, 2, {0, 4}));
  EXPECT_EQ(table.find(1, 2).symbol, 3u);
  table.add_or_replace(1, 2, {6, 4});
  EXPECT_EQ(table.find(1, 2).symbol, 4u);
  EXPECT_EQ(table.find(2, 1).rank, MergeTable::kNever);
}

/// Parts of a few symbols that come again and again, as the bytes of one character do, among others.
TEST(Merges, RepeatedPartsAreMergedAsTheFirstOne) {
  std::mt19937 random(17);
  for (int trial = 0; trial < 300; ++trial) {
    const MergeTable table = trained_table(8, 6, random);
    Symbols symbols;
    while (symbols.size() < 400) {
      Symbols unit(1 + random() % 9);
      for (Symbol& symbol : unit) symbol = random() % 8;
      for (size_t times = 1 + random() % 20; times > 0; --times)
        symbols.insert(symbols.end(), unit.begin(), unit.end());
    }
    const Symbols expected = merge_plainly(symbols, table);
    merge_symbols(symbols, table);
    ASSERT_EQ(symbols, expected);
  }
}

}  // namespace
}  // namespace orrery::text
