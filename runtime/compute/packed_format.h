// How quantised weights lie in memory for the kernels. Sixteen rows form a group; along the columns, 32 values form a
// block, and a block's codes lie as eight vectors of 16 rows x 4 columns, one byte a code: the operand of the
// byte-product instructions of every level, in the order in which one token's product reads it.
//
// Codes narrower than a byte are split into bit planes (4, 2, 1 bits), each vector of which holds two, four or eight of
// the eight code vectors in its bit positions:
//   4-bit plane, 4 vectors: vector i holds codes i (low nibble) and i + 4 (high nibble)
//   2-bit plane, 2 vectors: vector i holds codes 4i .. 4i+3, lowest bits first
//   1-bit plane, 1 vector:  code i is bit i
// A row group is one unit after the other, a unit the codes of its blocks and then their scales, so that one token's
// product reads a single linear stream. Two of them, codes and scales, ran at 0.75 to 0.79 of RAM's bandwidth, one at
// 0.96 to 0.99 (docs/compute.md). The scales:
//   simple formats, per block of 32:   half d[16], (half min[16])
//   super formats, per block of 256:   half d[16], (half dmin[16]), then per scale group: int8 s[16], (int8 m[16])
// A unit is a super-block, of the simple formats as many blocks as fill whole cache lines; the last of a row may be
// shorter.
// A value is scale * (code - offset) or, with minima, scale * code - min; scale = d * s, min = dmin * m.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/gguf/dtype.h"

namespace tierscope {

inline constexpr size_t kGroupRows = 16;
inline constexpr size_t kBlockValues = 32;
inline constexpr size_t kCodeVectors = 8;       // of a block
inline constexpr size_t kCodeVectorBytes = 64;  // 16 rows x 4 columns
inline constexpr size_t kSuperBlocks = 8;       // blocks of a super-block

struct PackedFormat {
  unsigned bits = 8;
  unsigned scale_group = 32;  // values that share a scale: 16 or 32
  bool super = false;
  bool has_min = false;
  bool codebook = false;  // codes index the IQ4 code book, whose entries are stored + 128
  int offset = 0;

  constexpr bool operator==(const PackedFormat&) const = default;
  constexpr size_t code_block_bytes() const { return bits * kCodeVectorBytes; }
  constexpr size_t groups_per_block() const { return kBlockValues / scale_group; }
  // Bytes of scales for `blocks` blocks (a multiple of kSuperBlocks where super).
  constexpr size_t scale_bytes(size_t blocks) const {
    const size_t kinds = has_min ? 2 : 1;
    if (!super) return blocks * kinds * 2 * kGroupRows;
    return (blocks / kSuperBlocks * 2 + blocks * groups_per_block()) * kinds * kGroupRows;
  }
  constexpr size_t group_bytes(size_t blocks) const { return blocks * code_block_bytes() + scale_bytes(blocks); }
  constexpr size_t unit_blocks() const { return super ? kSuperBlocks : has_min ? 1 : 2; }
  constexpr size_t unit_bytes() const { return group_bytes(unit_blocks()); }
  // Byte offsets in a group of `blocks` blocks: of a block's codes, and of its scales or those of its super-block.
  constexpr size_t codes_offset(size_t block) const {
    return block / unit_blocks() * unit_bytes() + block % unit_blocks() * code_block_bytes();
  }
  constexpr size_t scales_offset(size_t block, size_t blocks) const {
    const size_t first = block / unit_blocks() * unit_blocks();
    const size_t there = blocks - first < unit_blocks() ? blocks - first : unit_blocks();
    return codes_offset(first) + there * code_block_bytes() + (super ? 0 : scale_bytes(block - first));
  }
  constexpr unsigned largest_code() const { return codebook ? 255 : (1U << bits) - 1; }
};

// The formats, each of which a kernel level instantiates its kernels for.
enum class FormatId : uint8_t { s4, m4, s5, m5, s8, k2, k3, k4, k5, k6, codebook4, codebook4_super, count };

inline constexpr PackedFormat kPackedFormats[] = {
    {.bits = 4, .offset = 8},
    {.bits = 4, .has_min = true},
    {.bits = 5, .offset = 16},
    {.bits = 5, .has_min = true},
    {.bits = 8, .offset = 128},
    {.bits = 2, .scale_group = 16, .super = true, .has_min = true},
    {.bits = 3, .scale_group = 16, .super = true, .offset = 4},
    {.bits = 4, .super = true, .has_min = true},
    {.bits = 5, .super = true, .has_min = true},
    {.bits = 6, .scale_group = 16, .super = true, .offset = 32},
    {.bits = 4, .codebook = true, .offset = 128},
    {.bits = 4, .super = true, .codebook = true, .offset = 128},
};
inline constexpr size_t kFormatCount = static_cast<size_t>(FormatId::count);
static_assert(sizeof kPackedFormats / sizeof kPackedFormats[0] == kFormatCount);

constexpr const PackedFormat& packed_format(FormatId id) {
  return kPackedFormats[static_cast<size_t>(id)];
}

// Code book of IQ4_NL and IQ4_XS, + 128.
inline constexpr uint8_t kCodebook[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

}  // namespace tierscope
