#include "runtime/gguf/dtype.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "runtime/base/error.h"

using namespace tierscope;

namespace {

// Relative RMS error of quantise -> dequantise over normally distributed values.
double round_trip_error(const DTypeInfo& info, float scale) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(256 * 64);
  for (float& value : values) value = normal(random);
  std::vector<std::byte> blocks(row_bytes(info, values.size()));
  std::vector<float> back(values.size());
  info.quantize(values.data(), blocks.data(), values.size());
  info.dequantize(blocks.data(), back.data(), values.size());
  double error = 0, power = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += std::pow(double(values[i]) - double(back[i]), 2);
    power += std::pow(double(values[i]), 2);
  }
  return std::sqrt(error / power);
}

}  // namespace

TEST_CASE("each type keeps values within the error of its bits", "[dtype]") {
  const std::map<std::string_view, double> largest{{"F32", 0},     {"F16", 3e-4},    {"BF16", 3e-3},  {"Q4_0", 0.11},
                                                   {"Q4_1", 0.09}, {"Q5_0", 0.055},  {"Q5_1", 0.04},  {"Q8_0", 6e-3},
                                                   {"Q2_K", 0.33}, {"Q3_K", 0.19},   {"Q4_K", 0.09},  {"Q5_K", 0.05},
                                                   {"Q6_K", 0.03}, {"IQ4_NL", 0.11}, {"IQ4_XS", 0.11}};
  REQUIRE(dtypes().size() == largest.size());
  for (const DTypeInfo& info : dtypes())
    for (const float scale : {1.0f, 0.02f, 30.0f}) {
      INFO(info.name << " at scale " << scale);
      CHECK(round_trip_error(info, scale) <= largest.at(info.name));
    }
}

TEST_CASE("a block of zeros and a constant block survive every type", "[dtype]") {
  for (const DTypeInfo& info : dtypes())
    for (const float constant : {0.0f, 1.0f, -1.0f}) {
      const std::vector<float> values(256, constant);
      std::vector<std::byte> blocks(row_bytes(info, 256));
      std::vector<float> back(256, NAN);
      info.quantize(values.data(), blocks.data(), 256);
      info.dequantize(blocks.data(), back.data(), 256);
      INFO(info.name);
      for (const float value : back) CHECK(value == Approx(constant).margin(0.011));
    }
}

TEST_CASE("sizes of blocks are ggml's", "[dtype]") {
  const std::map<std::string_view, std::pair<uint32_t, uint32_t>> expected{
      {"F32", {1, 4}},      {"F16", {1, 2}},      {"BF16", {1, 2}},     {"Q4_0", {32, 18}},   {"Q4_1", {32, 20}},
      {"Q5_0", {32, 22}},   {"Q5_1", {32, 24}},   {"Q8_0", {32, 34}},   {"Q2_K", {256, 84}},  {"Q3_K", {256, 110}},
      {"Q4_K", {256, 144}}, {"Q5_K", {256, 176}}, {"Q6_K", {256, 210}}, {"IQ4_NL", {32, 18}}, {"IQ4_XS", {256, 136}}};
  for (const DTypeInfo& info : dtypes())
    CHECK(std::pair(info.block_values, info.block_bytes) == expected.at(info.name));
}

TEST_CASE("half precision rounds to nearest even and keeps special values", "[dtype]") {
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const float value = f16_to_f32(uint16_t(half));
    if (!std::isnan(value)) REQUIRE(f32_to_f16(value) == half);
  }
  CHECK(f32_to_f16(1.0f + 0x1p-11f) == 0x3c00);  // halfway: to even
  CHECK(f32_to_f16(1.0f + 0x1p-11f + 0x1p-20f) == 0x3c01);
  CHECK(f32_to_f16(65519.9f) == 0x7bff);
  CHECK(f32_to_f16(65520.0f) == 0x7c00);
  CHECK(f32_to_f16(-0x1p-26f) == 0x8000);
  CHECK(std::isnan(f16_to_f32(f32_to_f16(NAN))));
  CHECK(f32_to_bf16(1.0f + 0x1p-8f) == 0x3f80);
  CHECK(std::isnan(bf16_to_f32(f32_to_bf16(NAN))));
}

TEST_CASE("types are found by name and named when unknown", "[dtype]") {
  CHECK(dtype_by_name("q4_k").type == DType::q4_k);
  CHECK_THROWS_WITH(dtype_by_name("q4_m"), Catch::Contains("did you mean 'Q4_"));
  CHECK(dtype_name(DType(16)) == "IQ2_XXS");
  CHECK(dtype_name(DType(12345)) == "type 12345");
  CHECK(dtype_info(DType(16)) == nullptr);
}
