// The model itself, and what the AMX level does with the registers. The products are tested by unit/matmul.cc and
// golden/logits.cc, which this program carries too.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <vector>

#include "runtime/compute/kernels.h"
#include "runtime/compute/matmul.h"
#include "tests/amx/tile_model.h"

using namespace tierscope;

namespace {

bool runs_here() {
  if (chosen_level() == CpuLevel::amx) return true;
  WARN("skipped: the AMX level's other instructions need AVX-512 with VNNI and BF16");
  return false;
}

TileConfig shapes(std::initializer_list<std::pair<int, int>> tiles) {
  TileConfig config;
  size_t tile = 0;
  for (const auto& [rows, row_bytes] : tiles) {
    config.rows[tile] = static_cast<uint8_t>(rows);
    config.row_bytes[tile++] = static_cast<uint16_t>(row_bytes);
  }
  return config;
}

uint16_t bf16(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

// One dot product of pairs on tiles of 1 x n and n x 1 pairs, added to `sum`.
float dot(const std::vector<float>& a, const std::vector<float>& b, float sum = 0) {
  const int pairs = static_cast<int>(a.size() / 2);
  TileModel::configure(shapes({{1, 4}, {1, 4 * pairs}, {pairs, 4}}));
  std::vector<uint16_t> left, right;
  for (const float value : a) left.push_back(bf16(value));
  for (const float value : b) right.push_back(bf16(value));
  TileModel::load<0>(&sum, 4);
  TileModel::load<1>(left.data(), 0);
  TileModel::load<2>(right.data(), 4);
  TileModel::multiply_bf16<0, 1, 2>();
  TileModel::store<0>(&sum, 4);
  TileModel::release();
  return sum;
}

}  // namespace

TEST_CASE("the model rounds as TDPBF16PS does", "[tile_registers]") {
  if (!runs_here()) return;
  CHECK(dot({1.5F, -2, 3, 4}, {2, 3, -1, 0.5F}, 10) == 6);
  // Even and odd columns apart: 2^24 + 1 is lost, 1 + 1 is not.
  CHECK(dot({0x1p24F, 1, 1, 1}, {1, 1, 1, 1}) == 0x1p24F + 2);
  // One rounding a product and sum: 1 + 2^-24 + 2^-31 lies just above the tie.
  CHECK(dot({1, 0, 0x1.02p-12F, 0}, {1, 0, 0x1p-12F, 0}) == 1 + 0x1p-23F);
  CHECK(dot({0x1p-130F, 0}, {0x1p100F, 0}) == 0);         // a denormal input
  CHECK(dot({0x1p-100F, 0}, {0x1p-30F, 0}) == 0);         // a denormal result
  CHECK(dot({0x1p-63F, 0}, {0x1p-63F, 0}) == 0x1p-126F);  // the smallest that is none
  CHECK(dot({0, 0}, {0, 0}, 0x1p-130F) == 0);
}

TEST_CASE("the model faults where the CPU does", "[tile_registers]") {
  if (!runs_here()) return;
  TileModel::release();
  std::vector<std::byte> memory(16 * 64);
  CHECK_THROWS_WITH(TileModel::zero<0>(), "#UD: no tile configuration");
  CHECK_THROWS_WITH(TileModel::load<0>(memory.data(), 64), "#UD: no tile configuration");
  CHECK_THROWS_WITH(TileModel::configure(shapes({{17, 64}})), "#GP: larger than a tile");
  CHECK_THROWS_WITH(TileModel::configure(shapes({{16, 68}})), "#GP: larger than a tile");
  CHECK_THROWS_WITH(TileModel::configure(shapes({{16, 0}})), "#GP: rows without bytes");
  TileConfig wrong = shapes({{16, 64}});
  wrong.palette = 2;
  CHECK_THROWS_WITH(TileModel::configure(wrong), "#GP: palette 2");
  wrong = shapes({{16, 64}});
  wrong.reserved[13] = 1;
  CHECK_THROWS_WITH(TileModel::configure(wrong), "#GP: reserved byte");
  wrong = shapes({{16, 64}});
  wrong.rows[8] = wrong.row_bytes[8] = 16;
  CHECK_THROWS_WITH(TileModel::configure(wrong), "#GP: shape of a ninth tile");
  CHECK(TileModel::configured_threads() == 0);

  TileModel::configure(shapes({{3, 20}, {3, 8}, {2, 20}, {3, 20}, {4, 8}, {3, 6}}));
  CHECK_NOTHROW(TileModel::multiply_bf16<0, 1, 2>());
  CHECK_THROWS_WITH(TileModel::zero<6>(), "#UD: tile 6 has no shape");
  CHECK_THROWS_WITH((TileModel::multiply_bf16<0, 1, 1>()), "#UD: a tile named twice");
  CHECK_THROWS_WITH((TileModel::multiply_bf16<0, 1, 3>()), "#UD: shapes do not fit");
  CHECK_THROWS_WITH((TileModel::multiply_bf16<0, 4, 2>()), "#UD: shapes do not fit");
  CHECK_THROWS_WITH((TileModel::multiply_bf16<0, 5, 2>()), "#UD: rows of no whole pairs");
  TileConfig none;
  none.palette = 0;
  TileModel::configure(none);
  CHECK_THROWS_WITH(TileModel::zero<0>(), "#UD: no tile configuration");
}

TEST_CASE("a tile has nothing outside its shape", "[tile_registers]") {
  if (!runs_here()) return;
  TileModel::configure(shapes({{2, 8}}));
  const std::vector<int32_t> from{1, 2, 3, 4, 5, 6};  // rows 12 bytes apart
  std::vector<int32_t> to(6, 9);
  TileModel::load<0>(from.data(), 12);
  TileModel::store<0>(to.data(), 12);
  CHECK(to == std::vector<int32_t>{1, 2, 9, 4, 5, 9});
  TileModel::zero<0>();
  TileModel::store<0>(to.data(), 8);
  CHECK(to == std::vector<int32_t>{0, 0, 0, 0, 5, 9});
  TileModel::release();
}

TEST_CASE("chunks go through the tile registers, and no thread keeps them", "[tile_registers]") {
  if (!runs_here()) return;
  WeightMatrix weights(DType::bf16, 100, 64);
  weights.set_rows(0, 100, std::vector<std::byte>(weights.rows() * weights.cols() * 2).data());
  const std::vector<float> x(40 * 64, 1.0F);
  std::vector<float> y(40 * 100, NAN);
  ThreadPool pool(3);
  REQUIRE(pool.level() == CpuLevel::amx);
  const long before = TileModel::products();
  matmul(weights, x.data(), 40, y.data(), pool);
  // 4 pairs of row groups x 2 tiles of tokens x 2 units of columns x 4 products.
  CHECK(TileModel::products() == before + 4 * 2 * 2 * 4);
  CHECK(TileModel::configured_threads() == 0);
  CHECK(y == std::vector<float>(40 * 100, 0.0F));
}

TEST_CASE("says so where products and logits do not reach the AMX level", "[matmul][logits]") {
  runs_here();
}
