// The plan that a store executes and the counts that a simulation makes are the same decisions.
#include <catch2/catch.hpp>

#include "runtime/placement/planner.h"
#include "tests/support/random_stream.h"

using namespace tierscope;

namespace {

// What both ways of asking must agree on; fills are known to plan() alone.
PlanCounts comparable(PlanCounts counts) {
  for (LevelCounts& level : counts.levels) level.fills = level.demotes = 0;
  return counts;
}

void check_placement(const std::string& text, uint64_t seed, uint32_t chunk, uint64_t dense_rows) {
  const TableShape table{200, 100};
  const AccessStream stream = random_stream(seed, 200, 2000, chunk);
  const Placement placement = parse_placement(text);
  Planner planned(placement, table, seed, dense_rows), counted(placement, table, seed), at_once(placement, table, seed);
  const auto uses = next_uses(stream.rows, table.rows);
  std::vector<SequencePart> parts;
  for (size_t i = 0; i < stream.steps.size(); ++i) {
    const StepInput input = step_input(stream, i, uses.data(), parts);
    const StepPlan plan = planned.plan(input);
    counted.count(input);
    INFO(text << ", seed " << seed << ", step " << i);
    REQUIRE(comparable(planned.totals()) == counted.totals());
    uint64_t reads = 0, staged = 0;
    for (const PlannedRow& row : plan.rows) {
      reads += row.from.level == RowLocation::kBacking;
      staged += row.from.level == RowLocation::kStaging;
    }
    REQUIRE(reads == plan.counts.reads);
    REQUIRE(staged == plan.counts.prefetch_used);
    REQUIRE(plan.prefetch.size() == plan.counts.prefetch_reads);
    for (size_t k = 0; k < input.rows.size(); ++k) REQUIRE(plan.rows[plan.use[k]].row == input.rows[k]);
  }
  at_once.count_all(stream, uses.data());
  CHECK(at_once.totals() == counted.totals());
  planned.check();
  counted.check();
}

}  // namespace

TEST_CASE("plan, count by step and count of a stream agree", "[plan_equals_count]") {
  std::vector<std::string> placements{"nvme", "nvme,prefetch=draft:3", "nvme+ram:5rows:lru+vram:7rows:fifo",
                                      "nvme+ram:20rows:lru:pin=rank:admit=tinylfu"};
  for (const PolicyInfo& policy : policies())
    if (policy.name != "pin-frequency") {
      placements.push_back("nvme+ram:16rows:" + policy.name);
      placements.push_back("nvme+ram:16rows:" + policy.name + ",prefetch=draft:4");
      placements.push_back("nvme+ram:16rows:" + policy.name + "+vram:9rows:lru");
      placements.push_back("nvme+ram:16rows:" + policy.name + "+vram:9rows:" + policy.name + ",inclusion=exclusive");
      placements.push_back("nvme+ram:16rows:lru+vram:9rows:" + policy.name + ",prefetch=draft:2,inclusion=exclusive");
    }
  for (const std::string& placement : placements)
    for (const uint32_t chunk : {1u, 7u, 512u})
      for (const uint64_t dense_rows : {uint64_t{200}, uint64_t{0}})
        check_placement(placement, chunk, chunk, dense_rows);
}
