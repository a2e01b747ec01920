// prefetch=draft:K: what is read ahead is bounded, is used or wasted, and changes no decision of a cache.
#include <catch2/catch.hpp>
#include <set>

#include "runtime/placement/planner.h"
#include "tests/support/random_stream.h"

using namespace tierscope;

namespace {

constexpr TableShape kTable{150, 1};

PlanCounts count(const std::string& placement, const AccessStream& stream) {
  Planner planner(parse_placement(placement), kTable);
  planner.count_all(stream);
  planner.check();
  return planner.totals();
}

AccessStream one_request(const std::vector<RowId>& rows) {
  AccessStream stream;
  stream.rows = rows;
  stream.table_rows = kTable.rows;
  for (uint64_t i = 0; i < rows.size(); ++i) {
    stream.steps.push_back({i, 1, i == 0, 0, i, 1});
    stream.parts.push_back({0, 1, false, 0, 0});
  }
  return stream;
}

}  // namespace

TEST_CASE("drafts change no hit, and save the reads that they were used for", "[draft_prefetch]") {
  for (const std::string cache : {"nvme", "nvme+ram:20rows:lru", "nvme+ram:20rows:lru+vram:5rows:arc"})
    for (const uint32_t chunk : {1u, 7u, 512u}) {
      const AccessStream stream = random_stream(chunk, 150, 3000, chunk);
      const PlanCounts without = count(cache, stream), with = count(cache + ",prefetch=draft:4", stream);
      INFO(cache << ", chunk " << chunk);
      CHECK(with.levels == without.levels);
      CHECK(with.reads + with.prefetch_used == without.reads);
      CHECK(with.prefetch_used > 0);
      CHECK(with.prefetch_wasted > 0);
    }
}

TEST_CASE("a staged row is where the plan says, and its slot is not refilled while two steps may need it",
          "[draft_prefetch]") {
  Planner planner(parse_placement("nvme+ram:8rows:fifo,prefetch=draft:3"), kTable);
  REQUIRE(planner.staging_slots() == 9);
  const AccessStream stream = random_stream(2, 150, 4000, 7);
  std::vector<RowId> staged(planner.staging_slots(), kNoRow);
  std::vector<size_t> busy(planner.staging_slots(), 0);
  std::vector<SequencePart> parts;
  for (size_t i = 0; i < stream.steps.size(); ++i) {
    const StepPlan plan = planner.plan(step_input(stream, i, nullptr, parts));
    INFO("step " << i);
    for (const PlannedRow& row : plan.rows)
      if (row.from.level == RowLocation::kStaging) {
        REQUIRE(staged[row.from.slot] == row.row);
        busy[row.from.slot] = i + 2;
      }
    REQUIRE(plan.prefetch.size() <= 3);
    for (const StagingRead& read : plan.prefetch) {
      REQUIRE(busy[read.staging_slot] <= i);
      busy[read.staging_slot] = i + 2;
      staged[read.staging_slot] = read.row;
    }
    REQUIRE((plan.prefetch.empty() || !parts[0].next_known));
  }
}

TEST_CASE("the successor table learns a repeated order", "[draft_prefetch]") {
  std::vector<RowId> rows;
  for (int round = 0; round < 50; ++round)
    for (const RowId row : {10u, 20u, 30u, 40u}) rows.push_back(row);
  const PlanCounts counts = count("nvme,prefetch=draft:1", one_request(rows));
  CHECK(counts.reads == 5);  // the first round, and the step before anything was known to follow 40
  CHECK(counts.prefetch_used == rows.size() - 5);
  CHECK(counts.prefetch_wasted == 0);
}

TEST_CASE("the trace's own drafts come first", "[draft_prefetch]") {
  Planner planner(parse_placement("nvme,prefetch=draft:2"), kTable);
  const std::vector<RowId> first{7}, second{9}, drafted{9, 11, 13};
  const SequencePart part{1, 1, false, drafted};
  const StepPlan plan = planner.plan({first, nullptr, {&part, 1}});
  REQUIRE(plan.prefetch.size() == 2);
  CHECK(plan.prefetch[0].row == 9);
  CHECK(plan.prefetch[1].row == 11);
  const SequencePart last{1, 1, true, {}};
  const StepPlan next = planner.plan({second, nullptr, {&last, 1}});
  CHECK(next.rows[0].from.level == RowLocation::kStaging);
  CHECK(next.prefetch.empty());
  CHECK(planner.totals().prefetch_used == 1);
}

TEST_CASE("a batch shares the staging area, each sequence's likeliest token first", "[draft_prefetch]") {
  Planner planner(parse_placement("nvme,prefetch=draft:2"), kTable);
  const std::vector<RowId> rows{1, 2}, drafts_of_a{10, 11}, drafts_of_b{20, 21};
  const std::vector<SequencePart> parts{{5, 1, false, drafts_of_a}, {6, 1, false, drafts_of_b}};
  const StepPlan plan = planner.plan({rows, nullptr, parts});
  REQUIRE(plan.prefetch.size() == 2);
  CHECK(plan.prefetch[0].row == 10);
  CHECK(plan.prefetch[1].row == 20);
}

TEST_CASE("rows of several a token are drafted together", "[draft_prefetch]") {
  TableShape table{1000, 1, 2};
  Planner planner(parse_placement("nvme,prefetch=draft:1"), table);
  std::vector<RowId> rows;
  const SequencePart part{1, 1, false, {}};
  for (const RowId token : {1u, 2u, 1u, 2u}) {
    rows = {token, token + 500};
    planner.count({rows, nullptr, {&part, 1}});
  }
  CHECK(planner.totals().prefetch_used == 2);
  CHECK(planner.staging_slots() == 6);
}
