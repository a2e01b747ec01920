// The AVX-512 level's vectors and instructions, for quant_kernels.h and float_kernels.h. Only for kernels_*.cc compiled
// for AVX-512 with VNNI; unnamed namespace on purpose, since each of them compiles its own copy.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tierscope {
namespace {

// 16 rows to a vector. VPDPBUSD multiplies unsigned by signed bytes: a token's products take the codes as unsigned;
// tiles take the activations + 128 as unsigned, so that the correction, -128 * sum of codes, is the same for all
// tokens.
struct Avx512 {
  using Int = __m512i;
  using Float = __m512;
  static constexpr size_t kLanes = 16, kIntTokens = 6, kFloatTokens = 12, kFloatTokensAtOnce = 4;

  static constexpr const char* kFloatName = "AVX-512 float32 (VFMADD)";

  static Int load(const void* from) { return _mm512_loadu_si512(from); }
  static void store(void* to, Int value) { _mm512_storeu_si512(to, value); }
  static void store(float* to, Float value) { _mm512_storeu_ps(to, value); }
  static Int mask(Int value, unsigned bits) {
    return _mm512_and_si512(value, _mm512_set1_epi8(static_cast<char>(bits)));
  }
  static Int combine(Int a, Int b) { return _mm512_or_si512(a, b); }
  static Int shift_right(Int value, unsigned bits) { return _mm512_srli_epi16(value, bits); }
  static Int shift_left(Int value, unsigned bits) { return _mm512_slli_epi16(value, bits); }
  static Int subtract_bytes(Int value, int offset) {
    return _mm512_sub_epi8(value, _mm512_set1_epi8(static_cast<char>(offset)));
  }
  static Int flip_sign_bits(Int value) { return _mm512_xor_si512(value, _mm512_set1_epi8(-128)); }
  static Int lookup(const uint8_t* table, Int index) {
    const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(entries), index);
  }
  static Int broadcast_word(const void* word) {
    int32_t value = 0;
    std::memcpy(&value, word, sizeof value);
    return _mm512_set1_epi32(value);
  }

  static Float zero() { return _mm512_setzero_ps(); }
  static Float broadcast(float value) { return _mm512_set1_ps(value); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float multiply(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float subtract_product(Float a, Float b, Float c) { return _mm512_fnmadd_ps(a, b, c); }
  static Int add_ints(Int a, Int b) { return _mm512_add_epi32(a, b); }
  static Int subtract_ints(Int a, Int b) { return _mm512_sub_epi32(a, b); }
  static Int shift_left_ints(Int value, unsigned bits) { return _mm512_slli_epi32(value, bits); }
  static Float to_float(Int value) { return _mm512_cvtepi32_ps(value); }
  static Float load_floats(const float* from) { return _mm512_loadu_ps(from); }
  static Float load_halves(const std::byte* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static Float load_int8(const std::byte* from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  }
  static Float load_bf16_pairs(const std::byte* from, bool second) {
    const Int pairs = load(from);
    const Int bits = second ? _mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000)))
                            : _mm512_slli_epi32(pairs, 16);
    return _mm512_castsi512_ps(bits);
  }
  static void prefetch(const std::byte* at, size_t bytes) {
    for (size_t offset = 0; offset < bytes; offset += 64)
      _mm_prefetch(reinterpret_cast<const char*>(at + offset), _MM_HINT_NTA);
  }

  template <unsigned, size_t kSteps>
  struct Dot {
    static constexpr bool kSignedCodes = false, kSignedTileCodes = true, kTileBias = true;
    static constexpr const char *kTokenName = "AVX-512 int8 (VPDPBUSD)", *kTileName = kTokenName;
    // Products are summed in 32 bits: a whole scale group is one run.
    static constexpr size_t kRun = kSteps;

    static Int multiply(Int codes, Int values, const Int* sum) {
      return _mm512_dpbusd_epi32(sum != nullptr ? *sum : _mm512_setzero_si512(), codes, values);
    }
    static Int multiply_tile(Int codes, Int values, const Int* sum) { return _mm512_dpbusd_epi32(*sum, values, codes); }
    static Int finish(Int run) { return run; }
    static Int tile_bias(const Int* codes) {
      Int sum = _mm512_setzero_si512();
      for (size_t step = 0; step < kSteps; ++step) sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), codes[step]);
      return _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(sum, 7));
    }
  };
};

}  // namespace
}  // namespace tierscope
