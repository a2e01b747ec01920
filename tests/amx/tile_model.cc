#include "tests/amx/tile_model.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <string>

namespace tierscope {
namespace {

constexpr size_t kTiles = 8, kMostRows = 16, kMostBytes = 64;

struct Tile {
  size_t rows = 0, row_bytes = 0;  // both 0: not to be used
  alignas(64) std::byte data[kMostRows][kMostBytes];

  template <class T>
  T value(size_t row, size_t index) const {
    T out;
    std::memcpy(&out, &data[row][index * sizeof(T)], sizeof out);
    return out;
  }
};

std::atomic<int> threads{0};
std::atomic<long> all_products{0};

struct Registers {
  bool configured = false;
  Tile tiles[kTiles];
  ~Registers() { set(false); }
  void set(bool now) {
    threads += static_cast<int>(now) - static_cast<int>(configured);
    configured = now;
  }
};

Registers& registers() {
  thread_local Registers own;
  return own;
}

void require(bool holds, const std::string& fault) {
  if (!holds) throw TileFault(fault);
}

Tile& usable(int index) {
  Registers& own = registers();
  require(own.configured, "#UD: no tile configuration");
  require(index >= 0 && static_cast<size_t>(index) < kTiles, "#UD: no such tile");
  Tile& tile = own.tiles[index];
  require(tile.rows != 0 && tile.row_bytes != 0, "#UD: tile " + std::to_string(index) + " has no shape");
  return tile;
}

float flush(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0F, value) : value;
}

float from_bf16(uint16_t bits) {
  const uint32_t wide = uint32_t{bits} << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof value);
  return flush(value);
}

}  // namespace

void TileModel::configure(const TileConfig& config) {
  Registers& own = registers();
  if (config.palette == 0) return own.set(false);
  require(config.palette == 1, "#GP: palette " + std::to_string(config.palette));
  require(config.start_row == 0, "start_row is not modelled");
  for (const uint8_t byte : config.reserved) require(byte == 0, "#GP: reserved byte");
  for (size_t tile = kTiles; tile < 16; ++tile)
    require(config.row_bytes[tile] == 0 && config.rows[tile] == 0, "#GP: shape of a ninth tile");
  for (size_t tile = 0; tile < kTiles; ++tile) {
    require(config.row_bytes[tile] <= kMostBytes && config.rows[tile] <= kMostRows, "#GP: larger than a tile");
    require((config.row_bytes[tile] == 0) == (config.rows[tile] == 0), "#GP: rows without bytes");
  }
  for (size_t tile = 0; tile < kTiles; ++tile) {
    own.tiles[tile].rows = config.rows[tile];
    own.tiles[tile].row_bytes = config.row_bytes[tile];
    std::memset(own.tiles[tile].data, 0, sizeof own.tiles[tile].data);
  }
  own.set(true);
}

void TileModel::release() {
  registers().set(false);
}

void TileModel::zero(int tile) {
  Tile& zeroed = usable(tile);
  std::memset(zeroed.data, 0, sizeof zeroed.data);
}

void TileModel::load(int tile, const void* from, size_t stride) {
  Tile& loaded = usable(tile);
  std::memset(loaded.data, 0, sizeof loaded.data);
  for (size_t row = 0; row < loaded.rows; ++row)
    std::memcpy(loaded.data[row], static_cast<const std::byte*>(from) + row * stride, loaded.row_bytes);
}

void TileModel::store(int tile, void* to, size_t stride) {
  const Tile& stored = usable(tile);
  for (size_t row = 0; row < stored.rows; ++row)
    std::memcpy(static_cast<std::byte*>(to) + row * stride, stored.data[row], stored.row_bytes);
}

void TileModel::multiply_bf16(int sum_tile, int a_tile, int b_tile) {
  require(sum_tile != a_tile && sum_tile != b_tile && a_tile != b_tile, "#UD: a tile named twice");
  Tile& sum = usable(sum_tile);
  const Tile& a = usable(a_tile);
  const Tile& b = usable(b_tile);
  require(sum.row_bytes % 4 == 0 && a.row_bytes % 4 == 0 && b.row_bytes % 4 == 0, "#UD: rows of no whole pairs");
  require(sum.rows == a.rows && sum.row_bytes == b.row_bytes && a.row_bytes / 4 == b.rows, "#UD: shapes do not fit");
  const size_t width = sum.row_bytes / 4;
  float left[kMostBytes / 4][2][kMostBytes / 4] = {};  // of b: [pair][even, odd][column]
  for (size_t k = 0; k < b.rows; ++k)
    for (size_t n = 0; n < width; ++n)
      for (size_t odd = 0; odd < 2; ++odd) left[k][odd][n] = from_bf16(b.value<uint16_t>(k, 2 * n + odd));
  for (size_t m = 0; m < sum.rows; ++m) {
    float sums[2][kMostBytes / 4] = {};
    for (size_t k = 0; k < b.rows; ++k)
      for (size_t odd = 0; odd < 2; ++odd) {
        const float value = from_bf16(a.value<uint16_t>(m, 2 * k + odd));
        for (size_t n = 0; n < width; ++n) sums[odd][n] = flush(std::fma(value, left[k][odd][n], sums[odd][n]));
      }
    for (size_t n = 0; n < width; ++n) {
      const float total = flush(flush(sum.value<float>(m, n)) + flush(sums[0][n] + sums[1][n]));
      std::memcpy(&sum.data[m][n * 4], &total, sizeof total);
    }
    std::memset(sum.data[m] + sum.row_bytes, 0, kMostBytes - sum.row_bytes);
  }
  for (size_t m = sum.rows; m < kMostRows; ++m) std::memset(sum.data[m], 0, kMostBytes);
  ++all_products;
}

int TileModel::configured_threads() {
  return threads;
}

long TileModel::products() {
  return all_products;
}

}  // namespace tierscope
