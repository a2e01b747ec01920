#include "sim/miss_ratio_curve.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "runtime/base/error.h"
#include "runtime/placement/planner.h"
#include "sim/curve_plot.h"
#include "sim/reuse_distance.h"
#include "tests/support/random_stream.h"

using namespace tierscope;

namespace {

AccessStream bundled(const char* trace) {
  return make_access_stream(read_trace(std::string("traces/data/") + trace + ".jsonl.zst"), *parse_addressing("token"),
                            512);
}

uint64_t lru_hits(const AccessStream& stream, uint64_t table_rows, uint64_t slots) {
  Planner planner(parse_placement("nvme+ram:" + std::to_string(slots) + "rows:lru"), {table_rows, 1});
  planner.count_all(stream);
  return planner.totals().levels[0].hits;
}

std::vector<uint64_t> linear_grid(uint64_t footprint, uint64_t points) {
  std::vector<uint64_t> grid;
  for (uint64_t i = 1; i <= points; ++i) grid.push_back(footprint * i / points);
  return grid;
}

}  // namespace

TEST_CASE("the exact lru curve is that of an lru cache at every capacity", "[miss_ratio_curve]") {
  const AccessStream stream = random_stream(1, 300, 20000, 512);
  ReuseDistances distances(300);
  distances.add(stream.rows);
  const auto hits = distances.hits_by_slots();
  for (uint64_t slots = 1; slots < hits.size(); ++slots) REQUIRE(hits[slots] == lru_hits(stream, 300, slots));
  CHECK(distances.accesses() - hits.back() == distances.distinct_rows());
}

TEST_CASE("the time line of the lru curve is renumbered without a trace", "[miss_ratio_curve]") {
  // 5,000 rows in turn, for longer than a time line of 64 blocks: every distance but the first is 5,000.
  constexpr uint32_t kRows = 5000, kRounds = 200;
  std::vector<RowId> rows;
  for (uint32_t i = 0; i < kRows * kRounds; ++i) rows.push_back(i % kRows);
  ReuseDistances distances(kRows);
  distances.add(rows);
  CHECK(distances.histogram()[kRows] == uint64_t{kRows} * (kRounds - 1));
  // 100,000 rows need more than one group of blocks, there and back again.
  constexpr uint32_t kMany = 100'000;
  std::vector<RowId> there_and_back;
  for (uint32_t i = 0; i < kMany; ++i) there_and_back.push_back(i);
  for (uint32_t i = kMany; i-- > 0;) there_and_back.push_back(i);
  for (int repeat = 0; repeat < 6; ++repeat)
    for (uint32_t i = 0; i < kMany; ++i) there_and_back.push_back(i);
  ReuseDistances folded(kMany);
  folded.add(there_and_back);
  for (const uint32_t distance : {1u, 2u, 777u, kMany / 2, kMany - 1}) CHECK(folded.histogram()[distance] == 2);
  CHECK(folded.histogram()[kMany] == 2 + 5ull * kMany);
}

TEST_CASE("curves of a grid are those of single runs, whatever the threads", "[miss_ratio_curve]") {
  const AccessStream stream = bundled("mt_bench");
  CurveRequest request{{"lru", "s3fifo:small=20%", "belady"}, {100, 500, 1000}, 1, 1, 1};
  const Curves one = miss_ratio_curves(stream, 262144, request);
  request.threads = 4;
  const Curves four = miss_ratio_curves(stream, 262144, request);
  REQUIRE(one.points.size() == 9);
  for (size_t i = 0; i < 9; ++i) {
    CHECK(one.points[i].miss_ratio == four.points[i].miss_ratio);
    CHECK(one.points[i].miss_ratio >= one.compulsory_miss_ratio());
  }
  CHECK(one.points[1].miss_ratio ==
        Approx(1 - double(lru_hits(stream, 262144, 500)) / double(stream.rows.size())).margin(1e-12));
}

TEST_CASE("a sample of a tenth is near the exact curve", "[miss_ratio_curve]") {
  const AccessStream stream = bundled("mgsm");
  CurveRequest request{{"lru", "fifo", "s3fifo", "arc", "belady"}, linear_grid(21157, 15), 1, 2, 1};
  const Curves exact = miss_ratio_curves(stream, 262144, request);
  request.sampled = 0.1;
  const Curves sampled = miss_ratio_curves(stream, 262144, request);
  REQUIRE(sampled.sampled_rows >= kTrustedSampleRows);
  std::map<std::string, double> error;
  for (size_t i = 0; i < exact.points.size(); ++i) {
    error[exact.points[i].policy] += std::abs(exact.points[i].miss_ratio - sampled.points[i].miss_ratio) / 15;
    CHECK_FALSE(sampled.points[i].standard_error.has_value());
  }
  for (const auto& [policy, mean] : error) {
    INFO(policy << " errs by " << mean);
    CHECK(mean <= 0.01);
    CHECK(mean > 0);
  }
}

TEST_CASE("a small sample says how far it may be off", "[miss_ratio_curve]") {
  const AccessStream stream = bundled("mgsm");
  CurveRequest request{{"lru", "arc"}, {2000, 8000, 16000}, 1, 2, 1};
  const Curves exact = miss_ratio_curves(stream, 262144, request);
  request.sampled = 0.05;
  size_t within = 0, points = 0;
  for (request.seed = 1; request.seed <= 8; ++request.seed) {
    const Curves sampled = miss_ratio_curves(stream, 262144, request);
    REQUIRE(sampled.sampled_rows < kTrustedSampleRows);
    for (size_t i = 0; i < exact.points.size(); ++i, ++points) {
      REQUIRE(sampled.points[i].standard_error.has_value());
      within +=
          std::abs(exact.points[i].miss_ratio - sampled.points[i].miss_ratio) <= 2 * *sampled.points[i].standard_error;
    }
  }
  CHECK(within * 10 >= points * 8);
}

TEST_CASE("wrong requests for curves are usage errors", "[miss_ratio_curve]") {
  const AccessStream stream = random_stream(1, 100, 500, 512);
  CHECK_THROWS_WITH(miss_ratio_curves(stream, 100, {{"lur"}, {10}, 1, 1, 1}), Catch::Contains("'lru'"));
  CHECK_THROWS_WITH(miss_ratio_curves(stream, 100, {{"lru"}, {101}, 1, 1, 1}), Catch::Contains("101"));
  CHECK_THROWS_WITH(miss_ratio_curves(stream, 100, {{"fifo"}, {0}, 1, 1, 1}), Catch::Contains("--capacities"));
  CHECK_THROWS_WITH(miss_ratio_curves(stream, 50, {{"fifo"}, {5}, 1, 1, 1}), Catch::Contains("table of 50"));
  CHECK_THROWS_WITH(miss_ratio_curves(stream, 100, {{"pin-rank"}, {5}, 0.5, 1, 1}), Catch::Contains("--sampled"));
  CHECK_THROWS_AS(miss_ratio_curves(stream, 100, {{"lru"}, {5}, 1.5, 1, 1}), UsageError);
}

TEST_CASE("the plot has every curve, MIN and the bound", "[miss_ratio_curve]") {
  const AccessStream stream = random_stream(1, 100, 2000, 512);
  const Curves curves = miss_ratio_curves(stream, 100, {{"lru", "belady-bypass"}, {5, 20, 80}, 1, 1, 1});
  const std::string svg = plot_curves(curves, "a <b> & c", "belady-bypass");
  for (const char* part : {">lru<", ">MIN (belady-bypass)<", ">compulsory ", "a &lt;b&gt; &amp; c", "</svg>"})
    CHECK(svg.find(part) != std::string::npos);
  size_t lines = 0;
  for (size_t at = svg.find("<polyline"); at != std::string::npos; at = svg.find("<polyline", at + 1)) ++lines;
  CHECK(lines == 3);
}
