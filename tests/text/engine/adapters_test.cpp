// Adapters per request: in one batch, several at once, and apart in the prefix cache.
#include <cmath>
#include <limits>

#include "orrery/formats/safetensors.h"
#include "tests/text/engine/stories.h"
#include "tests/text/tiny_adapter.h"

namespace orrery::text {
namespace {

class EngineAdapters : public EngineTest {
 protected:
  // "small" changes q and v, "large" every linear and the head, "tuned" is a LLaMA-Adapter V2.
  void load(Engine& engine) {
    const DecoderSpec& spec = stories()->spec();
    write_tiny_lora(folder_ / "small", spec, {.modules = {"q_proj", "v_proj"}, .seed = 3});
    write_tiny_lora(
        folder_ / "large", spec,
        {.modules = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}, .seed = 5});
    for (const char* name : {"small", "large"}) engine.load_adapter(name, open_adapter(folder_ / name));
    engine.load_adapter("tuned", tiny_llama_adapter(spec, 7));
  }

  static std::vector<float> logits(Engine& engine, const std::vector<AdapterUse>& adapters, int words = 30) {
    std::vector<float> all;
    engine.score(
        stories()->tokenizer().encode(long_prompt(words)),
        [&](int64_t, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); }, {}, adapters);
    return all;
  }

  static float difference(const std::vector<float>& a, const std::vector<float>& b) {
    float largest = a.size() == b.size() ? 0 : std::numeric_limits<float>::infinity();
    for (size_t i = 0; i < a.size() && i < b.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
  }

  struct Logprobs {
    std::vector<TokenId> tokens;
    std::vector<float> values;
  };
  static Logprobs logprobs(Stream stream) {
    Logprobs all;
    for (StreamEvent event; stream.next(event);) {
      EXPECT_EQ(event.error, "");
      for (const TokenLogprob& entry : event.logprobs) {
        all.tokens.push_back(entry.token);
        all.values.push_back(entry.logprob);
      }
    }
    return all;
  }

  const TempFolder folder_;
};

TEST_F(EngineAdapters, RowsOfABatchAreWhatEachIsAlone) {
  const std::vector<std::vector<AdapterUse>> sets = {
      {}, {{"small"}}, {{"large"}}, {{"tuned"}}, {{"small", 0.5f}, {"large", -0.25f}}, {{"large", 0.5f}, {"tuned"}},
      {}};
  for (const bool exact : {false, true}) {
    const EngineOptions options{.threads = 2, .max_sequences = int(sets.size()), .exact = exact};
    Engine alone(stories(), options), together(stories(), options);
    load(alone);
    load(together);
    const auto submit = [&](Engine& engine, size_t i) {
      Request r = request(i % 2 == 0 ? "Once upon a time" : long_prompt(4), 24);
      r.adapters = sets[i];
      r.top_logprobs = 8;
      return engine.submit(std::move(r));
    };
    std::vector<Stream> streams;
    for (size_t i = 0; i < sets.size(); ++i) streams.push_back(submit(together, i));
    for (size_t i = 0; i < sets.size(); ++i) {
      const Logprobs batch = logprobs(std::move(streams[i])), one = logprobs(submit(alone, i));
      EXPECT_EQ(batch.tokens, one.tokens) << "set " << i;
      EXPECT_EQ(batch.values, one.values) << "set " << i;
    }
  }
}

TEST_F(EngineAdapters, AnAdapterChangesItsOwnRequestsOnly) {
  Engine engine(stories(), {.threads = 2, .exact = true});
  const std::vector<float> before = logits(engine, {});
  load(engine);
  for (const char* name : {"small", "large", "tuned"}) EXPECT_GT(difference(logits(engine, {{name}}), before), 0.1f);
  EXPECT_EQ(difference(logits(engine, {{"small", 0}}), before), 0);
  EXPECT_EQ(difference(logits(engine, {}), before), 0);
}

// w₁·s·B₁·A₁ + w₂·s·B₂·A₂ is one adapter with the rows of both A's and the columns of both B's.
TEST_F(EngineAdapters, SeveralWithWeightsAreTheirSum) {
  Engine engine(stories(), {.threads = 2, .exact = true});
  load(engine);
  write_tiny_lora(folder_ / "other", stories()->spec(), {.modules = {"q_proj", "v_proj"}, .seed = 11});
  engine.load_adapter("other", open_adapter(folder_ / "other"));
  const Adapter one = open_adapter(folder_ / "small"), two = open_adapter(folder_ / "other");
  const float weights[] = {0.75f, -0.5f};
  Adapter sum = one;
  std::vector<std::vector<float>> values;
  values.reserve(2 * one.linears.size());
  for (size_t i = 0; i < one.linears.size(); ++i) {
    const LinearChange* parts[] = {&one.linears[i], &two.linears[i]};
    ASSERT_EQ(parts[0]->module, parts[1]->module);
    const int64_t inputs = parts[0]->a.cols(), outputs = parts[0]->b.rows();
    std::vector<float>&a = values.emplace_back(), &b = values.emplace_back(outputs * 8);
    for (int which = 0; which < 2; ++which) {
      const auto* a_values = reinterpret_cast<const float*>(parts[which]->a.data);
      const auto* b_values = reinterpret_cast<const float*>(parts[which]->b.data);
      a.insert(a.end(), a_values, a_values + 4 * inputs);
      for (int64_t j = 0; j < outputs * 4; ++j) b[j / 4 * 8 + which * 4 + j % 4] = weights[which] * b_values[j];
    }
    const auto set = [](TensorView& view, const std::vector<float>& numbers, std::vector<int64_t> shape) {
      view.shape = std::move(shape);
      view.data = reinterpret_cast<const std::byte*>(numbers.data());
      view.bytes = int64_t(numbers.size() * sizeof(float));
    };
    set(sum.linears[i].a, a, {8, inputs});
    set(sum.linears[i].b, b, {outputs, 8});
  }
  engine.load_adapter("sum", sum);
  const std::vector<float> summed = logits(engine, {{"sum"}});
  EXPECT_LT(difference(logits(engine, {{"small", weights[0]}, {"other", weights[1]}}), summed), 1e-4f);  // other order
  EXPECT_GT(difference(logits(engine, {{"small", weights[0]}}), summed), 0.01f);
}

TEST_F(EngineAdapters, ThePrefixCacheKeepsThemApart) {
  Engine engine(stories(), {.threads = 2}), fresh(stories(), {.threads = 2});
  load(engine);
  load(fresh);
  const auto ask = [&](Engine& from, const std::vector<AdapterUse>& adapters) {
    Request r = request(long_prompt(60), 8);
    r.adapters = adapters;
    return answer(from.submit(std::move(r)));
  };
  const std::vector<std::vector<AdapterUse>> sets = {{}, {{"small"}}, {{"small", 0.5f}}, {{"large"}}};
  for (const auto& set : sets) {
    const Answer first = ask(engine, set), again = ask(engine, set);
    EXPECT_EQ(first.stats.cached_tokens, 0);
    EXPECT_GE(again.stats.cached_tokens, 128);
    EXPECT_EQ(first.tokens, again.tokens);
  }
  EXPECT_EQ(ask(engine, {{"large"}}).tokens, ask(fresh, {{"large"}}).tokens);
}

TEST_F(EngineAdapters, WhatCannotBeUsedIsRefused) {
  Engine engine(stories(), {.threads = 1});
  load(engine);
  engine.load_adapter("tuned too", tiny_llama_adapter(stories()->spec(), 8));
  const auto why = [&](const std::vector<AdapterUse>& adapters) {
    return error_of([&] {
      Request r = request("Once", 2);
      r.adapters = adapters;
      engine.submit(std::move(r));
    });
  };
  expect_contains(why({{"smal"}}), {"smal", "large", "small", "tuned"});
  expect_contains(why({{"small"}, {"small", 2}}), {"small", "twice"});
  expect_contains(why({{"small", std::nanf("")}}), {"small", "nan"});
  expect_contains(why({{"tuned", 0.5f}}), {"tuned", "0.5", "weight 1"});
  expect_contains(why({{"tuned"}, {"tuned too"}}), {"tuned too", "beside tuned"});
  expect_contains(error_of([&] { load(engine); }), {"small", "loaded already"});
}

}  // namespace
}  // namespace orrery::text
