#include "orrery/text/engine/draft_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"

namespace orrery::text {
namespace {

using kernels::kPageTokens;

[[noreturn]] void refuse_draft(const std::string& where, std::string found, std::string expected) {
  throw Error(
      {.doing = "use a draft model", .where = where, .found = std::move(found), .expected = std::move(expected)});
}

std::shared_ptr<const Checkpoint> open(const std::string& model, const Checkpoint& target) {
  auto draft = Checkpoint::open(model);
  if (draft->spec().mixer != MixerKind::kAttention || draft->spec().labels > 0)
    refuse_draft(model, fmt::format("a model of the family {}", draft->spec().family),
                 "a language model with attention");
  const Tokenizer &ours = draft->tokenizer(), &theirs = target.tokenizer();
  for (TokenId id = 0; id < std::max(ours.size(), theirs.size()); ++id)
    if (ours.piece(id) != theirs.piece(id))
      refuse_draft(model, fmt::format("token {} is \"{}\"", id, ours.piece(id)),
                   fmt::format("the vocabulary of the model it drafts for, where it is \"{}\"", theirs.piece(id)));
  return draft;
}

int64_t pages_for(int64_t tokens) { return (tokens + kPageTokens - 1) / kPageTokens; }

}  // namespace

DraftModel::DraftModel(const std::string& model, const Checkpoint& target, const EngineOptions& options,
                       ThreadPool& pool)
    : checkpoint_(open(model, target)),
      context_(std::min(options.context, checkpoint_->spec().context_length)),
      vocab_size_(std::min(checkpoint_->spec().vocab_size, target.spec().vocab_size)),
      cache_({DType::kF16, checkpoint_->spec().kv_heads, checkpoint_->spec().head_dim}, checkpoint_->spec().layers,
             options.max_sequences * pages_for(context_)),
      forward_(*checkpoint_, checkpoint_->spec(), cache_, pool, options.prompt_chunk + options.max_sequences, context_,
               {.exact = false, .mapped = options.mapped}, {}) {}

void DraftModel::draft(std::span<const Task> tasks) {
  std::vector<int64_t> wanted;  // tokens of each sequence in the end
  for (const Task& task : tasks) {
    const auto size = static_cast<int64_t>(task.tokens.size());
    wanted.push_back(size + task.most <= context_ ? size + task.most : size);
    // Keys and values of the last guesses may be those of tokens that were refused.
    task.memory.computed = std::min(task.memory.computed, size - 1);
    if (!task.memory.pages) task.memory.pages.emplace(cache_, 0);
  }
  for (;;) {
    segments_.clear();
    active_.clear();
    int64_t room = forward_.max_tokens();
    for (size_t i = 0; i < tasks.size(); ++i) {
      Memory& memory = tasks[i].memory;
      const auto size = static_cast<int64_t>(tasks[i].tokens.size());
      const int64_t count = std::min(size - memory.computed, room), end = memory.computed + count;
      if (size == wanted[i] || count == 0) continue;
      room -= count;
      memory.pages->grow(end);
      segments_.push_back({.tokens = std::span(tasks[i].tokens).subspan(memory.computed, count),
                           .first_position = memory.computed,
                           .pages = memory.pages->ids(),
                           .last_logits = end == size});
      active_.push_back(i);
    }
    if (active_.empty()) return;
    std::span<float> logits = forward_.step(segments_);
    for (size_t k = 0; k < active_.size(); ++k) {
      const Task& task = tasks[active_[k]];
      task.memory.computed += static_cast<int64_t>(segments_[k].tokens.size());
      if (!segments_[k].last_logits) continue;
      const std::span<float> row = logits.first(vocab_size_);
      task.tokens.push_back(static_cast<TokenId>(std::ranges::max_element(row) - row.begin()));
      logits = logits.subspan(checkpoint_->spec().outputs());
    }
  }
}

}  // namespace orrery::text
