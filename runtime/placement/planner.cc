#include "runtime/placement/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "runtime/base/error.h"

namespace tierscope {
namespace {

constexpr uint32_t kNoStep = UINT32_MAX;

}  // namespace

struct Planner::State {
  struct Level {
    CacheSpec spec;
    uint32_t slots = 0;
    std::unique_ptr<Policy> policy;
    // What the store's slots hold once every planned step has retired. Only plan() keeps these.
    std::vector<uint32_t> slot_of;     // by row
    std::vector<RowId> row_at;         // by slot
    std::vector<RowId> pending;        // by slot: its row at the end of this step
    std::vector<uint32_t> changed;     // slots touched in this step
    std::vector<uint32_t> changed_in;  // by slot: the step that touched it last
  };

  Placement placement;
  TableShape table;
  std::vector<Level> levels;  // top first
  PlanCounts totals;
  std::vector<uint32_t> at_hand_in;  // by row: the last step in which it was read, or left a cache
  std::vector<uint32_t> first_use;   // by row: index into this step's plan, valid where used_in says so
  std::vector<uint32_t> used_in;
  std::vector<Outcome> outcomes;
  std::vector<RowId> missed, missed_next;
  std::vector<uint32_t> next_use, next_use_next;
  uint32_t step = 0;

  // Calls sink.evicted/filled/missed as the levels decide; the one place where decisions are taken.
  template <class Sink>
  void decide(const StepInput& input, Sink& sink);
  template <class Sink>
  void decide_inclusive(const StepInput& input, Sink& sink);
  template <class Sink>
  void decide_exclusive(const StepInput& input, Sink& sink);
};

namespace {

struct CountOnly {
  void placed(size_t, uint32_t, RowId, bool) {}
  void removed(size_t, uint32_t) {}
  void read(RowId) {}
};

}  // namespace

template <class Sink>
void Planner::State::decide(const StepInput& input, Sink& sink) {
  totals.accesses += input.rows.size();
  if (placement.inclusion == Inclusion::exclusive && levels.size() > 1)
    decide_exclusive(input, sink);
  else
    decide_inclusive(input, sink);
}

template <class Sink>
void Planner::State::decide_inclusive(const StepInput& input, Sink& sink) {
  std::span<const RowId> rows = input.rows;
  const uint32_t* uses = input.next_use;
  for (size_t i = 0; i < levels.size() && !rows.empty(); ++i) {
    Level& level = levels[i];
    outcomes.resize(std::max(outcomes.size(), rows.size()));
    level.policy->access(rows, uses, outcomes.data());
    missed_next.clear();
    next_use_next.clear();
    uint64_t evictions = 0;
    for (size_t k = 0; k < rows.size(); ++k) {
      const Outcome& outcome = outcomes[k];
      if (outcome.hit) continue;
      missed_next.push_back(rows[k]);
      if (uses) next_use_next.push_back(uses[k]);
      if (outcome.slot == kNoSlot) continue;
      if (outcome.victim != kNoRow) {
        ++evictions;
        at_hand_in[outcome.victim] = step;
      }
      sink.placed(i, outcome.slot, rows[k], false);
    }
    totals.levels[i].hits += rows.size() - missed_next.size();
    totals.levels[i].misses += missed_next.size();
    totals.levels[i].evictions += evictions;
    std::swap(missed, missed_next);
    std::swap(next_use, next_use_next);
    rows = missed;
    if (uses) uses = next_use.data();
  }
  for (const RowId row : rows) {
    if (at_hand_in[row] == step) continue;
    at_hand_in[row] = step;
    ++totals.reads;
    sink.read(row);
  }
}

template <class Sink>
void Planner::State::decide_exclusive(const StepInput& input, Sink& sink) {
  for (size_t k = 0; k < input.rows.size(); ++k) {
    const RowId row = input.rows[k];
    const uint32_t use = input.next_use ? input.next_use[k] : kNeverUsed;
    Outcome outcome;
    levels[0].policy->access({&row, 1}, input.next_use ? &use : nullptr, &outcome);
    if (outcome.hit) {
      ++totals.levels[0].hits;
      continue;
    }
    ++totals.levels[0].misses;
    bool found = false;
    for (size_t i = 1; i < levels.size() && !found; ++i) {
      const uint32_t slot = levels[i].policy->take(row);
      found = slot != kNoSlot;
      if (found) sink.removed(i, slot);
      ++(found ? totals.levels[i].hits : totals.levels[i].misses);
    }
    if (!found && at_hand_in[row] != step) {
      at_hand_in[row] = step;
      ++totals.reads;
      sink.read(row);
    }
    at_hand_in[row] = step;
    // The top did not admit it: it goes nowhere, as it would with any cache that bypasses.
    if (outcome.slot == kNoSlot) continue;
    sink.placed(0, outcome.slot, row, false);
    RowId falling = outcome.victim;
    for (size_t i = 1; falling != kNoRow; ++i) {
      ++totals.levels[i - 1].evictions;
      at_hand_in[falling] = step;
      if (i == levels.size()) break;
      const Outcome inserted = levels[i].policy->insert(falling, kNeverUsed);
      if (inserted.slot == kNoSlot) break;
      sink.placed(i, inserted.slot, falling, true);
      falling = inserted.victim;
    }
  }
}

Planner::Planner(const Placement& placement, const TableShape& table, uint64_t seed)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.placement = placement;
  s.table = table;
  if (table.rows == 0 || table.row_bytes == 0 || table.rows >= kNoRow)
    throw UsageError(fmt::format("a table of {} rows of {} bytes cannot be placed", table.rows, table.row_bytes),
                     "table", "it needs 1 to 2^32-2 rows of at least 1 byte");
  for (auto cache = placement.caches.rbegin(); cache != placement.caches.rend(); ++cache) {
    const uint64_t slots = cache->capacity.rows(table.rows, table.row_bytes);
    const std::string where = fmt::format("placement '{}'", to_text(placement));
    if (slots == 0)
      throw UsageError(
          fmt::format("the {} cache has no room for one row of {} bytes", name(cache->tier), table.row_bytes), where,
          "enlarge it or leave it out");
    if (slots > table.rows)
      throw UsageError(
          fmt::format("the {} cache of {} rows is larger than the table of {}", name(cache->tier), slots, table.rows),
          where, fmt::format("use '{}' as the backing tier or a smaller cache", name(cache->tier)));
    State::Level level;
    level.spec = *cache;
    level.slots = static_cast<uint32_t>(slots);
    level.policy = make_policy(cache->policy, level.slots, table.rows, seed);
    s.levels.push_back(std::move(level));
  }
  s.totals.levels.resize(s.levels.size());
  s.at_hand_in.assign(table.rows, kNoStep);
}

Planner::~Planner() = default;
Planner::Planner(Planner&&) noexcept = default;

void Planner::count(const StepInput& input) {
  CountOnly sink;
  state_->decide(input, sink);
  ++state_->step;
}

StepPlan Planner::plan(const StepInput& input) {
  State& s = *state_;
  if (s.first_use.empty()) {
    s.first_use.assign(s.table.rows, 0);
    s.used_in.assign(s.table.rows, kNoStep);
    for (State::Level& level : s.levels) {
      level.slot_of.assign(s.table.rows, kNoSlot);
      level.row_at.assign(level.slots, kNoRow);
      level.pending.assign(level.slots, kNoRow);
      level.changed_in.assign(level.slots, kNoStep);
      const auto preloaded = level.policy->preload();
      for (uint32_t slot = 0; slot < preloaded.size(); ++slot) {
        level.row_at[slot] = preloaded[slot];
        level.slot_of[preloaded[slot]] = slot;
      }
    }
  }
  StepPlan plan;
  plan.step = s.step;
  const auto locate = [&](RowId row) {
    for (uint8_t i = 0; i < s.levels.size(); ++i)
      if (s.levels[i].slot_of[row] != kNoSlot) return RowLocation{i, s.levels[i].slot_of[row]};
    return RowLocation{};
  };
  plan.use.reserve(input.rows.size());
  for (const RowId row : input.rows) {
    if (s.used_in[row] != s.step) {
      s.used_in[row] = s.step;
      s.first_use[row] = static_cast<uint32_t>(plan.rows.size());
      plan.rows.push_back({row, locate(row)});
    }
    plan.use.push_back(s.first_use[row]);
  }

  struct Recorder {
    State& s;
    std::vector<uint32_t> demoted;
    void touch(size_t i, uint32_t slot) {
      State::Level& level = s.levels[i];
      if (level.changed_in[slot] == s.step) return;
      level.changed_in[slot] = s.step;
      level.changed.push_back(slot);
    }
    void placed(size_t i, uint32_t slot, RowId row, bool) {
      touch(i, slot);
      s.levels[i].pending[slot] = row;
    }
    void removed(size_t i, uint32_t slot) {
      touch(i, slot);
      s.levels[i].pending[slot] = kNoRow;
    }
    void read(RowId) {}
  } recorder{s, {}};
  const PlanCounts before = s.totals;
  s.decide(input, recorder);

  for (uint8_t i = 0; i < s.levels.size(); ++i) {
    State::Level& level = s.levels[i];
    for (const uint32_t slot : level.changed) {
      const RowId row = level.pending[slot];
      if (row == kNoRow || row == level.row_at[slot]) continue;
      SlotFill fill{i, slot, row, locate(row), kNoSlot, false};
      if (s.used_in[row] == s.step) fill.planned_row = s.first_use[row];
      // In a step a demoted row either was in a slot above when the step began, or passed through the step buffer.
      fill.demote = i > 0 && s.placement.inclusion == Inclusion::exclusive;
      ++s.totals.levels[i].fills;
      if (fill.demote) ++s.totals.levels[i].demotes;
      plan.fills.push_back(fill);
    }
  }
  for (State::Level& level : s.levels) {
    for (const uint32_t slot : level.changed)
      if (level.row_at[slot] != kNoRow && level.slot_of[level.row_at[slot]] == slot)
        level.slot_of[level.row_at[slot]] = kNoSlot;
    for (const uint32_t slot : level.changed) {
      level.row_at[slot] = level.pending[slot];
      if (level.row_at[slot] != kNoRow) level.slot_of[level.row_at[slot]] = slot;
    }
    level.changed.clear();
  }
  plan.counts.accesses = s.totals.accesses - before.accesses;
  plan.counts.reads = s.totals.reads - before.reads;
  plan.counts.levels.resize(s.levels.size());
  for (size_t i = 0; i < s.levels.size(); ++i) {
    const LevelCounts &now = s.totals.levels[i], &then = before.levels[i];
    plan.counts.levels[i] = {now.hits - then.hits, now.misses - then.misses, now.evictions - then.evictions,
                             now.fills - then.fills, now.demotes - then.demotes};
  }
  ++s.step;
  return plan;
}

const PlanCounts& Planner::totals() const {
  return state_->totals;
}
size_t Planner::level_count() const {
  return state_->levels.size();
}
const CacheSpec& Planner::level(size_t top_first) const {
  return state_->levels[top_first].spec;
}
uint32_t Planner::slots(size_t top_first) const {
  return state_->levels[top_first].slots;
}
uint32_t Planner::staging_slots() const {
  return 0;
}

bool Planner::offline() const {
  return std::ranges::any_of(state_->levels, [](const auto& level) { return find_policy(level.spec.policy).offline; });
}

std::vector<RowId> Planner::preload(size_t top_first) const {
  return state_->levels[top_first].policy->preload();
}

void Planner::check() const {
  for (const State::Level& level : state_->levels) level.policy->check();
}

std::vector<uint32_t> next_uses(std::span<const RowId> stream, uint64_t table_rows) {
  std::vector<uint32_t> last(table_rows, kNeverUsed), uses(stream.size());
  for (size_t i = stream.size(); i-- > 0;) {
    uses[i] = last[stream[i]];
    last[stream[i]] = static_cast<uint32_t>(i);
  }
  return uses;
}

}  // namespace tierscope
