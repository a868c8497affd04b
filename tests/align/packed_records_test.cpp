#include "orrery/align/packed_records.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "orrery/nn/decoder.h"
#include "orrery/nn/log_probs.h"
#include "tests/text/tiny_model.h"

namespace orrery::align {
namespace {

LearnedTokens record(size_t shared, std::vector<text::TokenId> own, size_t learned) {
  LearnedTokens made;
  for (size_t i = 0; i < shared; ++i) made.tokens.push_back(static_cast<text::TokenId>(20 + i));
  made.tokens.insert(made.tokens.end(), own.begin(), own.end());
  made.learned.assign(made.tokens.size(), false);
  for (size_t i = made.tokens.size() - learned; i < made.tokens.size(); ++i) made.learned[i] = true;
  return made;
}

TEST(PackedRecords, BeginningsThatAreSharedAreComputedOnceAndChangeNothing) {
  text::TempFolder folder;
  text::write_tiny_model(folder.path(), text::tiny_config());
  nn::Decoder model(*text::Checkpoint::open(folder.path().string()));
  // The last one's first own token is learned, so that a token of the beginning predicts it.
  const std::vector<LearnedTokens> all = {record(18, {4, 5, 6}, 2), record(3, {7, 8}, 1),   record(20, {9, 3, 2}, 1),
                                          record(18, {11}, 1),      record(18, {4, 90}, 1), record(17, {60, 61}, 2)};
  std::vector<const LearnedTokens*> records;
  for (const LearnedTokens& one : all) records.push_back(&one);
  std::map<std::string, at::Tensor> gradients;
  double losses[2];
  for (const bool branch : {false, true}) {
    const PackedRecords packed = pack_records(records, branch);
    EXPECT_EQ(packed.rows.rows(), branch ? 2 : 6);
    EXPECT_EQ(packed.rows.size(), branch ? 5 + 17 + (4 + 6 + 2 + 3 + 2) : 107);
    EXPECT_EQ(packed.sources.size(0), 8);
    const at::Tensor loss =
        -nn::token_log_probs(model.hidden(packed.rows).index_select(0, packed.sources), model.head(), packed.targets)
             .sum();
    losses[branch] = loss.item<double>();
    loss.backward();
    for (const auto& [name, tensor] : model.parameters().all()) {
      if (branch) {
        EXPECT_LT((gradients.at(name) - tensor.grad()).abs().max().item<double>(),
                  2e-4 * (1 + tensor.grad().abs().max().item<double>()))
            << name;
      }
      gradients[name] = tensor.grad().clone();
      tensor.mutable_grad() = at::Tensor();
    }
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-4);
}

}  // namespace
}  // namespace orrery::align
