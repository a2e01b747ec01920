#include "runtime/engine/sampler.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "runtime/base/error.h"

using namespace tierscope;

namespace {

const std::vector<float> kLogits{0.0F, 2.0F, 1.0F, -1.0F, 2.0F};

std::map<TokenId, double> shares(const SamplerOptions& options) {
  constexpr int kDraws = 20000;
  Sampler sampler(options);
  std::map<TokenId, double> counts;
  for (int i = 0; i < kDraws; ++i) counts[sampler.sample(kLogits)] += 1.0 / kDraws;
  return counts;
}

}  // namespace

TEST_CASE("greedy takes the first of the largest logits", "[sampler]") {
  CHECK(Sampler({}).sample(kLogits) == 1);
}

TEST_CASE("draws follow the softmax at the temperature", "[sampler]") {
  double total = 0;
  for (const float logit : kLogits) total += std::exp(logit / 0.7);
  auto counted = shares({0.7, 0, 1, 3});
  for (TokenId token = 0; token < kLogits.size(); ++token)
    CHECK(counted[token] == Approx(std::exp(kLogits[token] / 0.7) / total).margin(0.01));
}

TEST_CASE("top-k and top-p leave the likeliest", "[sampler]") {
  CHECK(shares({1, 1, 1, 1}).size() == 1);
  const auto three = shares({1, 3, 1, 1});
  CHECK(three.size() == 3);
  CHECK(three.count(2) == 1);
  const auto nucleus = shares({1, 0, 0.5, 1});  // one of the two best has 0.396 of the mass, both 0.79
  CHECK(nucleus.size() == 2);
  CHECK(shares({1, 0, 0.01, 1}).size() == 1);
}

TEST_CASE("a seed repeats its draws", "[sampler]") {
  Sampler a({1, 0, 1, 7}), b({1, 0, 1, 7}), c({1, 0, 1, 8});
  std::vector<TokenId> from_a, from_b, from_c;
  for (int i = 0; i < 50; ++i) {
    from_a.push_back(a.sample(kLogits));
    from_b.push_back(b.sample(kLogits));
    from_c.push_back(c.sample(kLogits));
  }
  CHECK(from_a == from_b);
  CHECK(from_a != from_c);
}

TEST_CASE("options out of range are refused", "[sampler]") {
  CHECK_THROWS_AS(Sampler({-1, 0, 1, 1}), UsageError);
  CHECK_THROWS_AS(Sampler({NAN, 0, 1, 1}), UsageError);
  CHECK_THROWS_AS(Sampler({1, 0, 0, 1}), UsageError);
  CHECK_THROWS_AS(Sampler({1, 0, 1.5, 1}), UsageError);
}
