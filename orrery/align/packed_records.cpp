#include "orrery/align/packed_records.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace orrery::align {

namespace {

constexpr size_t kAlike = 16;  // tokens: less is not worth a branch

using Tokens = std::vector<text::TokenId>;
using Group = std::vector<const LearnedTokens*>;

/// Records that have their first kAlike tokens in common and learn none of them stand together, in the order in which
/// the first of each group came.
std::vector<Group> groups_of(std::span<const LearnedTokens* const> records, bool branch) {
  std::vector<Group> groups;
  std::map<Tokens, size_t> group_of;
  for (const LearnedTokens* record : records) {
    const auto& [tokens, learned] = *record;
    const auto end = learned.begin() + static_cast<std::ptrdiff_t>(std::min(kAlike, learned.size()));
    if (!branch || tokens.size() <= kAlike || std::find(learned.begin(), end, true) != end) {
      groups.push_back({record});
      continue;
    }
    const Tokens key(tokens.begin(), tokens.begin() + kAlike);
    const auto [entry, is_new] = group_of.emplace(key, groups.size());
    if (is_new)
      groups.push_back({record});
    else
      groups[entry->second].push_back(record);
  }
  return groups;
}

/// Tokens that all begin with and none learns; each has one more at least.
size_t shared_by(const Group& group) {
  size_t shared = SIZE_MAX;
  for (const LearnedTokens* record : group) {
    const Tokens &tokens = record->tokens, &first = group[0]->tokens;
    const auto differs = std::ranges::mismatch(tokens, first).in1;
    const auto learns = std::ranges::find(record->learned, true);
    shared = std::min({shared, static_cast<size_t>(differs - tokens.begin()),
                       static_cast<size_t>(learns - record->learned.begin()), tokens.size() - 1});
  }
  return shared;
}

class RecordPacker {
 public:
  void add(const Group& group) {
    const size_t shared = group.size() == 1 ? 0 : shared_by(group);
    Tokens& row =
        rows_.emplace_back(group[0]->tokens.begin(), group[0]->tokens.begin() + static_cast<std::ptrdiff_t>(shared));
    for (const LearnedTokens* record : group) {
      const int64_t first = begin_ + static_cast<int64_t>(row.size());
      if (group.size() > 1) branches_.push_back(first);
      for (size_t i = std::max<size_t>(shared, 1); i < record->tokens.size(); ++i) {
        if (!record->learned[i]) continue;
        sources_.push_back(i == shared ? begin_ + static_cast<int64_t>(shared) - 1
                                       : first + static_cast<int64_t>(i - shared) - 1);
        targets_.push_back(record->tokens[i]);
      }
      row.insert(row.end(), record->tokens.begin() + static_cast<std::ptrdiff_t>(shared), record->tokens.end());
    }
    begin_ += static_cast<int64_t>(row.size());
  }
  PackedRecords finish() {
    return {nn::PackedRows(rows_, std::move(branches_)), at::tensor(sources_, at::kLong),
            at::tensor(targets_, at::kLong)};
  }

 private:
  std::vector<Tokens> rows_;
  std::vector<int64_t> branches_, sources_, targets_;
  int64_t begin_ = 0;  // of the row
};

}  // namespace

PackedRecords pack_records(std::span<const LearnedTokens* const> records, bool branch) {
  RecordPacker packer;
  for (const Group& group : groups_of(records, branch)) packer.add(group);
  return packer.finish();
}

}  // namespace orrery::align
