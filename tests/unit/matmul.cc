#include "runtime/compute/matmul.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <random>

using namespace tierscope;

namespace {

struct Case {
  DType type;
  size_t rows, cols;
  std::vector<std::byte> file;  // as in a GGUF file
  std::vector<float> values;    // dequantised

  WeightMatrix pack() const {
    WeightMatrix weights(type, rows, cols);
    // In pieces, as a loader does.
    const uint64_t bytes = row_bytes(known_dtype(type), cols);
    for (size_t row = 0; row < rows; row += 32)
      weights.set_rows(row, std::min<size_t>(32, rows - row), file.data() + row * bytes);
    return weights;
  }
};

std::vector<float> random_values(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

Case make_case(const DTypeInfo& info, size_t rows, size_t cols) {
  Case made{info.type, rows, cols, std::vector<std::byte>(rows * row_bytes(info, cols)), random_values(rows * cols, 1)};
  info.quantize(made.values.data(), made.file.data(), rows * cols);
  info.dequantize(made.file.data(), made.values.data(), rows * cols);
  return made;
}

// Error of y = W x for each token, relative to its largest possible size |W| |x|.
double largest_error(const Case& weights, const std::vector<float>& x, size_t tokens, const std::vector<float>& y) {
  double largest = 0;
  for (size_t token = 0; token < tokens; ++token)
    for (size_t row = 0; row < weights.rows; ++row) {
      double exact = 0, size = 0;
      for (size_t col = 0; col < weights.cols; ++col) {
        const double product =
            static_cast<double>(weights.values[row * weights.cols + col]) * x[token * weights.cols + col];
        exact += product;
        size += std::abs(product);
      }
      largest = std::max(largest, std::abs(exact - y[token * weights.rows + row]) / size);
    }
  return largest;
}

// Odd numbers of columns, or of blocks, where the type has them: the last unit of a packed row is then a shorter one.
size_t odd_cols(const DTypeInfo& info) {
  return info.block_values == 1 ? 259 : info.block_values == 32 ? 25 * 32 : 3 * 256;
}

bool is_float(DType type) {
  return type == DType::f32 || type == DType::f16 || type == DType::bf16;
}

// Values that int8 with a scale every 32 values holds exactly, so that products are exact but for the summing.
std::vector<float> exact_activations(size_t tokens, size_t cols) {
  std::mt19937 random(7);
  std::vector<float> x(tokens * cols);
  for (size_t at = 0; at < x.size(); ++at) x[at] = static_cast<float>(static_cast<int>(random() % 255) - 127) / 64;
  for (size_t at = 0; at < x.size(); at += 32) x[at] = 127.0F / 64;
  return x;
}

}  // namespace

TEST_CASE("a packed matrix gives back its rows", "[matmul]") {
  for (const DTypeInfo& info : dtypes()) {
    const Case original = make_case(info, 37, odd_cols(info));
    const WeightMatrix weights = original.pack();
    std::vector<float> row(original.cols);
    for (const size_t index : {0UL, 15UL, 16UL, 36UL}) {
      weights.row(index, row.data());
      for (size_t col = 0; col < original.cols; ++col)
        CHECK(row[col] == Approx(original.values[index * original.cols + col]).epsilon(1e-6));
    }
  }
}

TEST_CASE("products agree with the exact ones at every level, type and odd size", "[matmul]") {
  for (const CpuLevel level : available_levels())
    for (const DTypeInfo& info : dtypes())
      for (const size_t rows : {1UL, 16UL, 33UL, 70UL}) {
        const Case weights = make_case(info, rows, odd_cols(info));
        const WeightMatrix packed = weights.pack();
        for (const size_t tokens : {1UL, 2UL, 3UL, 4UL, 5UL, 6UL, 7UL, 8UL, 9UL, 13UL, 40UL}) {
          ThreadPool pool(rows % 2 + 1, level);
          const std::vector<float> x = exact_activations(tokens, weights.cols);
          std::vector<float> y(tokens * rows, NAN);
          matmul(packed, x.data(), tokens, y.data(), pool);
          INFO(info.name << " at " << level_name(level) << ", " << rows << " rows, " << tokens << " tokens");
          // AMX rounds dequantised weights to BF16.
          CHECK(largest_error(weights, x, tokens, y) < (level == CpuLevel::amx && tokens > 1 ? 1e-3 : 1e-6));
        }
      }
}

TEST_CASE("rounded activations stay within int8's error", "[matmul]") {
  for (const CpuLevel level : available_levels())
    for (const DTypeInfo& info : dtypes()) {
      const Case weights = make_case(info, 48, 1024);
      const WeightMatrix packed = weights.pack();
      for (const size_t tokens : {1UL, 19UL}) {
        ThreadPool pool(2, level);
        const std::vector<float> x = random_values(tokens * weights.cols, 3);
        std::vector<float> y(tokens * weights.rows);
        matmul(packed, x.data(), tokens, y.data(), pool);
        INFO(info.name << " at " << level_name(level) << ", " << tokens << " tokens");
        CHECK(largest_error(weights, x, tokens, y) < (is_float(info.type) ? 5e-4 : 2e-3));
      }
    }
}

TEST_CASE("a token's result has the same bits alone and among up to eight", "[matmul]") {
  for (const CpuLevel level : available_levels())
    for (const DTypeInfo& info : dtypes()) {
      const Case weights = make_case(info, 37, odd_cols(info));
      const WeightMatrix packed = weights.pack();
      ThreadPool pool(2, level);
      const std::vector<float> x = random_values(8 * weights.cols, 11);
      std::vector<float> alone(8 * weights.rows);
      for (size_t token = 0; token < 8; ++token)
        matmul(packed, x.data() + token * weights.cols, 1, alone.data() + token * weights.rows, pool);
      for (size_t tokens = 2; tokens <= 8; ++tokens) {
        std::vector<float> together(tokens * weights.rows, NAN);
        matmul(packed, x.data(), tokens, together.data(), pool);
        INFO(info.name << " at " << level_name(level) << ", " << tokens << " tokens");
        CHECK(std::equal(together.begin(), together.end(), alone.begin()));
      }
    }
}

TEST_CASE("matrices that share x are multiplied as each alone, with the same bits for any number of threads",
          "[matmul]") {
  const Case q4 = make_case(known_dtype(DType::q4_0), 40, 512), q6 = make_case(known_dtype(DType::q6_k), 17, 512),
             f32 = make_case(known_dtype(DType::f32), 33, 512);
  const std::array packed{q4.pack(), q6.pack(), f32.pack()};
  for (const CpuLevel level : available_levels())
    for (const size_t tokens : {1UL, 5UL, 21UL}) {
      const std::vector<float> x = random_values(tokens * 512, 5);
      std::array<std::vector<float>, 3> alone, shared;
      std::vector<MatmulOutput> outputs;
      ThreadPool one(1, level), three(3, level);
      for (size_t i = 0; i < 3; ++i) {
        alone[i].resize(tokens * packed[i].rows());
        shared[i].resize(tokens * packed[i].rows());
        matmul(packed[i], x.data(), tokens, alone[i].data(), one);
        outputs.push_back({&packed[i], shared[i].data()});
      }
      matmul(outputs, x.data(), tokens, three);
      CHECK(alone == shared);
    }
}

TEST_CASE("a matrix that cannot be computed with is refused", "[matmul]") {
  CHECK_THROWS_WITH(WeightMatrix(static_cast<DType>(99), 16, 256), Catch::Contains("type 99"));
  CHECK_THROWS_WITH(WeightMatrix(DType::q4_k, 16, 128), Catch::Contains("Q4_K"));
}
