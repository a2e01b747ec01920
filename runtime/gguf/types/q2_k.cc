// Q2_K: 16 groups of 16, value = d * scale * code - dmin * min; 4-bit scales and minima.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  uint8_t scales[16];  // scale in the low nibble, minimum in the high one
  uint8_t codes[64];   // each 32 bytes hold 128 values: 2-bit planes of 32
  Half d, dmin;
};
static_assert(sizeof(Block) == 84);

// Where value i's two bits lie.
struct Bits {
  size_t byte;
  unsigned shift;
};
Bits bits_of(size_t i) {
  return {i / 128 * 32 + i % 32, unsigned(i % 128 / 32 * 2)};
}

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
  for (size_t group = 0; group < 16; ++group) {
    const float scale = d * float(block.scales[group] & 15), low = dmin * float(block.scales[group] >> 4);
    for (size_t i = group * 16; i < group * 16 + 16; ++i) {
      const Bits bits = bits_of(i);
      out[i] = scale * float(block.codes[bits.byte] >> bits.shift & 3) - low;
    }
  }
}

void encode(const float* values, Block& block) {
  const auto fit = fit_affine<16>(values, 3, 15);
  block.d = fit.d;
  block.dmin = fit.dmin;
  for (size_t group = 0; group < 16; ++group) block.scales[group] = uint8_t(fit.scale[group] | fit.min[group] << 4);
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const Bits bits = bits_of(i);
    block.codes[bits.byte] |= uint8_t(fit.code[i] << bits.shift);
  }
}

}  // namespace

DTypeInfo q2_k() {
  return block_dtype<Block, kSuperBlock, decode, encode>(DType::q2_k, "Q2_K");
}

}  // namespace tierscope::types
