#include "runtime/compute/transpose_words.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace tierscope;

namespace {

// The plain twin.
std::vector<std::byte> transposed(const std::byte* rows, size_t row_bytes, size_t words, std::byte flip) {
  std::vector<std::byte> out(words * kGroupRows * 4);
  for (size_t word = 0; word < words; ++word)
    for (size_t row = 0; row < kGroupRows; ++row)
      for (size_t byte = 0; byte < 4; ++byte)
        out[(word * kGroupRows + row) * 4 + byte] = rows[row * row_bytes + word * 4 + byte] ^ flip;
  return out;
}

}  // namespace

TEST_CASE("words are transposed as by the plain loop, for every count, distance and alignment", "[transpose_words]") {
  std::mt19937 random(1);
  std::vector<std::byte> rows(kGroupRows * 400);
  for (std::byte& byte : rows) byte = static_cast<std::byte>(random());
  for (size_t words = 0; words <= 70; ++words)
    for (const size_t row_bytes : {words * 4, words * 4 + 2, size_t{384}})
      for (const size_t offset : {0, 2}) {
        const std::byte* from = rows.data() + offset;
        const std::byte guard{0x5a};
        std::vector<std::byte> out(words * kGroupRows * 4 + 1, guard), flipped = out;
        transpose_words(from, row_bytes, words, out.data());
        transpose_words<0x80808080>(from, row_bytes, words, flipped.data());
        for (const bool flip : {false, true}) {
          std::vector<std::byte> expected = transposed(from, row_bytes, words, flip ? std::byte{0x80} : std::byte{0});
          expected.push_back(guard);
          REQUIRE((flip ? flipped : out) == expected);
        }
      }
}
