// xorshift64*: small, seeded, the same numbers on every machine. Not thread-safe.
#pragma once

#include <cstdint>

namespace tierscope {

class RandomNumbers {
 public:
  // Any seed: it is mixed, as the generator must not start from zero.
  explicit RandomNumbers(uint64_t seed) : state_((seed + 1) * 0x9e3779b97f4a7c15u | 1) {}

  uint32_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<uint32_t>((state_ * 0x2545f4914f6cdd1du) >> 32);
  }
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>((uint64_t{next()} * bound) >> 32); }
  double unit() { return next() * 0x1p-32; }  // in [0, 1)

 private:
  uint64_t state_;
};

}  // namespace tierscope
