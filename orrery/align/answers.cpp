#include "orrery/align/answers.h"

#include <ATen/ATen.h>

#include <utility>

#include "orrery/nn/log_probs.h"

namespace orrery::align {

namespace {

class AnswerPacker {
 public:
  /// A row for answers [first, last) of a prompt, each a branch where there are several.
  void add(const AnsweredPrompt& prompted, size_t first, size_t last) {
    const size_t skipped = prompted.skips.empty() ? 0 : prompted.skips[first];
    std::vector<text::TokenId>& row =
        rows_.emplace_back(prompted.prompt.begin() + static_cast<std::ptrdiff_t>(skipped), prompted.prompt.end());
    const int64_t begin = size_, prompt = static_cast<int64_t>(row.size());
    if (first == 0) {  // once, where each answer has a row
      for (int64_t i = 1; i < prompt; ++i) {
        prompt_sources_.push_back(begin + i - 1);
        prompt_targets_.push_back(row[static_cast<size_t>(i)]);
      }
    }
    for (size_t which = first; which < last; ++which) {
      const std::vector<text::TokenId>& answer = prompted.answers[which];
      const int64_t start = begin + static_cast<int64_t>(row.size());
      if (last - first > 1 && !answer.empty()) branches_.push_back(start);
      for (size_t i = 0; i < answer.size(); ++i) {
        const int64_t source = i > 0 ? start + static_cast<int64_t>(i) - 1 : begin + prompt - 1;
        if (source < begin) continue;  // nothing comes before it
        sources_.push_back(source);
        targets_.push_back(answer[i]);
        answer_of_.push_back(static_cast<int64_t>(lengths_.size()));
        number_.push_back(static_cast<int64_t>(i) - (prompt == 0 ? 1 : 0));
      }
      row.insert(row.end(), answer.begin(), answer.end());
      lengths_.push_back(static_cast<float>(prompted.predicted(which)));
      last_.push_back(answer.empty() ? begin + prompt - 1 : begin + static_cast<int64_t>(row.size()) - 1);
    }
    size_ += static_cast<int64_t>(row.size());
  }

  PackedAnswers finish() {
    return {nn::PackedRows(rows_, std::move(branches_)),
            at::tensor(sources_, at::kLong),
            at::tensor(targets_, at::kLong),
            at::tensor(answer_of_, at::kLong),
            at::tensor(number_, at::kLong),
            at::tensor(lengths_),
            at::tensor(last_, at::kLong),
            at::tensor(prompt_sources_, at::kLong),
            at::tensor(prompt_targets_, at::kLong)};
  }

 private:
  std::vector<std::vector<text::TokenId>> rows_;
  std::vector<int64_t> branches_, sources_, targets_, answer_of_, number_, last_, prompt_sources_, prompt_targets_;
  std::vector<float> lengths_;
  int64_t size_ = 0;
};

}  // namespace

int64_t AnsweredPrompt::size() const {
  size_t sum = prompt.size();
  for (const auto& answer : answers) sum += answer.size();
  return static_cast<int64_t>(sum);
}

PackedAnswers pack_answers(std::span<const AnsweredPrompt* const> prompts, const nn::Decoder& model) {
  AnswerPacker packer;
  for (const AnsweredPrompt* prompted : prompts) {
    const size_t answers = prompted->answers.size();
    if (model.can_branch() && prompted->skips.empty())
      packer.add(*prompted, 0, answers);
    else
      for (size_t i = 0; i < answers; ++i) packer.add(*prompted, i, i + 1);
  }
  return packer.finish();
}

at::Tensor answer_log_probs(const nn::Decoder& model, const at::Tensor& hidden, const PackedAnswers& packed) {
  const at::Tensor log_probs =
      nn::token_log_probs(hidden.index_select(0, packed.sources), model.head(), packed.targets);
  return at::zeros_like(packed.lengths).index_add(0, packed.answer_of, log_probs);
}

}  // namespace orrery::align
