// What a kernel level offers: for each type of weights the products that the driver in matmul.cc is made of. To add a
// level: one file that fills a `Kernels`, and its line in kernels.cc.
//
// Weights come as row groups of 16 (packed_format.h). A few tokens are multiplied straight from the packed group. More
// go tile by tile against a panel: a few columns of `kPanelGroups` row groups, unpacked once and kept in the L1
// cache while all tiles pass by.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "runtime/compute/activations.h"
#include "runtime/compute/cpu.h"
#include "runtime/compute/packed_format.h"

namespace tierscope {

inline constexpr size_t kPanelGroups = 2;
inline constexpr size_t kPanelRows = kPanelGroups * kGroupRows;

// Where a tile's result goes: y[token * stride + row] for the rows and tokens that exist.
struct TileOutput {
  float* y;
  size_t stride;
  size_t rows;    // <= kPanelRows
  size_t tokens;  // <= the form's tokens
  bool add;       // to what is there: the columns of a panel were not the first
};

struct ActivationKernel {
  size_t tokens = 1;     // of a tile
  size_t unit_cols = 1;  // columns of a unit
  size_t unit_bytes = 0;
  // x: `tokens` rows, `stride` floats apart, of `cols` values. Null: the kernels read the float32 values themselves.
  // Token forms take any number of tokens: a unit of each, then the next unit of each.
  void (*convert)(const float* x, size_t stride, size_t tokens, size_t cols, std::byte* units) = nullptr;
};

// Up to this many tokens are multiplied straight from the packed weights, which are then read once for all of them.
inline constexpr size_t kFewTokens = 8;

// y[token * stride + 0..15] of one group and a fixed number of tokens in token_form. `next`: the group that the caller
// multiplies after this one, of the same layout as far as it is known, so that it is asked for in time; `group` itself
// where there is none. A token's result does not depend on how many there are.
using TokensKernel = void (*)(const std::byte* group, size_t cols, const std::byte* x, float* y, size_t stride,
                              const std::byte* next);

template <class Products, size_t... kIndex>
constexpr std::array<TokensKernel, kFewTokens> tokens_kernels(std::index_sequence<kIndex...>) {
  return {Products::template multiply_tokens<kIndex + 1>...};
}
// Products::multiply_tokens of 1, 2, ... tokens.
template <class Products>
constexpr std::array<TokensKernel, kFewTokens> tokens_kernels() {
  return tokens_kernels<Products>(std::make_index_sequence<kFewTokens>());
}

struct ProductKernel {
  // What multiplies a few tokens and a chunk, for people.
  const char* token_name = "";
  const char* tile_name = "";
  ActivationForm token_form = ActivationForm::float_token;
  ActivationForm tile_form = ActivationForm::float_tile;
  std::array<TokensKernel, kFewTokens> multiply_tokens{};  // of 1, 2, ... tokens
  // Units [first, first + count) of a group of `cols` columns; units are those of tile_form.
  size_t panel_unit_bytes = 0;
  void (*unpack_panel)(const std::byte* group, size_t cols, size_t first_unit, size_t units,
                       std::byte* panel) = nullptr;
  // `panels`: kPanelGroups panels of `units` units, one behind the other.
  void (*multiply_tile)(const std::byte* panels, size_t units, const std::byte* tile, const TileOutput& out) = nullptr;
};

// How far ahead of a few tokens' product its weights are asked for: beyond the latency of RAM at the speed of one core.
inline constexpr size_t kReadAheadBytes = 4096;

// What is read of a group one behind the other, followed by the same of the next group.
struct ReadStream {
  const std::byte* data;
  size_t bytes;
  const std::byte* next;

  const std::byte* at(size_t offset) const { return offset < bytes ? data + offset : next + (offset - bytes); }
};

struct Kernels {
  std::array<ActivationKernel, kActivationForms> activations;
  std::array<ProductKernel, kFormatCount> quantised;
  ProductKernel f32, f16, bf16;
  // Where set: called on each thread after its last multiply_tile of a product; gives up what that holds of the thread.
  void (*end_tiles)() = nullptr;
};

const Kernels& kernels(CpuLevel level);
// The products with weights of a type that can be computed with.
const ProductKernel& product_kernel(const Kernels& level, DType type);

// The levels' own tables; use kernels().
const Kernels& plain_kernels();
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
// Where the CPU has them: what replaces the products of the level below.
void use_bf16_products(Kernels& level);
void use_amx_products(Kernels& level);
// On 64-bit ARM.
const Kernels& neon_kernels();
void use_dotprod_products(Kernels& level);
void use_i8mm_products(Kernels& level);

}  // namespace tierscope
