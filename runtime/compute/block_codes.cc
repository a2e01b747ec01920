#include "runtime/compute/block_codes.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace tierscope {
namespace {

const uint8_t* bytes_at(const std::byte* block, size_t offset) {
  return reinterpret_cast<const uint8_t*>(block) + offset;
}

uint16_t half_at(const std::byte* block, size_t offset) {
  uint16_t half = 0;
  std::memcpy(&half, block + offset, sizeof half);
  return half;
}

// Eight codes at a time, a byte each. Shifts to the right bring in bits of the next byte: a mask takes them off.
constexpr size_t kEight = 8;
uint64_t eight_at(const uint8_t* bytes) {
  uint64_t eight = 0;
  std::memcpy(&eight, bytes, sizeof eight);
  return eight;
}
void put_eight(uint8_t* bytes, uint64_t eight) {
  std::memcpy(bytes, &eight, sizeof eight);
}
constexpr uint64_t in_each(uint8_t byte) {
  return byte * uint64_t{0x0101010101010101};
}
void add_bits(uint64_t bits, unsigned shift, uint8_t* codes) {
  put_eight(codes, eight_at(codes) | bits << shift);
}

// The 4-bit types of 32 values: byte j holds values j and j + 16.
void nibbles_of_32(const uint8_t* packed, uint8_t* codes) {
  for (size_t j = 0; j < 16; j += kEight) {
    const uint64_t pairs = eight_at(packed + j);
    put_eight(codes + j, pairs & in_each(15));
    put_eight(codes + j + 16, pairs >> 4 & in_each(15));
  }
}

void fifth_bits_of_32(const uint8_t* packed, uint8_t* codes) {
  uint32_t bits = 0;
  std::memcpy(&bits, packed, sizeof bits);
  for (size_t j = 0; j < 32; ++j) codes[j] = static_cast<uint8_t>(codes[j] | (bits >> j & 1) << 4);
}

uint16_t negated_half(uint16_t half) {
  return half ^ 0x8000;
}

void take_q4_0(const std::byte* block, BlockCodes& out) {
  out.d = half_at(block, 0);
  nibbles_of_32(bytes_at(block, 2), out.codes);
}

void take_q4_1(const std::byte* block, BlockCodes& out) {
  out.d = half_at(block, 0);
  out.min = negated_half(half_at(block, 2));
  nibbles_of_32(bytes_at(block, 4), out.codes);
}

void take_q5_0(const std::byte* block, BlockCodes& out) {
  out.d = half_at(block, 0);
  nibbles_of_32(bytes_at(block, 6), out.codes);
  fifth_bits_of_32(bytes_at(block, 2), out.codes);
}

void take_q5_1(const std::byte* block, BlockCodes& out) {
  out.d = half_at(block, 0);
  out.min = negated_half(half_at(block, 2));
  nibbles_of_32(bytes_at(block, 8), out.codes);
  fifth_bits_of_32(bytes_at(block, 4), out.codes);
}

void take_q8_0(const std::byte* block, BlockCodes& out) {
  out.d = half_at(block, 0);
  const uint8_t* codes = bytes_at(block, 2);
  for (size_t j = 0; j < 32; j += kEight) put_eight(out.codes + j, eight_at(codes + j) ^ in_each(0x80));
}

// The 2-bit planes of Q2_K and Q3_K: each half of 128 values has 32 bytes, which hold four runs of 32 values.
void pairs_of_256(const uint8_t* packed, uint8_t* codes) {
  for (size_t run = 0; run < 8; ++run)
    for (size_t j = 0; j < 32; j += kEight)
      put_eight(codes + run * 32 + j, eight_at(packed + run / 4 * 32 + j) >> run % 4 * 2 & in_each(3));
}

void take_q2_k(const std::byte* block, BlockCodes& out) {
  const uint8_t* scales = bytes_at(block, 0);
  for (size_t group = 0; group < 16; ++group) {
    out.scales[group] = static_cast<int8_t>(scales[group] & 15);
    out.minima[group] = static_cast<int8_t>(scales[group] >> 4);
  }
  pairs_of_256(bytes_at(block, 16), out.codes);
  out.d = half_at(block, 80);
  out.min = half_at(block, 82);
}

void take_q3_k(const std::byte* block, BlockCodes& out) {
  const uint8_t* high = bytes_at(block, 0);
  const uint8_t* scales = bytes_at(block, 96);
  pairs_of_256(bytes_at(block, 32), out.codes);
  for (size_t run = 0; run < 8; ++run)
    for (size_t j = 0; j < 32; j += kEight)
      add_bits(eight_at(high + j) >> run & in_each(1), 2, out.codes + run * 32 + j);
  for (size_t group = 0; group < 16; ++group) {
    const int low = scales[group % 8] >> group / 8 * 4 & 15;
    const int top = scales[8 + group % 4] >> group / 4 * 2 & 3;
    out.scales[group] = static_cast<int8_t>((low | top << 4) - 32);
  }
  out.d = half_at(block, 108);
}

// Q4_K and Q5_K: eight 6-bit scales and minima in 12 bytes.
void scales_and_minima(const uint8_t* packed, BlockCodes& out) {
  for (size_t group = 0; group < 4; ++group) {
    out.scales[group] = static_cast<int8_t>(packed[group] & 63);
    out.minima[group] = static_cast<int8_t>(packed[group + 4] & 63);
    out.scales[group + 4] = static_cast<int8_t>((packed[group + 8] & 15) | packed[group] >> 6 << 4);
    out.minima[group + 4] = static_cast<int8_t>(packed[group + 8] >> 4 | packed[group + 4] >> 6 << 4);
  }
}

// Q4_K and Q5_K: 32 bytes hold two runs of 32 values.
void nibbles_of_256(const uint8_t* packed, uint8_t* codes) {
  for (size_t run = 0; run < 8; ++run)
    for (size_t j = 0; j < 32; j += kEight)
      put_eight(codes + run * 32 + j, eight_at(packed + run / 2 * 32 + j) >> run % 2 * 4 & in_each(15));
}

void take_q4_k(const std::byte* block, BlockCodes& out) {
  out.d = half_at(block, 0);
  out.min = half_at(block, 2);
  scales_and_minima(bytes_at(block, 4), out);
  nibbles_of_256(bytes_at(block, 16), out.codes);
}

void take_q5_k(const std::byte* block, BlockCodes& out) {
  out.d = half_at(block, 0);
  out.min = half_at(block, 2);
  scales_and_minima(bytes_at(block, 4), out);
  nibbles_of_256(bytes_at(block, 48), out.codes);
  const uint8_t* high = bytes_at(block, 16);
  for (size_t run = 0; run < 8; ++run)
    for (size_t j = 0; j < 32; j += kEight)
      add_bits(eight_at(high + j) >> run & in_each(1), 4, out.codes + run * 32 + j);
}

void take_q6_k(const std::byte* block, BlockCodes& out) {
  for (size_t half = 0; half < 2; ++half) {
    const uint8_t* low = bytes_at(block, half * 64);
    const uint8_t* high = bytes_at(block, 128 + half * 32);
    for (size_t run = 0; run < 4; ++run)
      for (size_t j = 0; j < 32; j += kEight) {
        uint8_t* codes = out.codes + half * 128 + run * 32 + j;
        put_eight(codes, eight_at(low + run % 2 * 32 + j) >> run / 2 * 4 & in_each(15));
        add_bits(eight_at(high + j) >> run * 2 & in_each(3), 4, codes);
      }
  }
  std::memcpy(out.scales, block + 192, 16);
  out.d = half_at(block, 208);
}

void take_iq4_xs(const std::byte* block, BlockCodes& out) {
  out.d = half_at(block, 0);
  const unsigned high = half_at(block, 2);
  const uint8_t* low = bytes_at(block, 4);
  for (size_t group = 0; group < 8; ++group) {
    const int nibble = low[group / 2] >> group % 2 * 4 & 15;
    out.scales[group] = static_cast<int8_t>((nibble | static_cast<int>(high >> group * 2 & 3) << 4) - 32);
    nibbles_of_32(bytes_at(block, 8 + group * 16), out.codes + group * 32);
  }
}

constexpr QuantType kQuantTypes[] = {
    {DType::q4_0, FormatId::s4, take_q4_0},
    {DType::q4_1, FormatId::m4, take_q4_1},
    {DType::q5_0, FormatId::s5, take_q5_0},
    {DType::q5_1, FormatId::m5, take_q5_1},
    {DType::q8_0, FormatId::s8, take_q8_0},
    {DType::q2_k, FormatId::k2, take_q2_k},
    {DType::q3_k, FormatId::k3, take_q3_k},
    {DType::q4_k, FormatId::k4, take_q4_k},
    {DType::q5_k, FormatId::k5, take_q5_k},
    {DType::q6_k, FormatId::k6, take_q6_k},
    {DType::iq4_nl, FormatId::codebook4, take_q4_0},  // the same layout, read through the code book
    {DType::iq4_xs, FormatId::codebook4_super, take_iq4_xs},
};

}  // namespace

const QuantType* quant_type(DType type) {
  const auto* found = std::ranges::find(kQuantTypes, type, &QuantType::type);
  return found == std::end(kQuantTypes) ? nullptr : found;
}

}  // namespace tierscope
