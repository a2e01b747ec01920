// F32, F16 and BF16: a block is one value.
#include <bit>

#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope {

float f16_to_f32(uint16_t half) {
  const uint32_t sign = uint32_t(half & 0x8000) << 16;
  const uint32_t exponent = half >> 10 & 31, mantissa = half & 1023;
  if (exponent == 0) {
    const float magnitude = float(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t wide_exponent = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide_exponent << 23 | mantissa << 13);
}

uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = uint16_t(bits >> 16 & 0x8000);
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7e00;
  if (magnitude >= 65520.0f) return sign | 0x7c00;
  // Subnormal results are multiples of 2^-24; nearbyint rounds to even, and 1024 of them are the smallest normal.
  if (magnitude < 0x1p-14f) return sign | uint16_t(std::nearbyint(magnitude * 0x1p24f));
  const uint32_t rounded = (bits & 0x7fffffff) + 0xfff + (bits >> 13 & 1);
  return sign | uint16_t((rounded >> 13) - (112 << 10));
}

float bf16_to_f32(uint16_t value) {
  return std::bit_cast<float>(uint32_t(value) << 16);
}

uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return uint16_t(bits >> 16 | 64);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

namespace types {
namespace {

void decode_f32(const float& block, float* out) {
  *out = block;
}
void encode_f32(const float* values, float& block) {
  block = *values;
}
void decode_f16(const uint16_t& block, float* out) {
  *out = f16_to_f32(block);
}
void encode_f16(const float* values, uint16_t& block) {
  block = f32_to_f16(*values);
}
void decode_bf16(const uint16_t& block, float* out) {
  *out = bf16_to_f32(block);
}
void encode_bf16(const float* values, uint16_t& block) {
  block = f32_to_bf16(*values);
}

}  // namespace

DTypeInfo f32() {
  return block_dtype<float, 1, decode_f32, encode_f32>(DType::f32, "F32");
}
DTypeInfo f16() {
  return block_dtype<uint16_t, 1, decode_f16, encode_f16>(DType::f16, "F16");
}
DTypeInfo bf16() {
  return block_dtype<uint16_t, 1, decode_bf16, encode_bf16>(DType::bf16, "BF16");
}

}  // namespace types
}  // namespace tierscope
