// Rotary position embedding, NeoX kind: the angles of a pass's positions. Values only.
// Source: Su et al., "RoFormer", 2021; per-pair divisors as in GGUF's rope_freqs.weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tierscope {

class RopeAngles {
 public:
  // `divisors`: one for each of head_dim / 2 pairs, or empty (all 1). 1e30 leaves a pair unrotated.
  RopeAngles(uint32_t head_dim, float base, std::span<const float> divisors);

  size_t half() const { return frequencies_.size(); }
  // cosines and sines: half() each. Computed in double: float32 loses the angle of far positions.
  void at(uint32_t position, float* cosines, float* sines) const;

 private:
  std::vector<double> frequencies_;
};

}  // namespace tierscope
