// Q6_K: 16 groups of 16, value = d * scale * code; 8-bit signed scales, codes -32 .. 31.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  uint8_t low[128];  // low nibbles; each 64 bytes hold 128 values
  uint8_t high[64];  // top two bits; each 32 bytes hold 128 values
  int8_t scales[16];
  Half d;
};
static_assert(sizeof(Block) == 210);

// Where value i's low nibble and top two bits lie.
struct Bits {
  size_t low_byte, high_byte;
  unsigned low_shift, high_shift;
};
Bits bits_of(size_t i) {
  const size_t half = i / 128, quarter = i % 128 / 32;
  return {half * 64 + i % 64, half * 32 + i % 32, unsigned(quarter / 2 * 4), unsigned(quarter * 2)};
}

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const Bits bits = bits_of(i);
    const int biased =
        (block.low[bits.low_byte] >> bits.low_shift & 15) | (block.high[bits.high_byte] >> bits.high_shift & 3) << 4;
    out[i] = d * float(block.scales[i / 16]) * float(biased - 32);
  }
}

void encode(const float* values, Block& block) {
  const auto fit = fit_signed<16>(values, -32, 128);
  block.d = fit.d;
  std::ranges::copy(fit.scale, block.scales);
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const Bits bits = bits_of(i);
    const int biased = nearest_code(values[i], fit.group_scale(i / 16), -32, 31) + 32;
    block.low[bits.low_byte] |= uint8_t((biased & 15) << bits.low_shift);
    block.high[bits.high_byte] |= uint8_t(biased >> 4 << bits.high_shift);
  }
}

}  // namespace

DTypeInfo q6_k() {
  return block_dtype<Block, kSuperBlock, decode, encode>(DType::q6_k, "Q6_K");
}

}  // namespace tierscope::types
