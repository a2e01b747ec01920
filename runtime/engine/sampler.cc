#include "runtime/engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/base/error.h"

namespace tierscope {

Sampler::Sampler(const SamplerOptions& options) : options_(options), state_(options.seed) {
  if (!(options.temperature >= 0)) throw UsageError("the temperature must not be negative", "--temperature");
  if (!(options.top_p > 0 && options.top_p <= 1)) throw UsageError("top-p is above 0 and at most 1", "--top-p");
}

// splitmix64, so that a seed means the same with every standard library.
double Sampler::uniform() {
  uint64_t x = state_ += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

TokenId Sampler::sample(std::span<const float> logits) {
  if (options_.temperature == 0) return static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin());
  candidates_.resize(logits.size());
  std::iota(candidates_.begin(), candidates_.end(), TokenId{0});
  const auto likelier = [&](TokenId a, TokenId b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
  const size_t kept = options_.top_k ? std::min<size_t>(options_.top_k, candidates_.size()) : candidates_.size();
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(kept), candidates_.end(),
                    likelier);
  candidates_.resize(kept);
  weights_.clear();
  const double best = logits[candidates_[0]];
  for (const TokenId token : candidates_) weights_.push_back(std::exp((logits[token] - best) / options_.temperature));
  const double total = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  size_t nucleus = 0;
  double mass = 0;
  while (nucleus < kept && (nucleus == 0 || mass < options_.top_p * total)) mass += weights_[nucleus++];
  double point = uniform() * mass;
  for (size_t i = 0; i + 1 < nucleus; ++i) {
    if (point < weights_[i]) return candidates_[i];
    point -= weights_[i];
  }
  return candidates_[nucleus - 1];
}

}  // namespace tierscope
