#include "orrery/align/truncation.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"

namespace orrery::align {

namespace {

template <class T>
void erase_first(std::vector<T>& list, size_t count) {
  list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(count));
}

/// The row of `skips` tokens fewer of a prompt than it has, and an answer. Cuts the answer, or skips more. Returns
/// whether something of it can still be learned: a row's first token cannot.
bool cut_row(size_t prompt, size_t& skips, std::vector<text::TokenId>& answer, size_t most, TruncationMode mode) {
  const size_t size = prompt - skips + answer.size(), surplus = size > most ? size - most : 0;
  if (mode == TruncationMode::kKeepStart) {
    answer.resize(answer.size() - std::min(surplus, answer.size()));
  } else {
    const size_t of_prompt = std::min(surplus, prompt - skips);
    skips += of_prompt;
    erase_first(answer, surplus - of_prompt);
  }
  return answer.size() > (skips == prompt ? 1 : 0);
}

// Each cuts a record that is too long and says whether it stays.

bool cut(LearnedTokens& record, size_t most, TruncationMode mode) {
  if (mode == TruncationMode::kKeepStart) {
    record.tokens.resize(most), record.learned.resize(most);
  } else {
    erase_first(record.learned, record.learned.size() - most);
    erase_first(record.tokens, record.tokens.size() - most);
  }
  return std::find(record.learned.begin() + 1, record.learned.end(), true) != record.learned.end();
}

bool cut(PromptTokens&, size_t, TruncationMode) { return false; }

bool cut(PairedTokens& record, size_t most, TruncationMode mode) {
  const size_t prompt = record.prompt.size();
  const bool chosen = cut_row(prompt, record.chosen_skips, record.chosen, most, mode);
  const bool rejected = cut_row(prompt, record.rejected_skips, record.rejected, most, mode);
  const size_t both = std::min(record.chosen_skips, record.rejected_skips);
  erase_first(record.prompt, both);
  record.chosen_skips -= both, record.rejected_skips -= both;
  return chosen && rejected;
}

bool cut(LabelledTokens& record, size_t most, TruncationMode mode) {
  size_t skips = 0;
  const bool stays = cut_row(record.prompt.size(), skips, record.completion, most, mode);
  erase_first(record.prompt, skips);
  return stays;
}

std::vector<size_t> sizes_of_rows(const LearnedTokens& record) { return {record.tokens.size()}; }
std::vector<size_t> sizes_of_rows(const PromptTokens& record) { return {record.prompt.size()}; }
std::vector<size_t> sizes_of_rows(const LabelledTokens& record) {
  return {record.prompt.size() + record.completion.size()};
}
std::vector<size_t> sizes_of_rows(const PairedTokens& record) {
  return {record.prompt.size() - record.chosen_skips + record.chosen.size(),
          record.prompt.size() - record.rejected_skips + record.rejected.size()};
}

template <class T>
TruncationSummary truncate_all(std::vector<T>& records, const TruncationOptions& options) {
  if (options.max_length < 0)
    throw Error({.doing = "cut records",
                 .where = "max_length",
                 .found = std::to_string(options.max_length),
                 .expected = "a number of tokens, or 0 to cut nothing"});
  TruncationSummary summary{.records = static_cast<int64_t>(records.size())};
  if (options.max_length == 0) return summary;
  const auto most = static_cast<size_t>(options.max_length);
  size_t stay = 0;
  for (T& record : records) {
    int64_t surplus = 0;
    for (const size_t size : sizes_of_rows(record)) surplus += static_cast<int64_t>(size - std::min(size, most));
    if (surplus > 0) {
      if (options.truncation_mode == TruncationMode::kDrop || !cut(record, most, options.truncation_mode)) {
        ++summary.dropped;
        continue;
      }
      ++summary.cut;
      summary.tokens_cut += surplus;
    }
    if (&records[stay] != &record) records[stay] = std::move(record);
    ++stay;
  }
  records.resize(stay);
  return summary;
}

}  // namespace

std::string to_text(const TruncationSummary& summary) {
  if (summary.cut == 0 && summary.dropped == 0) return fmt::format("none of {} records cut", summary.records);
  return fmt::format("{} of {} records cut ({} tokens), {} left out", summary.cut, summary.records, summary.tokens_cut,
                     summary.dropped);
}

TruncationSummary truncate(std::vector<LearnedTokens>& records, const TruncationOptions& options) {
  return truncate_all(records, options);
}
TruncationSummary truncate(std::vector<PairedTokens>& records, const TruncationOptions& options) {
  return truncate_all(records, options);
}
TruncationSummary truncate(std::vector<LabelledTokens>& records, const TruncationOptions& options) {
  return truncate_all(records, options);
}

TruncationSummary truncate(std::vector<PromptTokens>& records, const TruncationOptions& options) {
  return truncate_all(records, options);
}

}  // namespace orrery::align
