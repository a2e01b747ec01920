// The decoder's logits beside the exact ones, and beside themselves under other chunks, batches and runs.
#include <catch2/catch.hpp>

#include "runtime/base/error.h"
#include "tests/support/golden_model.h"

using namespace tierscope;

namespace {

DecoderOptions small_options(uint32_t sequences = 1) {
  DecoderOptions options;
  options.context_tokens = 256;
  options.sequences = sequences;
  return options;
}

std::vector<TokenId> long_sequence(const GoldenModel& model, size_t count) {
  std::vector<TokenId> tokens;
  for (size_t i = 0; i < count; ++i) tokens.push_back(model.tokens()[i * 7 % model.tokens().size()]);
  return tokens;
}

}  // namespace

TEST_CASE("every golden model keeps its bound, whatever the chunk", "[logits]") {
  for (const auto& [name, bound] : logit_bounds()) {
    const GoldenModel model(name);
    const std::vector<float> exact = model.exact_logits();
    REQUIRE(exact.size() == model.tokens().size() * model.vocab());
    const auto decoder = make_cpu_decoder(model.file(), small_options());
    for (const uint32_t chunk : {1U, 7U, 512U}) {
      INFO(name << ", chunk " << chunk);
      decoder->reset(0);
      CHECK(nmse(model.forward_in_chunks(*decoder, model.tokens(), chunk), exact) <= bound);
    }
  }
}

TEST_CASE("the same input gives the same bits, in one decoder and in another", "[logits]") {
  for (const char* name : {"micro-f32", "tiny-q4_k"}) {
    const GoldenModel model(name);
    const auto decoder = make_cpu_decoder(model.file(), small_options());
    const std::vector<float> first = model.forward_in_chunks(*decoder, model.tokens(), 7);
    decoder->reset(0);
    CHECK(model.forward_in_chunks(*decoder, model.tokens(), 7) == first);
    const auto other = make_cpu_decoder(model.file(), small_options());
    CHECK(model.forward_in_chunks(*other, model.tokens(), 7) == first);
  }
}

TEST_CASE("beyond the window and around the ring, chunks still agree", "[logits]") {
  for (const char* name : {"micro-f32", "gqa-f32", "nople-f32"}) {
    const GoldenModel model(name);
    DecoderOptions options = small_options();
    options.max_batch_tokens = 16;  // window 16: the sliding layers' ring of 64 goes around several times
    const auto small_ring = make_cpu_decoder(model.file(), options);
    const auto tokens = long_sequence(model, options.context_tokens);
    const auto no_ring = make_cpu_decoder(model.file(), small_options());
    const std::vector<float> whole = model.forward_in_chunks(*no_ring, tokens, 512);
    for (const uint32_t chunk : {1U, 7U, 16U}) {
      INFO(name << ", chunk " << chunk);
      small_ring->reset(0);
      CHECK(nmse(model.forward_in_chunks(*small_ring, tokens, chunk), whole) <= 1e-8);
    }
  }
}

TEST_CASE("a batch of sequences equals each sequence alone", "[logits]") {
  for (const char* name : {"micro-f32", "gqa-f32", "tiny-q8_0"}) {
    const GoldenModel model(name);
    const double bound = logit_bounds()[name];
    const std::vector<std::vector<TokenId>> sequences{
        long_sequence(model, 40), model.tokens(), {model.tokens().rbegin(), model.tokens().rend()}};
    const auto batched = make_cpu_decoder(model.file(), small_options(3));
    const auto alone = make_cpu_decoder(model.file(), small_options());
    std::vector<std::vector<float>> expected, got(3);
    for (const auto& tokens : sequences) {
      alone->reset(0);
      expected.push_back(model.forward_in_chunks(*alone, tokens, 512));
    }
    // Prompts of unequal length in one pass, then decode steps of all three together.
    std::vector<uint32_t> done(3);
    for (bool first = true;; first = false) {
      std::vector<BatchToken> batch;
      for (uint32_t s = 0; s < 3; ++s)
        for (uint32_t n = first ? 5 + 3 * s : 1; n > 0 && done[s] < sequences[s].size(); --n, ++done[s])
          batch.push_back({sequences[s][done[s]], s, done[s], true});
      if (batch.empty()) break;
      const std::vector<float> logits = model.forward(*batched, batch);
      for (size_t i = 0; i < batch.size(); ++i)
        got[batch[i].sequence].insert(got[batch[i].sequence].end(),
                                      logits.begin() + static_cast<long>(i * model.vocab()),
                                      logits.begin() + static_cast<long>((i + 1) * model.vocab()));
    }
    for (size_t s = 0; s < 3; ++s) {
      INFO(name << ", sequence " << s);
      CHECK(nmse(got[s], expected[s]) <= bound);
    }
  }
}

TEST_CASE("tokens that want no logits change nothing for those that do", "[logits]") {
  for (const auto& [name, bound] : logit_bounds()) {
    const GoldenModel model(name);
    const std::vector<float> exact = model.exact_logits();
    const auto decoder = make_cpu_decoder(model.file(), small_options());
    std::vector<BatchToken> batch;
    for (uint32_t i = 0; i < model.tokens().size(); ++i) batch.push_back({model.tokens()[i], 0, i, i % 20 == 19});
    const std::vector<float> logits = model.forward(*decoder, batch);
    std::vector<float> expected;
    for (const BatchToken& token : batch)
      if (token.wants_logits)
        expected.insert(expected.end(), exact.begin() + token.position * model.vocab(),
                        exact.begin() + (token.position + 1) * model.vocab());
    INFO(name);
    CHECK(nmse(logits, expected) <= bound);
  }
}

TEST_CASE("a step without logits still awaits its rows and fills the cache", "[logits]") {
  const GoldenModel model("micro-f32");
  const auto decoder = make_cpu_decoder(model.file(), small_options());
  const auto& tokens = model.tokens();
  std::vector<BatchToken> batch;
  for (uint32_t i = 0; i + 1 < tokens.size(); ++i) batch.push_back({tokens[i], 0, i, false});
  CHECK(model.forward(*decoder, batch).empty());
  const auto last = static_cast<uint32_t>(tokens.size() - 1);
  const std::vector<float> logits = model.forward(*decoder, {{tokens[last], 0, last, true}});
  const std::vector<float> exact = model.exact_logits();
  CHECK(nmse(logits, std::span(exact).last(model.vocab())) <= 1e-8);
}

TEST_CASE("what does not fit the model or the context is refused", "[logits]") {
  const GoldenModel model("micro-f32");
  DecoderOptions options;
  options.context_tokens = 3;
  const auto decoder = make_cpu_decoder(model.file(), options);
  CHECK_THROWS_WITH(model.forward(*decoder, {{300, 0, 0, true}}), Catch::Contains("token 300 is outside"));
  model.forward_in_chunks(*decoder, std::vector<TokenId>{2, 3, 4}, 2);
  CHECK_THROWS_WITH(model.forward(*decoder, {{2, 0, 3, true}}), Catch::Contains("context of 3 tokens is full"));
}
