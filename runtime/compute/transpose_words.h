// Rows of 32-bit words into columns of sixteen, as the packed layouts want them: packing's inner loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/compute/packed_format.h"

namespace tierscope {

// out[word][row] = rows[row][word] ^ kFlip for 16 rows, `row_bytes` apart, of `words` words. Nothing need be aligned.
// Pure, thread-safe.
template <uint32_t kFlip = 0>
inline void transpose_words(const std::byte* rows, size_t row_bytes, size_t words, std::byte* out) {
  using Words = uint32_t __attribute__((vector_size(16)));
  constexpr size_t kWord = sizeof(uint32_t), kWordRow = kGroupRows * kWord;
  // A cache line of each row at a time: sixteen rows whose distance is a multiple of 4 KiB would throw each other's
  // lines out of the L1 cache before all of a line is used.
  constexpr size_t kRun = 16;
  const size_t whole = words / 4 * 4;
  for (size_t first = 0; first < whole; first += kRun)
    for (size_t quad = 0; quad < kGroupRows; quad += 4)
      for (size_t word = first; word < whole && word < first + kRun; word += 4) {
        Words in[4];
        for (size_t i = 0; i < 4; ++i) {
          std::memcpy(&in[i], rows + (quad + i) * row_bytes + word * kWord, sizeof in[i]);
          if constexpr (kFlip != 0) in[i] ^= kFlip;
        }
        const Words low01 = __builtin_shufflevector(in[0], in[1], 0, 4, 1, 5);
        const Words low23 = __builtin_shufflevector(in[2], in[3], 0, 4, 1, 5);
        const Words high01 = __builtin_shufflevector(in[0], in[1], 2, 6, 3, 7);
        const Words high23 = __builtin_shufflevector(in[2], in[3], 2, 6, 3, 7);
        const Words columns[4] = {
            __builtin_shufflevector(low01, low23, 0, 1, 4, 5), __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
            __builtin_shufflevector(high01, high23, 0, 1, 4, 5), __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
        for (size_t i = 0; i < 4; ++i)
          std::memcpy(out + (word + i) * kWordRow + quad * kWord, &columns[i], sizeof columns[i]);
      }
  for (size_t word = whole; word < words; ++word)
    for (size_t row = 0; row < kGroupRows; ++row) {
      uint32_t value = 0;
      std::memcpy(&value, rows + row * row_bytes + word * kWord, kWord);
      value ^= kFlip;
      std::memcpy(out + word * kWordRow + row * kWord, &value, kWord);
    }
}

}  // namespace tierscope
