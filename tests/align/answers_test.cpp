#include "orrery/align/answers.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "orrery/nn/log_probs.h"
#include "tests/text/tiny_model.h"

namespace orrery::align {
namespace {

class Answers : public testing::Test {
 protected:
  std::shared_ptr<nn::Decoder> model(const nlohmann::json& changes = {}) const {
    text::write_tiny_model(folder_.path(), text::tiny_config(changes));
    return std::make_shared<nn::Decoder>(*text::Checkpoint::open(folder_.path().string()));
  }
  /// Each prompt with each answer, alone.
  static std::vector<double> one_by_one(nn::Decoder& model, const std::vector<AnsweredPrompt>& prompts) {
    std::vector<double> all;
    for (const AnsweredPrompt& prompted : prompts) {
      for (const auto& answer : prompted.answers) {
        std::vector<text::TokenId> row = prompted.prompt;
        row.insert(row.end(), answer.begin(), answer.end());
        const nn::PackedRows rows(std::vector<std::vector<text::TokenId>>{row});
        const at::Tensor log_probs = at::log_softmax(model.logits(model.hidden(rows)), -1);
        double sum = 0;
        for (size_t i = std::max<size_t>(1, prompted.prompt.size()); i < row.size(); ++i)
          sum += log_probs[static_cast<int64_t>(i) - 1][row[i]].item<double>();
        all.push_back(sum);
      }
    }
    return all;
  }
  static at::Tensor together(nn::Decoder& model, const std::vector<AnsweredPrompt>& prompts) {
    std::vector<const AnsweredPrompt*> pointers;
    for (const AnsweredPrompt& prompted : prompts) pointers.push_back(&prompted);
    const PackedAnswers packed = pack_answers(pointers, model);
    return answer_log_probs(model, model.hidden(packed.rows), packed);
  }
  const std::vector<AnsweredPrompt> prompts_ = {{{1, 7, 9, 30}, {{4, 5, 6, 2}, {8, 2}}},
                                                {{1, 22}, {{40, 41}, {40, 42, 43, 44, 45}}},
                                                {{}, {{9, 8, 7}, {6, 5}}},
                                                {{1, 2, 3}, {{11}, {12, 13}, {14, 15, 16}}}};
  text::TempFolder folder_;
};

TEST_F(Answers, SharedPromptsChangeNothing) {
  for (const nlohmann::json& changes :
       {nlohmann::json{},
        {{"model_type", "mistral"}, {"architectures", {"MistralForCausalLM"}}, {"sliding_window", 3}}}) {
    const auto decoder = model(changes);
    ASSERT_TRUE(decoder->can_branch());
    const std::vector<double> expected = one_by_one(*decoder, prompts_);
    const at::Tensor ours = together(*decoder, prompts_);
    ASSERT_EQ(ours.size(0), static_cast<int64_t>(expected.size()));
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(ours[static_cast<int64_t>(i)].item<double>(), expected[i], 2e-5) << i;
  }
}

TEST_F(Answers, GradientsOfSharedPromptsAreThoseOfRowsOfTheirOwn) {
  const auto gradient_of = [&](nn::Decoder& decoder, const at::Tensor& loss) {
    loss.backward();
    std::map<std::string, at::Tensor> gradients;
    for (const auto& [name, tensor] : decoder.parameters().all()) {
      gradients[name] = tensor.grad().clone();
      tensor.mutable_grad() = at::Tensor();
    }
    return gradients;
  };
  const auto decoder = model();
  const at::Tensor weights = at::tensor({1.f, -2.f, 0.5f, 1.5f, -1.f, 1.f, 0.3f, -0.7f, 2.f});
  const auto shared = gradient_of(*decoder, (together(*decoder, prompts_) * weights).sum());
  std::vector<AnsweredPrompt> apart;
  for (const AnsweredPrompt& prompted : prompts_)
    for (const auto& answer : prompted.answers) apart.push_back({prompted.prompt, {answer}});
  const auto own = gradient_of(*decoder, (together(*decoder, apart) * weights).sum());
  for (const auto& [name, gradient] : own)
    EXPECT_LT((shared.at(name) - gradient).abs().max().item<double>(), 2e-4 * (1 + gradient.abs().max().item<double>()))
        << name;
}

TEST_F(Answers, PromptsMayBeginLater) {
  const auto decoder = model();
  AnsweredPrompt cut = prompts_[0];
  cut.skips = {1, 3};
  const std::vector<double> expected = one_by_one(*decoder, {{{7, 9, 30}, {{4, 5, 6, 2}}}, {{30}, {{8, 2}}}});
  const at::Tensor ours = together(*decoder, {cut});
  EXPECT_NEAR(ours[0].item<double>(), expected[0], 2e-5);
  EXPECT_NEAR(ours[1].item<double>(), expected[1], 2e-5);
}

TEST_F(Answers, SaysWhereEachEnds) {
  const auto decoder = model();
  const AnsweredPrompt* prompted = &prompts_[0];
  const PackedAnswers packed = pack_answers({&prompted, 1}, *decoder);
  EXPECT_EQ(packed.last[0].item<int64_t>(), 7);
  EXPECT_EQ(packed.last[1].item<int64_t>(), 9);
  EXPECT_EQ(packed.lengths[1].item<float>(), 2);
  EXPECT_EQ(packed.rows.positions[8].item<int64_t>(), 4);
  EXPECT_EQ(packed.prompt_targets.size(0), 3);
}

}  // namespace
}  // namespace orrery::align
