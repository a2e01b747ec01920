// The vectors and instructions of the levels for 64-bit ARM, for quant_kernels.h and float_kernels.h. Only for
// kernels_*.cc compiled for them; unnamed namespace on purpose, since each of them compiles its own copy.
#pragma once

#if defined(__aarch64__)
#include <arm_neon.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tierscope {
namespace {

// 4 rows to a vector. All byte products are signed, so tiles take the codes with their offset subtracted.
struct Neon {
  using Int = uint8x16_t;
  using Float = float32x4_t;
  static constexpr size_t kLanes = 4, kIntTokens = 6, kFloatTokens = 12, kFloatTokensAtOnce = 1;

  static constexpr const char* kFloatName = "NEON float32 (FMLA)";

  static Int load(const void* from) { return vld1q_u8(static_cast<const uint8_t*>(from)); }
  static void store(void* to, Int value) { vst1q_u8(static_cast<uint8_t*>(to), value); }
  static void store(float* to, Float value) { vst1q_f32(to, value); }
  static Int mask(Int value, unsigned bits) { return vandq_u8(value, vdupq_n_u8(static_cast<uint8_t>(bits))); }
  static Int combine(Int a, Int b) { return vorrq_u8(a, b); }
  static Int shift_right(Int value, unsigned bits) { return value >> static_cast<uint8_t>(bits); }
  static Int shift_left(Int value, unsigned bits) { return value << static_cast<uint8_t>(bits); }
  static Int subtract_bytes(Int value, int offset) { return vsubq_u8(value, vdupq_n_u8(static_cast<uint8_t>(offset))); }
  static Int flip_sign_bits(Int value) { return veorq_u8(value, vdupq_n_u8(128)); }
  static Int lookup(const uint8_t* table, Int index) { return vqtbl1q_u8(vld1q_u8(table), index); }
  static Int broadcast_word(const void* word) {
    uint32_t value = 0;
    std::memcpy(&value, word, sizeof value);
    return vreinterpretq_u8_u32(vdupq_n_u32(value));
  }

  static Float zero() { return vdupq_n_f32(0); }
  static Float broadcast(float value) { return vdupq_n_f32(value); }
  static Float add(Float a, Float b) { return vaddq_f32(a, b); }
  static Float multiply(Float a, Float b) { return vmulq_f32(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return vfmaq_f32(c, a, b); }
  static Float subtract_product(Float a, Float b, Float c) { return vfmsq_f32(c, a, b); }
  static int32x4_t ints(Int value) { return vreinterpretq_s32_u8(value); }
  static int8x16_t bytes(Int value) { return vreinterpretq_s8_u8(value); }
  static Int add_ints(Int a, Int b) { return vreinterpretq_u8_s32(vaddq_s32(ints(a), ints(b))); }
  static Int subtract_ints(Int a, Int b) { return vreinterpretq_u8_s32(vsubq_s32(ints(a), ints(b))); }
  static Int shift_left_ints(Int value, unsigned bits) {
    return vreinterpretq_u8_s32(ints(value) << static_cast<int>(bits));
  }
  static Float to_float(Int value) { return vcvtq_f32_s32(ints(value)); }
  static Float load_floats(const float* from) { return vld1q_f32(from); }
  static Float load_halves(const std::byte* from) {
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(reinterpret_cast<const uint8_t*>(from))));
  }
  static Float load_int8(const std::byte* from) {
    const int16x8_t wide = vmovl_s8(vreinterpret_s8_u8(vget_low_u8(broadcast_word(from))));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
  }
  static Float load_bf16_pairs(const std::byte* from, bool second) {
    const uint32x4_t pairs = vreinterpretq_u32_u8(load(from));
    return vreinterpretq_f32_u32(second ? pairs & 0xffff0000U : pairs << 16U);
  }
  static void prefetch(const std::byte* at, size_t bytes) {
    for (size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(at + offset, 0, 0);
  }

  // Without byte products that sum to 32 bits: SMULL and a pairwise addition give two products in 16 bits.
  template <unsigned kLargest, size_t kSteps>
  struct Dot {
    static constexpr bool kSignedCodes = kLargest > 127, kSignedTileCodes = true, kTileBias = false;
    // Steps whose products are summed in 16 bits: as many as fit.
    static constexpr size_t kFitting = kSignedCodes ? 1 : 32767 / (2 * kLargest * 127);
    static constexpr size_t kRun = std::bit_floor(kFitting < kSteps ? kFitting : kSteps);
    static constexpr const char *kTokenName = "NEON int8 (SMULL)", *kTileName = kTokenName;

    static Int multiply(Int codes, Int values, const Int* sum) {
      const int16x8_t low = vmull_s8(vget_low_s8(bytes(codes)), vget_low_s8(bytes(values)));
      const int16x8_t high = vmull_high_s8(bytes(codes), bytes(values));
      const int16x8_t pairs = vpaddq_s16(low, high);
      return vreinterpretq_u8_s16(sum != nullptr ? vaddq_s16(vreinterpretq_s16_u8(*sum), pairs) : pairs);
    }
    static Int multiply_tile(Int codes, Int values, const Int* sum) { return multiply(codes, values, sum); }
    static Int finish(Int run) { return vreinterpretq_u8_s32(vpaddlq_s16(vreinterpretq_s16_u8(run))); }
  };
};

#if defined(__ARM_FEATURE_DOTPROD)
struct NeonDotProd : Neon {
  template <unsigned kLargest, size_t kSteps>
  struct Dot {
    static constexpr bool kSignedCodes = kLargest > 127, kSignedTileCodes = true, kTileBias = false;
    static constexpr const char *kTokenName = "NEON int8 (SDOT)", *kTileName = kTokenName;
    // Products are summed in 32 bits: a whole scale group is one run.
    static constexpr size_t kRun = kSteps;

    static Int multiply(Int codes, Int values, const Int* sum) {
      const int32x4_t before = sum != nullptr ? ints(*sum) : vdupq_n_s32(0);
      return vreinterpretq_u8_s32(vdotq_s32(before, bytes(codes), bytes(values)));
    }
    static Int multiply_tile(Int codes, Int values, const Int* sum) { return multiply(codes, values, sum); }
    static Int finish(Int run) { return run; }
  };
};
#endif

}  // namespace
}  // namespace tierscope
#endif
