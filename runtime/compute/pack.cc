#include "runtime/compute/pack.h"

#include <cstring>

#include "runtime/compute/transpose_words.h"

namespace tierscope {
namespace {

constexpr size_t kHalfBytes = 2, kWordBytes = 4;

uint32_t word_at(const void* bytes) {
  uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// Writes a plane of kWidth bits taken from the codes' bits at kShift as words, four codes of each part in one; gives
// the plane's end.
template <unsigned kWidth, unsigned kShift>
uint32_t* pack_plane(const uint8_t* codes, uint32_t* words) {
  constexpr uint32_t kMask = 0x01010101U * ((1U << kWidth) - 1);
  constexpr size_t kVectors = kWidth;  // 8 code vectors x width bits / 8
  constexpr size_t kPerVector = kCodeVectors / kVectors;
  for (size_t vector = 0; vector < kVectors; ++vector) {
    uint32_t word = 0;
    for (size_t part = 0; part < kPerVector; ++part) {
      // Nibbles pair codes i and i + 4; narrower planes hold neighbours.
      const size_t code = kWidth == 4 ? vector + part * 4 : vector * kPerVector + part;
      word |= (word_at(codes + code * kWordBytes) >> kShift & kMask) << part * kWidth;
    }
    words[vector] = word;
  }
  return words + kVectors;
}

// One row's words of `blocks` blocks, in the order of their vectors in a group.
template <unsigned kBits>
void pack_codes(const uint8_t* codes, size_t blocks, uint32_t* words) {
  if constexpr (kBits == 8) {
    std::memcpy(words, codes, blocks * kBlockValues);
  } else {
    for (size_t block = 0; block < blocks; ++block, codes += kBlockValues) {
      if constexpr ((kBits & 4) != 0) words = pack_plane<4, 0>(codes, words);
      if constexpr ((kBits & 2) != 0) words = pack_plane<2, kBits & 4>(codes, words);
      if constexpr ((kBits & 1) != 0) words = pack_plane<1, kBits & 6>(codes, words);
    }
  }
}

constexpr void (*kPackCodes[])(const uint8_t*, size_t, uint32_t*) = {nullptr,       nullptr,       pack_codes<2>,
                                                                     pack_codes<3>, pack_codes<4>, pack_codes<5>,
                                                                     pack_codes<6>, nullptr,       pack_codes<8>};

uint8_t plane_code(unsigned width, size_t value, size_t row, const std::byte* plane) {
  const size_t vectors = width, per_vector = kCodeVectors / vectors;
  const size_t code = value / kWordBytes;
  const size_t vector = width == 4 ? code % 4 : code / per_vector;
  const size_t part = width == 4 ? code / 4 : code % per_vector;
  const auto byte = static_cast<uint8_t>(plane[vector * kCodeVectorBytes + row * kWordBytes + value % kWordBytes]);
  return static_cast<uint8_t>(byte >> part * width & ((1U << width) - 1));
}

// Q4_0 and Q8_0, which most files are of: a block is a half and its codes, whose words already pair as the planes do.
template <FormatId kFormat, uint32_t kFlip>
void pack_simple(const std::byte* rows, size_t row_bytes, size_t blocks, std::byte* group) {
  constexpr PackedFormat format = packed_format(kFormat);
  constexpr size_t code_bytes = kBlockValues * format.bits / 8, block_bytes = kHalfBytes + code_bytes;
  for (size_t block = 0; block < blocks; ++block) {
    const std::byte* from = rows + block * block_bytes;
    transpose_words<kFlip>(from + kHalfBytes, row_bytes, code_bytes / kWordBytes, group + format.codes_offset(block));
    std::byte* scales = group + format.scales_offset(block, blocks);
    for (size_t row = 0; row < kGroupRows; ++row)
      std::memcpy(scales + row * kHalfBytes, from + row * row_bytes, kHalfBytes);
  }
}

void pack_scales(const PackedFormat& format, const BlockCodes& codes, size_t row, std::byte* out) {
  const size_t kinds = format.has_min ? 2 : 1;
  std::memcpy(out + row * kHalfBytes, &codes.d, kHalfBytes);
  if (format.has_min) std::memcpy(out + kGroupRows * kHalfBytes + row * kHalfBytes, &codes.min, kHalfBytes);
  if (!format.super) return;
  out += kinds * kGroupRows * kHalfBytes;
  for (size_t group = 0; group < kSuperBlocks * format.groups_per_block(); ++group) {
    out[group * kinds * kGroupRows + row] = static_cast<std::byte>(codes.scales[group]);
    if (format.has_min) out[(group * kinds + 1) * kGroupRows + row] = static_cast<std::byte>(codes.minima[group]);
  }
}

float half_at(const std::byte* bytes) {
  uint16_t half = 0;
  std::memcpy(&half, bytes, sizeof half);
  return f16_to_f32(half);
}

}  // namespace

void pack_group(const QuantType& type, const std::byte* rows, size_t row_bytes, size_t count, size_t cols,
                std::byte* group) {
  const PackedFormat& format = packed_format(type.format);
  const size_t blocks = cols / kBlockValues;
  if (count == kGroupRows && (type.type == DType::q4_0 || type.type == DType::iq4_nl))
    return pack_simple<FormatId::s4, 0>(rows, row_bytes, blocks, group);
  if (count == kGroupRows && type.type == DType::q8_0)
    return pack_simple<FormatId::s8, 0x80808080>(rows, row_bytes, blocks, group);
  const size_t per_file_block = format.super ? kSuperBlocks : 1;
  const size_t file_block_bytes = row_bytes / (blocks / per_file_block);
  if (count < kGroupRows) std::memset(group, 0, format.group_bytes(blocks));
  // Row by row first: the codes' words of a unit's rows, then all of them transposed at once.
  uint32_t words[kGroupRows][kSuperBlocks * kCodeVectors] = {};
  for (size_t first = 0; first < blocks; first += per_file_block) {
    for (size_t row = 0; row < count; ++row) {
      BlockCodes codes;
      type.take_apart(rows + row * row_bytes + first / per_file_block * file_block_bytes, codes);
      kPackCodes[format.bits](codes.codes, per_file_block, words[row]);
      pack_scales(format, codes, row, group + format.scales_offset(first, blocks));
    }
    transpose_words(reinterpret_cast<const std::byte*>(words), sizeof words[0], per_file_block * format.bits,
                    group + format.codes_offset(first));
  }
}

void unpack_codes(const PackedFormat& format, const std::byte* block, size_t row, uint8_t* codes) {
  for (size_t value = 0; value < kBlockValues; ++value) {
    if (format.bits == 8) {
      codes[value] =
          static_cast<uint8_t>(block[value / kWordBytes * kCodeVectorBytes + row * kWordBytes + value % kWordBytes]);
      continue;
    }
    unsigned code = 0, shift = 0;
    const std::byte* plane = block;
    for (const unsigned width : {4U, 2U, 1U})
      if ((format.bits & width) != 0) {
        code |= static_cast<unsigned>(plane_code(width, value, row, plane)) << shift;
        shift += width;
        plane += width * kCodeVectorBytes;
      }
    codes[value] = format.codebook ? kCodebook[code] : static_cast<uint8_t>(code);
  }
}

ScaleAndMin unpack_scale(const PackedFormat& format, const std::byte* group, size_t blocks, size_t row, size_t block,
                         size_t group_of_block) {
  const size_t kinds = format.has_min ? 2 : 1;
  const std::byte* scales = group + format.scales_offset(block, blocks);
  ScaleAndMin out{half_at(scales + row * kHalfBytes), 0};
  if (format.has_min) out.min = half_at(scales + (kGroupRows + row) * kHalfBytes);
  if (!format.super) return out;
  const size_t scale_group = block % kSuperBlocks * format.groups_per_block() + group_of_block;
  const std::byte* integers = scales + kinds * kGroupRows * (kHalfBytes + scale_group) + row;
  out.scale *= static_cast<float>(static_cast<int8_t>(integers[0]));
  if (format.has_min) out.min *= static_cast<float>(static_cast<int8_t>(integers[kGroupRows]));
  return out;
}

void unpack_row(const PackedFormat& format, const std::byte* group, size_t row, size_t cols, float* out) {
  const size_t blocks = cols / kBlockValues;
  for (size_t block = 0; block < blocks; ++block) {
    uint8_t codes[kBlockValues];
    unpack_codes(format, group + format.codes_offset(block), row, codes);
    for (size_t group_of_block = 0; group_of_block < format.groups_per_block(); ++group_of_block) {
      const auto [scale, min] = unpack_scale(format, group, blocks, row, block, group_of_block);
      for (size_t value = group_of_block * format.scale_group; value < (group_of_block + 1) * format.scale_group;
           ++value)
        out[block * kBlockValues + value] =
            scale * static_cast<float>(static_cast<int>(codes[value]) - format.offset) - min;
    }
  }
}

}  // namespace tierscope
