#include "runtime/model/random_blocks.h"

#include <cstring>
#include <numeric>

#include "runtime/base/random.h"

namespace tierscope {
namespace {
constexpr uint32_t kPoolUnits = 8192;
// Types whose block is one value are chosen in longer pieces, or the choosing would cost more than the data.
constexpr uint64_t kFloatUnit = 64;
}  // namespace

RandomBlocks::RandomBlocks(const DTypeInfo& type, uint64_t row_values, float sigma, uint64_t seed) {
  const uint64_t unit_values = type.block_values > 1 ? type.block_values : std::gcd(row_values, kFloatUnit);
  unit_bytes_ = row_bytes(type, unit_values);
  units_per_row_ = row_values / unit_values;
  Random random(seed, uint64_t(type.type));
  std::vector<float> values(kPoolUnits * unit_values);
  for (float& value : values) value = sigma * random.normal();
  pool_.resize(kPoolUnits * unit_bytes_);
  type.quantize(values.data(), pool_.data(), values.size());
}

void RandomBlocks::fill(uint64_t tensor_seed, uint64_t first_row, uint64_t row_count, std::byte* out) const {
  const uint64_t first = first_row * units_per_row_, count = row_count * units_per_row_;
  for (uint64_t unit = first; unit < first + count; ++unit, out += unit_bytes_)
    std::memcpy(out, pool_.data() + splitmix64(tensor_seed + unit) % kPoolUnits * unit_bytes_, unit_bytes_);
}

}  // namespace tierscope
