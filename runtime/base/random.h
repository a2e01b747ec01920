// SplitMix64 (Steele, Lea, Flood 2014): the one source of random bits. As a function of a counter it gives the same
// bits whatever the order or the thread that asks. Pure, thread-safe.
#pragma once

#include <cstdint>

namespace tierscope {

// The output that follows the state `x`: the generator adds its increment, then mixes.
constexpr uint64_t splitmix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

// A generator over a state of its own; `seed` and `stream` choose the sequence.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0) : state_(splitmix64(seed) ^ splitmix64(~stream)) {}
  uint64_t bits() {
    const uint64_t out = splitmix64(state_);
    state_ += 0x9E3779B97F4A7C15;
    return out;
  }
  // From 0 to below `limit`; its bias, limit / 2^32, does not matter here.
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>((bits() >> 32) * limit >> 32); }
  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }  // [0, 1)
  // Mean 0, variance 1: four uniforms summed, so that it is exact on every machine; it never exceeds 3.47.
  float normal() {
    const uint64_t draw = bits();
    const int64_t sum =
        int64_t(draw & 0xffff) + int64_t(draw >> 16 & 0xffff) + int64_t(draw >> 32 & 0xffff) + int64_t(draw >> 48);
    return static_cast<float>(sum - 2 * 0xffff) * static_cast<float>(1.7320508075688772 / 65536);
  }

 private:
  uint64_t state_;
};

}  // namespace tierscope
