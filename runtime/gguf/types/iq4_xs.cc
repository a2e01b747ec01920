// IQ4_XS: 8 groups of 32, value = d * scale * level[code]; 6-bit signed scales, the levels of IQ4_NL.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  Half d;
  uint16_t scales_high;   // two bits a group
  uint8_t scales_low[4];  // four bits a group
  uint8_t codes[128];     // 16 bytes a group: low nibbles are its first half
};
static_assert(sizeof(Block) == 136);

int unpack_scale(const Block& block, size_t group) {
  const int low = block.scales_low[group / 2] >> (group % 2 * 4) & 15;
  return (low | (block.scales_high >> (group * 2) & 3) << 4) - 32;
}

void pack_scale(Block& block, size_t group, int scale) {
  const int biased = scale + 32;
  block.scales_low[group / 2] |= uint8_t((biased & 15) << (group % 2 * 4));
  block.scales_high |= uint16_t(biased >> 4 << (group * 2));
}

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (size_t group = 0; group < 8; ++group, out += 32) {
    const float scale = d * float(unpack_scale(block, group));
    for (size_t i = 0; i < 16; ++i) {
      const uint8_t pair = block.codes[group * 16 + i];
      out[i] = scale * float(kNonLinear[pair & 15]);
      out[i + 16] = scale * float(kNonLinear[pair >> 4]);
    }
  }
}

void encode(const float* values, Block& block) {
  const auto fit = fit_signed<8>(values, kNonLinear.front(), 32);
  block.d = fit.d;
  for (size_t group = 0; group < 8; ++group, values += 32) {
    pack_scale(block, group, fit.scale[group]);
    const float scale = fit.group_scale(group);
    const auto code = [&](size_t i) { return nearest_non_linear(scale == 0 ? 0 : values[i] / scale); };
    for (size_t i = 0; i < 16; ++i) block.codes[group * 16 + i] = uint8_t(code(i) | code(i + 16) << 4);
  }
}

}  // namespace

DTypeInfo iq4_xs() {
  return block_dtype<Block, kSuperBlock, decode, encode>(DType::iq4_xs, "IQ4_XS");
}

}  // namespace tierscope::types
