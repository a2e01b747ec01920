// Random tensor data in any type, fast: a pool of blocks is quantised once from normally distributed values, and every
// block of a tensor is one of them, chosen by a counter. So a block depends on seed and place alone, never on the order
// of writing, and gigabytes are written at the speed of memory. Immutable, may be shared between threads.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/gguf/dtype.h"

namespace tierscope {

class RandomBlocks {
 public:
  // Rows hold `row_values` values (a whole number of blocks) of the standard deviation `sigma`.
  RandomBlocks(const DTypeInfo& type, uint64_t row_values, float sigma, uint64_t seed);
  // Rows of the tensor that `tensor_seed` names.
  void fill(uint64_t tensor_seed, uint64_t first_row, uint64_t row_count, std::byte* out) const;

 private:
  uint64_t unit_bytes_, units_per_row_;
  std::vector<std::byte> pool_;
};

}  // namespace tierscope
