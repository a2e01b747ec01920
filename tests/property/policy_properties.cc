// What every policy keeps to, on random streams; each property is shown to catch a policy that breaks it.
#include <catch2/catch.hpp>

#include "runtime/base/random.h"
#include "runtime/placement/planner.h"
#include "tests/support/random_stream.h"

using namespace tierscope;

namespace {

constexpr uint32_t kRows = 120, kAccesses = 3000;

using Maker = std::function<std::unique_ptr<Policy>(uint32_t slots, uint64_t seed)>;

Maker registered(const std::string& text) {
  return [spec = parse_placement("nvme+ram:1rows:" + text).caches[0].policy](uint32_t slots, uint64_t seed) {
    PolicyContext context;
    context.slots = slots;
    context.table_rows = kRows;
    context.seed = seed;
    return make_policy(spec, context);
  };
}

std::vector<std::string> all_policies() {
  std::vector<std::string> texts;
  for (const PolicyInfo& policy : policies()) {
    if (policy.name == "pin-frequency") continue;
    texts.push_back(policy.name);
    if (policy.pins) continue;
    texts.push_back(policy.name + ":admit=second-access");
    texts.push_back(policy.name + ":admit=tinylfu");
    texts.push_back(policy.name + ":pin=rank:pin-share=30%");
  }
  return texts;
}

// Feeds accesses one batch after another; gives all outcomes as misses with stream positions.
std::vector<Miss> feed(Policy& policy, const std::vector<RowId>& rows, size_t batch) {
  const auto uses = next_uses(rows, kRows);
  std::vector<Miss> all, misses(batch);
  for (size_t first = 0; first < rows.size(); first += batch) {
    const auto part = std::span(rows).subspan(first, std::min(batch, rows.size() - first));
    const size_t count = policy.access(part, uses.data() + first, misses.data());
    for (size_t i = 0; i < count; ++i) {
      all.push_back(misses[i]);
      all.back().at += static_cast<uint32_t>(first);
    }
  }
  return all;
}

bool same(const std::vector<Miss>& a, const std::vector<Miss>& b) {
  return std::ranges::equal(
      a, b, [](const Miss& x, const Miss& y) { return x.at == y.at && x.slot == y.slot && x.victim == y.victim; });
}

// A model of the slots that believes nothing: rows appear only where a miss put them, and leave only where the policy
// says so. With `exclusive`, rows are taken and inserted now and then. Gives the first violation, or "".
std::string slots_violation(Policy& policy, uint32_t slots, const std::vector<RowId>& rows, bool exclusive) {
  std::vector<RowId> row_at(slots, kNoRow);
  std::vector<uint32_t> slot_of(kRows, kNoSlot);
  const auto preload = policy.preload();
  for (uint32_t slot = 0; slot < preload.size(); ++slot) row_at[slot] = preload[slot], slot_of[preload[slot]] = slot;
  const auto entered = [&](RowId row, uint32_t slot, RowId victim) -> std::string {
    if (slot == kNoSlot) return victim == kNoRow ? "" : "a row that does not enter pushed one out";
    if (slot >= slots) return "more rows than slots";
    if (row_at[slot] != victim) return "the victim was not in the slot";
    if (victim != kNoRow) slot_of[victim] = kNoSlot;
    row_at[slot] = row;
    slot_of[row] = slot;
    return "";
  };
  const auto uses = next_uses(rows, kRows);
  Random random(1);
  for (size_t i = 0; i < rows.size(); ++i) {
    const RowId row = rows[i];
    Miss miss;
    const bool hit = policy.access({&row, 1}, &uses[i], &miss) == 0;
    if (hit && slot_of[row] == kNoSlot) return "a hit of a row that is not resident";
    if (!hit && slot_of[row] != kNoSlot) return "a miss of a row that is resident";
    if (!hit)
      if (auto violation = entered(row, miss.slot, miss.victim); !violation.empty()) return violation;
    if (policy.slot_of(row) != slot_of[row]) return "slot_of disagrees with the outcomes";
    if (!exclusive || random.below(4) != 0) continue;
    const RowId moved = random.below(kRows);
    if (slot_of[moved] != kNoSlot) {
      if (policy.take(moved) != slot_of[moved]) return "take gave another slot";
      row_at[slot_of[moved]] = kNoRow;
      slot_of[moved] = kNoSlot;
      if (policy.slot_of(moved) != kNoSlot) return "a row that was taken is still there";
    } else {
      const Outcome outcome = policy.insert(moved, kNeverUsed);
      if (auto violation = entered(moved, outcome.slot, outcome.victim); !violation.empty()) return violation;
    }
  }
  policy.check();
  return "";
}

size_t optimal_misses(uint32_t slots, const std::vector<RowId>& rows) {
  return feed(*registered("belady-bypass")(slots, 1), rows, rows.size()).size();
}

bool beats_optimum(Policy& policy, uint32_t slots, const std::vector<RowId>& rows) {
  return feed(policy, rows, rows.size()).size() < optimal_misses(slots, rows);
}

// Every row that a cache holds, a larger one holds too, at any time.
bool keeps_inclusion(const Maker& make, uint32_t slots, const std::vector<RowId>& rows) {
  const auto small = make(slots, 1), large = make(slots + 1, 1);
  Miss miss;
  for (const RowId row : rows) {
    small->access({&row, 1}, nullptr, &miss);
    large->access({&row, 1}, nullptr, &miss);
    for (RowId other = 0; other < kRows; ++other)
      if (small->slot_of(other) != kNoSlot && large->slot_of(other) == kNoSlot) return false;
  }
  return true;
}

bool repeats(const Maker& make, const std::vector<RowId>& rows) {
  const auto first = make(10, 7), second = make(10, 7);
  return same(feed(*first, rows, 100), feed(*second, rows, 100));
}

bool blind_to_batches(const Maker& make, const std::vector<RowId>& rows) {
  const auto one = feed(*make(10, 1), rows, 1);
  return same(one, feed(*make(10, 1), rows, 7)) && same(one, feed(*make(10, 1), rows, 512));
}

// A fifo with one planted bug.
enum class Bug { none, hits_after_eviction, one_slot_too_many, wrong_victim, knows_every_third, global_state, batches };

class Broken final : public PolicyBase<Broken> {
 public:
  Broken(Bug bug, uint32_t slots) : bug_(bug), slots_(slots), slot_of_(kRows, kNoSlot), row_at_(slots + 1, kNoRow) {}

  size_t access(std::span<const RowId> rows, const uint32_t* next_use, Miss* misses) override {
    if (bug_ == Bug::batches) hand_ = 0;
    return PolicyBase::access(rows, next_use, misses);
  }
  Outcome touch(RowId row, uint32_t) {
    static uint32_t calls = 0;
    ++calls;
    if (bug_ == Bug::knows_every_third && row % 3 == 0) return {0, kNoRow, true};
    if (slot_of_[row] != kNoSlot) return {slot_of_[row], kNoRow, true};
    const uint32_t slots = slots_ + (bug_ == Bug::one_slot_too_many);
    const uint32_t slot = bug_ == Bug::global_state ? calls / 7 % slots : hand_++ % slots;
    const RowId victim = row_at_[slot];
    if (victim != kNoRow && bug_ != Bug::hits_after_eviction) slot_of_[victim] = kNoSlot;
    row_at_[slot] = row;
    slot_of_[row] = slot;
    return {slot, bug_ == Bug::wrong_victim && victim != kNoRow ? row : victim, false};
  }
  uint32_t take(RowId) override { return kNoSlot; }
  uint32_t slot_of(RowId row) const override { return slot_of_[row]; }
  void grow(uint64_t) override {}
  void check() const override {}
  uint64_t state_bytes() const override { return 0; }

 private:
  Bug bug_;
  uint32_t slots_, hand_ = 0;
  std::vector<uint32_t> slot_of_;
  std::vector<RowId> row_at_;
};

Maker broken(Bug bug) {
  return [bug](uint32_t slots, uint64_t) { return std::make_unique<Broken>(bug, slots); };
}

std::vector<RowId> stream(uint64_t seed) {
  return random_stream(seed, kRows, kAccesses, 512).rows;
}

}  // namespace

TEST_CASE("slots hold what the outcomes say", "[policy_properties]") {
  for (const std::string& text : all_policies())
    for (const uint32_t slots : {2u, 3u, 7u, 40u, kRows})
      for (const bool exclusive : {false, true}) {
        if (text.find("pin=") != std::string::npos && slots < 4) continue;  // 30 % of fewer slots is none
        INFO(text << " with " << slots << " slots" << (exclusive ? ", exclusive" : ""));
        const auto policy = registered(text)(slots, slots);
        CHECK(slots_violation(*policy, slots, stream(slots), exclusive) == "");
      }
  CHECK(slots_violation(*registered("lru")(1, 1), 1, stream(1), true) == "");
  const auto violation = [](Bug bug) { return slots_violation(*broken(bug)(7, 1), 7, stream(1), false); };
  CHECK(violation(Bug::none) == "");
  CHECK(violation(Bug::hits_after_eviction) == "a hit of a row that is not resident");
  CHECK(violation(Bug::one_slot_too_many) == "more rows than slots");
  CHECK(violation(Bug::wrong_victim) == "the victim was not in the slot");
}

TEST_CASE("no demand-only policy beats the offline optimum", "[policy_properties]") {
  for (const std::string& text : all_policies()) {
    if (text.find("pin") != std::string::npos) continue;  // what is preloaded is not demanded
    for (const uint32_t slots : {3u, 10u, 50u}) {
      INFO(text << " with " << slots << " slots");
      CHECK_FALSE(beats_optimum(*registered(text)(slots, 1), slots, stream(slots)));
    }
  }
  CHECK(beats_optimum(*broken(Bug::knows_every_third)(10, 1), 10, stream(10)));
}

TEST_CASE("a larger lru holds all that a smaller one does", "[policy_properties]") {
  for (const uint32_t slots : {1u, 4u, 30u}) CHECK(keeps_inclusion(registered("lru"), slots, stream(slots)));
  // Belady, Nelson and Shedler's anomaly: fifo has no such property.
  CHECK_FALSE(keeps_inclusion(registered("fifo"), 3, {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5}));
}

TEST_CASE("the same seed gives the same outcomes", "[policy_properties]") {
  for (const std::string& text : all_policies()) {
    INFO(text);
    CHECK(repeats(registered(text), stream(3)));
  }
  CHECK_FALSE(repeats(broken(Bug::global_state), stream(3)));
  const auto with_seed = [](uint64_t seed) { return feed(*registered("random")(10, seed), stream(3), 100); };
  CHECK_FALSE(same(with_seed(1), with_seed(2)));
}

TEST_CASE("batches of 1, 7 and 512 accesses give the same outcomes", "[policy_properties]") {
  for (const std::string& text : all_policies()) {
    INFO(text);
    CHECK(blind_to_batches(registered(text), stream(4)));
  }
  CHECK_FALSE(blind_to_batches(broken(Bug::batches), stream(4)));
}

TEST_CASE("chunks of 1, 7 and 512 tokens give the same hits, misses and evictions", "[policy_properties]") {
  const TableShape table{kRows, 1};
  for (const std::string text : {"nvme+ram:20rows:s3fifo", "nvme+ram:20rows:lru+vram:6rows:arc",
                                 "nvme+ram:20rows:fifo+vram:6rows:sieve,inclusion=exclusive"}) {
    std::vector<PlanCounts> counts;
    for (const uint32_t chunk : {1u, 7u, 512u}) {
      Planner planner(parse_placement(text), table);
      planner.count_all(random_stream(5, kRows, kAccesses, chunk));
      counts.push_back(planner.totals());
    }
    CHECK(counts[0].levels == counts[1].levels);
    CHECK(counts[0].levels == counts[2].levels);
    CHECK(counts[0].reads > counts[2].reads);  // within a step a row is read once
  }
}

TEST_CASE("a policy's state stays within 24 bytes a row and 16 a slot", "[policy_properties]") {
  for (const PolicyInfo& info : policies())
    for (const uint32_t slots : {4096u, 65536u}) {
      if (info.name == "pin-frequency") continue;
      PolicyContext context;
      context.slots = slots;
      context.table_rows = 262144;
      INFO(info.name << " with " << slots << " slots");
      const auto policy = make_policy({info.name, {}}, context);
      std::vector<RowId> rows(200'000);
      Random random(1);
      for (RowId& row : rows) row = random.below(262144);
      std::vector<Miss> misses(rows.size());
      policy->access(rows, nullptr, misses.data());
      CHECK(policy->state_bytes() <= 24 * context.table_rows + 16 * uint64_t{slots});
      CHECK(policy->state_bytes() >= 4 * context.table_rows);
    }
}
