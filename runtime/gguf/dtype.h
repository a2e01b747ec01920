// The tensor types of GGUF (ggml): block geometry and conversion from and to float32.
// Source: the GGUF specification and ggml's block layouts (github.com/ggml-org/ggml, docs/gguf.md). Pure, thread-safe.
// To add one: a file in types/, its line in types/types.h and in dtype.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tierscope {

// Values as stored in a file. Types not listed here are readable as opaque ids and refused where they are computed
// with.
enum class DType : uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  iq4_xs = 23,
  bf16 = 30,
};

struct DTypeInfo {
  DType type;
  std::string_view name;  // "Q8_0"
  uint32_t block_values;  // values a block holds
  uint32_t block_bytes;
  // Blocks of `values` values (a multiple of block_values) to float32.
  void (*dequantize)(const std::byte* blocks, float* out, size_t values);
  // Plain round-to-nearest, for synth and tests; `count` is a multiple of block_values. Values must be finite.
  void (*quantize)(const float* values, std::byte* blocks, size_t count);
};

// Null where the id is not one of the above.
const DTypeInfo* dtype_info(DType type);
const DTypeInfo& known_dtype(DType type);               // std::logic_error where unknown
const DTypeInfo& dtype_by_name(std::string_view name);  // "q4_0", any case; UsageError with the nearest name
std::span<const DTypeInfo> dtypes();
// "Q8_0"; also for ids that ggml defines and this program cannot compute with ("IQ2_XXS"); else "type 99".
std::string dtype_name(DType type);

// Bytes of `values` values; a multiple of block_values.
inline uint64_t row_bytes(const DTypeInfo& info, uint64_t values) {
  return values / info.block_values * info.block_bytes;
}

float f16_to_f32(uint16_t half);
uint16_t f32_to_f16(float value);  // round to nearest even; overflow gives infinity
float bf16_to_f32(uint16_t value);
uint16_t f32_to_bf16(float value);  // round to nearest even

}  // namespace tierscope
