#include "traces/trace_statistics.h"

#include <catch2/catch.hpp>
#include <list>
#include <random>
#include <set>

using namespace tierscope;

namespace {

std::vector<RowId> random_stream(uint32_t seed, size_t size) {
  std::mt19937 random(seed);
  std::vector<RowId> rows(size);
  for (RowId& row : rows) row = 4'000'000'000u - (random() % 40) * (random() % 40);
  return rows;
}

}  // namespace

TEST_CASE("reuse distances are the depths of an LRU stack", "[trace_statistics]") {
  const std::vector<RowId> rows = random_stream(1, 3000);
  std::list<RowId> stack;
  std::vector<uint64_t> expected(64);
  for (const RowId row : rows) {
    uint64_t depth = 1;
    auto at = stack.begin();
    for (; at != stack.end() && *at != row; ++at) ++depth;
    if (at != stack.end()) {
      size_t bucket = 0;
      while ((uint64_t{1} << bucket) < depth) ++bucket;
      ++expected[bucket];
      stack.erase(at);
    }
    stack.push_front(row);
  }
  const auto reuse = stream_statistics(rows).reuse;
  for (size_t i = 0; i < reuse.size(); ++i) {
    CHECK(reuse[i].distance == uint64_t{1} << i);
    CHECK(reuse[i].accesses == expected[i]);
  }
}

TEST_CASE("working sets are the distinct rows of windows", "[trace_statistics]") {
  const std::vector<RowId> rows = random_stream(2, 500);
  for (const auto& [window, mean_rows] : stream_statistics(rows).working_set) {
    double sum = 0;
    for (size_t end = 0; end < rows.size(); ++end) {
      const size_t first = end + 1 > window ? end + 1 - window : 0;
      sum += static_cast<double>(
          std::set<RowId>(rows.begin() + std::ptrdiff_t(first), rows.begin() + std::ptrdiff_t(end) + 1).size());
    }
    CHECK(mean_rows == Approx(sum / static_cast<double>(rows.size())));
  }
}

TEST_CASE("rows come by frequency, then by id", "[trace_statistics]") {
  const auto top = stream_statistics(std::vector<RowId>{7, 5, 7, 9, 5, 1}).by_frequency;
  REQUIRE(top.size() == 4);
  CHECK(top[0].row == 5);
  CHECK(top[1].row == 7);
  CHECK(top[2].row == 1);
  CHECK(top[1].accesses == 2);
  CHECK(stream_statistics({}).accesses == 0);
}
