// The vector steps beside plain ones in double, over odd sizes and at every level.
#include "runtime/model/vector_ops.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "runtime/model/rope.h"
#include "runtime/model/simd_level.h"

using namespace tierscope;

namespace {

using Floats = std::vector<float>;

Floats random_floats(size_t count, float deviation, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  Floats values(count);
  for (float& x : values) x = normal(random);
  return values;
}

void for_every_level_and_size(const std::function<void(size_t)>& check) {
  for (const CpuLevel level : available_levels()) {
    use_simd_level(level);
    for (const size_t size : {1, 3, 15, 16, 17, 33, 64, 255, 1536}) {
      INFO(level_name(level) << ", " << size << " values");
      check(size);
    }
  }
  use_simd_level(chosen_level());
}

double inverse_rms(const Floats& x) {
  double sum = 0;
  for (const float value : x) sum += double{value} * value;
  return 1 / std::sqrt(sum / static_cast<double>(x.size()) + 1e-6);
}

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

// Largest difference relative to the larger of the exact value and one.
double worst(const Floats& got, const std::function<double(size_t)>& exact) {
  double result = 0;
  for (size_t i = 0; i < got.size(); ++i)
    result = std::max(result, std::abs(double{got[i]} - exact(i)) / std::max(1.0, std::abs(exact(i))));
  return result;
}

}  // namespace

TEST_CASE("norms", "[vector_ops]") {
  for_every_level_and_size([](size_t size) {
    const Floats x = random_floats(size, 3, 1), weight = random_floats(size, 1, 2), base = random_floats(size, 1, 3);
    const double factor = inverse_rms(x);
    Floats out(size);
    rms_norm(x.data(), weight.data(), size, 1e-6F, out.data());
    CHECK(worst(out, [&](size_t i) { return x[i] * factor * weight[i]; }) < 1e-6);
    out = x;
    rms_norm(out.data(), nullptr, size, 1e-6F, out.data());
    CHECK(worst(out, [&](size_t i) { return x[i] * factor; }) < 1e-6);
    out = base;
    add_rms_norm(x.data(), weight.data(), size, 1e-6F, out.data());
    CHECK(worst(out, [&](size_t i) { return base[i] + x[i] * factor * weight[i]; }) < 1e-6);
  });
}

TEST_CASE("gelu, also far out", "[vector_ops]") {
  for_every_level_and_size([](size_t size) {
    for (const float deviation : {0.1F, 3.0F, 100.0F}) {
      const Floats x = random_floats(size, deviation, 4), other = random_floats(size, 1, 5);
      Floats out = x;
      gelu_multiply(other.data(), size, out.data());
      CHECK(worst(out, [&](size_t i) { return gelu(x[i]) * other[i]; }) < 1e-6);
    }
  });
}

TEST_CASE("scale, sum and soft-cap", "[vector_ops]") {
  for_every_level_and_size([](size_t size) {
    const Floats x = random_floats(size, 30, 6), other = random_floats(size, 1, 7);
    Floats out = x;
    scale(0.37F, size, out.data());
    CHECK(worst(out, [&](size_t i) { return x[i] * double{0.37F}; }) < 1e-6);
    out = x;
    add_scaled(other.data(), 16, 0.5F, size, out.data());
    CHECK(worst(out, [&](size_t i) { return (x[i] + 16.0 * other[i]) * 0.5; }) < 1e-6);
    out = x;
    soft_cap(30, size, out.data());
    CHECK(worst(out, [&](size_t i) { return 30 * std::tanh(x[i] / 30.0); }) < 1e-6);
  });
}

TEST_CASE("rotation keeps lengths and turns by the position's angles", "[vector_ops]") {
  for_every_level_and_size([](size_t half) {
    const RopeAngles angles(static_cast<uint32_t>(2 * half), 10000, {});
    Floats cosines(half), sines(half);
    angles.at(4321, cosines.data(), sines.data());
    const Floats x = random_floats(2 * half, 1, 8);
    Floats out = x;
    rotate_halves(cosines.data(), sines.data(), half, out.data());
    CHECK(worst(out, [&](size_t i) {
            const size_t pair = i % half;
            const double angle =
                4321 * std::pow(10000.0, -2.0 * static_cast<double>(pair) / (2.0 * static_cast<double>(half)));
            return i < half ? x[pair] * std::cos(angle) - x[half + pair] * std::sin(angle)
                            : x[half + pair] * std::cos(angle) + x[pair] * std::sin(angle);
          }) < 1e-6);
  });
}
