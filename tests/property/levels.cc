// Two caches above a backing tier against a naive model: lists of rows, moved as DESIGN's semantics say.
#include <catch2/catch.hpp>
#include <list>
#include <set>

#include "runtime/placement/planner.h"
#include "tests/support/random_stream.h"

using namespace tierscope;

namespace {

class NaiveLru {
 public:
  explicit NaiveLru(size_t slots) : slots_(slots) {}
  bool use(RowId row) {
    const auto found = std::ranges::find(rows_, row);
    if (found == rows_.end()) return false;
    rows_.splice(rows_.begin(), rows_, found);
    return true;
  }
  bool erase(RowId row) { return rows_.remove(row) > 0; }
  std::optional<RowId> insert(RowId row) {
    rows_.push_front(row);
    if (rows_.size() <= slots_) return std::nullopt;
    const RowId victim = rows_.back();
    rows_.pop_back();
    return victim;
  }
  bool holds(RowId row) const { return std::ranges::find(rows_, row) != rows_.end(); }

 private:
  size_t slots_;
  std::list<RowId> rows_;
};

struct NaiveCounts {
  uint64_t top_hits = 0, lower_hits = 0, reads = 0, top_evictions = 0, lower_evictions = 0;
  bool operator==(const NaiveCounts&) const = default;
};

// `keeps_below`: the planted mistake of an exclusive hit that leaves its row below.
NaiveCounts naive(const AccessStream& stream, bool exclusive, bool keeps_below = false) {
  NaiveLru top(6), lower(15);
  NaiveCounts counts;
  for (const AccessStream::Step& step : stream.steps) {
    std::set<RowId> at_hand;  // resident when the step began, or read in it
    for (uint64_t i = 0; i < step.count; ++i) {
      const RowId row = stream.rows[step.first + i];
      if (top.holds(row) || lower.holds(row)) at_hand.insert(row);
    }
    for (uint64_t i = 0; i < step.count; ++i) {
      const RowId row = stream.rows[step.first + i];
      if (top.use(row)) {
        ++counts.top_hits;
        continue;
      }
      const bool below = exclusive && !keeps_below ? lower.erase(row) : lower.use(row);
      counts.lower_hits += below;
      if (!below) counts.reads += at_hand.insert(row).second;
      if (!below && !exclusive) counts.lower_evictions += lower.insert(row).has_value();
      const auto victim = top.insert(row);
      counts.top_evictions += victim.has_value();
      if (exclusive && victim && !lower.holds(*victim)) counts.lower_evictions += lower.insert(*victim).has_value();
    }
  }
  return counts;
}

NaiveCounts planned(const AccessStream& stream, bool exclusive) {
  const std::string text = "nvme+ram:15rows:lru+vram:6rows:lru";
  Planner planner(parse_placement(exclusive ? text + ",inclusion=exclusive" : text), {stream.table_rows, 1});
  planner.count_all(stream);
  planner.check();
  const auto& [top, lower] = std::tie(planner.totals().levels[0], planner.totals().levels[1]);
  CHECK(top.hits + top.misses == stream.rows.size());
  CHECK(lower.hits + lower.misses == top.misses);
  return {top.hits, lower.hits, planner.totals().reads, top.evictions, lower.evictions};
}

}  // namespace

TEST_CASE("inclusive and exclusive levels follow the semantics", "[levels]") {
  for (uint64_t seed = 1; seed <= 10; ++seed)
    for (const uint32_t chunk : {1u, 7u, 512u}) {
      const AccessStream stream = random_stream(seed, 80, 2000, chunk);
      INFO("seed " << seed << ", chunk " << chunk);
      CHECK(planned(stream, false) == naive(stream, false));
      CHECK(planned(stream, true) == naive(stream, true));
      CHECK_FALSE(planned(stream, true) == naive(stream, true, true));
    }
}

TEST_CASE("exclusive levels hold no row twice, and fills say where rows come from", "[levels]") {
  const AccessStream stream = random_stream(3, 80, 2000, 7);
  for (const std::string policy : {"lru", "arc", "s3fifo", "lirs", "belady", "wtinylfu", "sieve:admit=second-access"}) {
    const std::string text = "nvme+ram:15rows:" + policy + "+vram:6rows:" + policy + ",inclusion=exclusive";
    Planner planner(parse_placement(text), {80, 1});
    const auto uses = next_uses(stream.rows, 80);
    std::vector<std::vector<RowId>> slots{std::vector<RowId>(6, kNoRow), std::vector<RowId>(15, kNoRow)};
    std::vector<SequencePart> parts;
    for (size_t i = 0; i < stream.steps.size(); ++i) {
      const StepPlan plan = planner.plan(step_input(stream, i, uses.data(), parts));
      INFO(text << ", step " << i);
      for (const PlannedRow& row : plan.rows)
        if (row.from.level < 2) REQUIRE(slots[row.from.level][row.from.slot] == row.row);
      auto after = slots;
      for (const SlotFill& fill : plan.fills) {
        if (fill.from.level < 2) {
          REQUIRE(slots[fill.from.level][fill.from.slot] == fill.row);
        } else {
          REQUIRE(plan.rows.at(fill.planned_row).row == fill.row);
        }
        after[fill.level][fill.slot] = fill.row;
      }
      slots = after;
    }
    planner.check();
    CHECK(planner.totals().levels[1].demotes > 0);
    CHECK(planner.totals().levels[0].demotes == 0);
  }
}

TEST_CASE("a row that the top turns away falls to the level below", "[levels]") {
  Planner planner(parse_placement("nvme+ram:15rows:lru+vram:6rows:pin-rank,inclusion=exclusive"), {80, 1});
  const std::vector<RowId> rows{40, 41, 40, 3, 41};
  planner.count({rows});
  CHECK(planner.totals().levels[0].hits == 1);
  CHECK(planner.totals().levels[1].hits == 2);
  CHECK(planner.totals().reads == 2);
}
