#include "runtime/compute/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "runtime/compute/float_kernels.h"
#include "runtime/compute/quant_kernels.h"

namespace tierscope {
namespace {

// 8 rows to a vector. VPMADDUBSW adds two products in 16 bits, saturating: codes below 128 fit, larger ones are taken
// as signed and multiplied by magnitude, their sign moved to the activation.
struct Avx2 {
  using Int = __m256i;
  using Float = __m256;
  static constexpr size_t kLanes = 8, kIntTokens = 3, kFloatTokens = 6, kFloatTokensAtOnce = 1;

  static constexpr const char* kFloatName = "AVX2 float32 (VFMADD)";

  static Int load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
  static void store(void* to, Int value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }
  static void store(float* to, Float value) { _mm256_storeu_ps(to, value); }
  static Int mask(Int value, unsigned bits) {
    return _mm256_and_si256(value, _mm256_set1_epi8(static_cast<char>(bits)));
  }
  static Int combine(Int a, Int b) { return _mm256_or_si256(a, b); }
  static Int shift_right(Int value, unsigned bits) { return _mm256_srli_epi16(value, static_cast<int>(bits)); }
  static Int shift_left(Int value, unsigned bits) { return _mm256_slli_epi16(value, static_cast<int>(bits)); }
  static Int subtract_bytes(Int value, int offset) {
    return _mm256_sub_epi8(value, _mm256_set1_epi8(static_cast<char>(offset)));
  }
  static Int flip_sign_bits(Int value) { return _mm256_xor_si256(value, _mm256_set1_epi8(-128)); }
  static Int lookup(const uint8_t* table, Int index) {
    const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), index);
  }
  static Int broadcast_word(const void* word) {
    int32_t value = 0;
    std::memcpy(&value, word, sizeof value);
    return _mm256_set1_epi32(value);
  }

  static Float zero() { return _mm256_setzero_ps(); }
  static Float broadcast(float value) { return _mm256_set1_ps(value); }
  static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float multiply(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }
  static Float subtract_product(Float a, Float b, Float c) { return _mm256_fnmadd_ps(a, b, c); }
  static Int add_ints(Int a, Int b) { return _mm256_add_epi32(a, b); }
  static Int subtract_ints(Int a, Int b) { return _mm256_sub_epi32(a, b); }
  static Int shift_left_ints(Int value, unsigned bits) { return _mm256_slli_epi32(value, static_cast<int>(bits)); }
  static Float to_float(Int value) { return _mm256_cvtepi32_ps(value); }
  static Float load_floats(const float* from) { return _mm256_loadu_ps(from); }
  static Float load_halves(const std::byte* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  static Float load_int8(const std::byte* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
  }
  static Float load_bf16_pairs(const std::byte* from, bool second) {
    const Int pairs = load(from);
    const Int bits = second ? _mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000)))
                            : _mm256_slli_epi32(pairs, 16);
    return _mm256_castsi256_ps(bits);
  }
  static void prefetch(const std::byte* at, size_t bytes) {
    for (size_t offset = 0; offset < bytes; offset += 64)
      _mm_prefetch(reinterpret_cast<const char*>(at + offset), _MM_HINT_NTA);
  }

  template <unsigned kLargest, size_t kSteps>
  struct Dot {
    static constexpr bool kSignedCodes = kLargest > 127, kSignedTileCodes = kSignedCodes, kTileBias = false;
    // Steps whose products are summed in 16 bits: as many as fit.
    static constexpr size_t kFitting = kSignedCodes ? 1 : 32767 / (2 * kLargest * 127);
    static constexpr size_t kRun = std::bit_floor(kFitting < kSteps ? kFitting : kSteps);
    static constexpr const char *kTokenName =
                                    kSignedCodes ? "AVX2 int8 (VPMADDUBSW, VPSIGNB)" : "AVX2 int8 (VPMADDUBSW)",
                                *kTileName = kTokenName;

    // Compilers turn a chain of integer additions into a tree, for which the products do not fit the registers.
    static Int in_order(Int sum) {
      asm("" : "+x"(sum));
      return sum;
    }

    static Int multiply(Int codes, Int values, const Int* sum) {
      const Int pairs = kSignedCodes ? _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(values, codes))
                                     : _mm256_maddubs_epi16(codes, values);
      return sum != nullptr ? in_order(_mm256_add_epi16(*sum, pairs)) : pairs;
    }
    static Int multiply_tile(Int codes, Int values, const Int* sum) { return multiply(codes, values, sum); }
    static Int finish(Int run) { return _mm256_madd_epi16(run, _mm256_set1_epi16(1)); }
  };
};

}  // namespace

const Kernels& avx2_kernels() {
  static constexpr Kernels kAll{activation_kernels<0>(), quant_entries<Avx2>(), FloatKernels<Avx2, DType::f32>::entry(),
                                FloatKernels<Avx2, DType::f16>::entry(), FloatKernels<Avx2, DType::bf16>::entry()};
  return kAll;
}

}  // namespace tierscope
#endif
