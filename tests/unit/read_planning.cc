#include "runtime/store/read_planning.h"

#include <catch2/catch.hpp>

using namespace tierscope;

namespace {

const TableFile kTable{"t", 100, 1000, 300, 0, nullptr};

PlannedReads plan(const std::vector<RowId>& rows, const RangeRules& rules, std::vector<std::byte>& memory) {
  memory.resize(rows.size() * row_read_bytes(kTable, rules.alignment_bytes));
  return plan_reads(kTable, rows, memory, rules);
}

}  // namespace

TEST_CASE("a read covers its row between aligned borders", "[read_planning]") {
  std::vector<std::byte> memory;
  const PlannedReads reads = plan({7}, {512, 0, 65536}, memory);
  REQUIRE(reads.ops.size() == 1);
  // Row 7 is bytes 2200 to 2500.
  CHECK(reads.ops[0].offset == 2048);
  CHECK(reads.ops[0].bytes == 512);
  CHECK(reads.ops[0].needed == 452);
  CHECK(reads.rows[0] == memory.data() + 152);
}

TEST_CASE("neighbours share a read, however they are ordered, up to the gap and the size", "[read_planning]") {
  std::vector<std::byte> memory;
  CHECK(plan({9, 7, 8}, {512, 0, 65536}, memory).ops.size() == 1);
  CHECK(plan({7, 20}, {512, 0, 65536}, memory).ops.size() == 2);
  const std::vector<RowId> sparse{1, 3, 5, 7, 9, 11, 13, 15};
  CHECK(plan(sparse, {512, 300, 65536}, memory).ops.size() == 1);
  CHECK(plan(sparse, {1, 299, 65536}, memory).ops.size() == 8);
  CHECK(plan(sparse, {512, 300, 1024}, memory).ops.size() > 2);
  const PlannedReads shared = plan({9, 7, 8}, {512, 0, 65536}, memory);
  CHECK(shared.ops[0].rows == 3);
  CHECK(shared.rows[0] - shared.rows[1] == 600);
}

TEST_CASE("nothing is shared where the gaps would not fit the memory", "[read_planning]") {
  std::vector<std::byte> memory;
  const std::vector<RowId> far{0, 100, 200};
  const PlannedReads reads = plan(far, {512, 60000, 65536}, memory);
  CHECK(reads.ops.size() == 3);
  for (const ReadOp& op : reads.ops) CHECK(op.to + op.bytes <= memory.data() + memory.size());
}
