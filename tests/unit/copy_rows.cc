// Rows copied with the next one fetched meanwhile equal rows copied plainly.
#include "runtime/placement/copy_rows.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

using namespace tierscope;

namespace {

// Rows in reverse, one twice: row i is not where row i - 1 ends.
class ScatteredRows final : public StepRows {
 public:
  ScatteredRows(size_t count, size_t row_bytes) : count_(count), row_bytes_(row_bytes), memory_(count * row_bytes) {
    for (size_t i = 0; i < memory_.size(); ++i) memory_[i] = static_cast<std::byte>(i * 131 + i / 251);
  }
  void await() override {}
  const std::byte* row(size_t i) const override { return &memory_[(i == 1 ? 0 : count_ - 1 - i) * row_bytes_]; }

 private:
  size_t count_, row_bytes_;
  std::vector<std::byte> memory_;
};

}  // namespace

TEST_CASE("rows are copied as they are, as many as fit", "[copy_rows]") {
  const size_t row_bytes = GENERATE(1u, 63u, 320u, 1024u, 1025u, 9520u);
  const size_t count = GENERATE(0u, 1u, 2u, 7u);
  const ScatteredRows rows(7, row_bytes);
  std::vector<std::byte> plain(count * row_bytes), copied(plain.size());
  for (size_t i = 0; i < count; ++i) std::memcpy(plain.data() + i * row_bytes, rows.row(i), row_bytes);
  copy_rows(rows, row_bytes, copied);
  CHECK(copied == plain);
}
