// Q3_K: 16 groups of 16, value = d * scale * code; 6-bit signed scales, codes -4 .. 3.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  uint8_t high[32];   // bit i / 32 of byte i % 32: clear where code is negative
  uint8_t codes[64];  // low two bits; each 32 bytes hold 128 values
  uint8_t scales[12];
  Half d;
};
static_assert(sizeof(Block) == 110);

int unpack_scale(const Block& block, size_t group) {
  const int low = group < 8 ? block.scales[group] & 15 : block.scales[group - 8] >> 4;
  const int high = block.scales[8 + group % 4] >> (group / 4 * 2) & 3;
  return (low | high << 4) - 32;
}

void pack_scale(Block& block, size_t group, int scale) {
  const int biased = scale + 32;
  block.scales[group % 8] |= uint8_t((biased & 15) << (group / 8 * 4));
  block.scales[8 + group % 4] |= uint8_t(biased >> 4 << (group / 4 * 2));
}

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (size_t group = 0; group < 16; ++group) {
    const float scale = d * float(unpack_scale(block, group));
    for (size_t i = group * 16; i < group * 16 + 16; ++i) {
      const int low = block.codes[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
      const int high = block.high[i % 32] >> (i / 32) & 1;
      out[i] = scale * float(low - (high ? 0 : 4));
    }
  }
}

void encode(const float* values, Block& block) {
  const auto fit = fit_signed<16>(values, -4, 32);
  block.d = fit.d;
  for (size_t group = 0; group < 16; ++group) {
    pack_scale(block, group, fit.scale[group]);
    for (size_t i = group * 16; i < group * 16 + 16; ++i) {
      const int biased = nearest_code(values[i], fit.group_scale(group), -4, 3) + 4;
      block.codes[i / 128 * 32 + i % 32] |= uint8_t((biased & 3) << (i % 128 / 32 * 2));
      block.high[i % 32] |= uint8_t(biased >> 2 << (i / 32));
    }
  }
}

}  // namespace

DTypeInfo q3_k() {
  return block_dtype<Block, kSuperBlock, decode, encode>(DType::q3_k, "Q3_K");
}

}  // namespace tierscope::types
