#include "runtime/placement/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <stdexcept>

#include "runtime/base/error.h"
#include "runtime/placement/draft.h"
#include "runtime/placement/row_interner.h"

namespace tierscope {
namespace {

constexpr uint32_t kNoStep = UINT32_MAX;
constexpr size_t kBlockRows = 4096;  // accesses that count_all() hands to a policy at once

struct Level {
  CacheSpec spec;
  uint32_t slots = 0;
  std::unique_ptr<Policy> policy;
  std::vector<Miss> misses;  // of the block at hand, by access
  size_t miss_count = 0;
  // What the store's slots hold once every planned step has retired. Only plan() keeps these.
  std::vector<uint32_t> slot_of;     // by row
  std::vector<RowId> row_at;         // by slot
  std::vector<RowId> pending;        // by slot: its row at the end of this step
  std::vector<uint32_t> changed;     // slots touched in this step
  std::vector<uint32_t> changed_in;  // by slot: the step that touched it last
};

// Accesses of one or more whole steps. Rows are the planner's own ids.
struct Block {
  std::span<const RowId> rows;
  const uint32_t* next_use = nullptr;
  std::span<const AccessStream::Step> steps;
};

PlanCounts difference(const PlanCounts& now, const PlanCounts& then) {
  PlanCounts counts = now;
  counts.accesses -= then.accesses;
  counts.reads -= then.reads;
  counts.prefetch_reads -= then.prefetch_reads;
  counts.prefetch_used -= then.prefetch_used;
  counts.prefetch_wasted -= then.prefetch_wasted;
  for (size_t i = 0; i < counts.levels.size(); ++i) {
    counts.levels[i].hits -= then.levels[i].hits;
    counts.levels[i].misses -= then.levels[i].misses;
    counts.levels[i].evictions -= then.levels[i].evictions;
    counts.levels[i].fills -= then.levels[i].fills;
    counts.levels[i].demotes -= then.levels[i].demotes;
  }
  return counts;
}

// What plan() hears of the decisions, and count() does not care about.
struct NoSink {
  void placed(size_t, uint32_t, RowId) {}
  void removed(size_t, uint32_t) {}
};

}  // namespace

struct Planner::State {
  Placement placement;
  TableShape table;
  std::vector<Level> levels;  // top first
  PlanCounts totals;
  uint32_t step = 0;

  // Sparse tables: rows by their own numbers.
  std::optional<RowInterner> interner;
  uint64_t ids = 0;  // ids that state by row has room for
  std::vector<RowId> local_rows;

  std::vector<uint32_t> at_hand_in;   // by row: the last step in which it was read, or left a cache
  std::vector<uint32_t> next_use_of;  // by row, where a policy is offline and rows come down from above
  std::vector<uint32_t> first_use;    // by row: index into this step's plan, valid where used_in says so
  std::vector<uint32_t> used_in;
  bool planning = false;

  // The accesses that missed a level: which, and what the next level sees of them.
  std::vector<uint32_t> missed_at;
  std::vector<RowId> missed_rows;
  std::vector<uint32_t> missed_uses;

  // prefetch=draft:K
  std::optional<StagingArea> staging;
  std::optional<SuccessorTable> successors;
  std::unordered_map<uint64_t, RowId> last_token;  // by sequence: its first row

  bool exclusive() const { return placement.inclusion == Inclusion::exclusive && levels.size() > 1; }
  void check_rows(std::span<const RowId> rows) const;
  std::span<const RowId> local(std::span<const RowId> rows);
  RowId local_id(RowId row);
  RowId table_row(RowId id) const { return interner ? interner->row_of(id) : id; }
  void make_room(uint64_t wanted_ids);
  void start_planning();

  // The one place where decisions are taken. `sink` hears of slots that change.
  template <class Sink>
  void decide(const Block& block, Sink& sink);
  template <class Sink>
  void decide_inclusive(const Block& block, Sink& sink);
  template <class Sink>
  void decide_exclusive(const Block& block, Sink& sink);
  void count_reads(const Block& block);
  void fetch(RowId row);

  void guess(const StepInput& input, std::span<const RowId> rows, std::vector<StagingRead>* reads);
  void learn(uint64_t sequence, std::span<const RowId> rows);
  bool stage(RowId row, std::vector<StagingRead>* reads);
  bool resident(RowId row) const;

  RowLocation locate(RowId row) const;
  void list_rows(std::span<const RowId> rows, StepPlan& plan);
  void list_fills(StepPlan& plan);
  void settle();
  void to_table_rows(StepPlan& plan) const;
};

void Planner::State::check_rows(std::span<const RowId> rows) const {
  for (const RowId row : rows)
    if (row >= table.rows)
      throw UsageError(fmt::format("row {} is asked for, but the table has {} rows", row, table.rows), "",
                       "use the model that the trace was made for");
}

std::span<const RowId> Planner::State::local(std::span<const RowId> rows) {
  if (!interner) return rows;
  local_rows.clear();
  for (const RowId row : rows) local_rows.push_back(interner->id_of(row));
  make_room(interner->size());
  return local_rows;
}

RowId Planner::State::local_id(RowId row) {
  if (!interner) return row;
  const RowId id = interner->id_of(row);
  make_room(interner->size());
  return id;
}

void Planner::State::make_room(uint64_t wanted_ids) {
  if (wanted_ids <= ids) return;
  ids = std::max<uint64_t>({wanted_ids, 2 * ids, 1024});
  at_hand_in.resize(ids, kNoStep);
  if (!next_use_of.empty()) next_use_of.resize(ids, kNeverUsed);
  for (Level& level : levels) level.policy->grow(ids);
  if (!planning) return;
  first_use.resize(ids);
  used_in.resize(ids, kNoStep);
  for (Level& level : levels) level.slot_of.resize(ids, kNoSlot);
}

template <class Sink>
void Planner::State::decide(const Block& block, Sink& sink) {
  totals.accesses += block.rows.size();
  if (exclusive())
    decide_exclusive(block, sink);
  else
    decide_inclusive(block, sink);
}

template <class Sink>
void Planner::State::decide_inclusive(const Block& block, Sink& sink) {
  std::span<const RowId> rows = block.rows;
  const uint32_t* uses = block.next_use;
  for (size_t i = 0; i < levels.size(); ++i) {
    Level& level = levels[i];
    if (level.misses.size() < rows.size()) level.misses.resize(rows.size());
    level.miss_count = level.policy->access(rows, uses, level.misses.data());
    const std::span misses(level.misses.data(), level.miss_count);
    uint64_t evictions = 0;
    for (const Miss& miss : misses) {
      evictions += miss.victim != kNoRow;
      if (miss.slot != kNoSlot) sink.placed(i, miss.slot, rows[miss.at]);
    }
    totals.levels[i].hits += rows.size() - misses.size();
    totals.levels[i].misses += misses.size();
    totals.levels[i].evictions += evictions;
    if (i > 0)
      for (Miss& miss : misses) miss.at = missed_at[miss.at];
    if (i + 1 == levels.size()) break;
    missed_at.resize(misses.size());
    missed_rows.resize(misses.size());
    for (size_t k = 0; k < misses.size(); ++k) {
      missed_at[k] = misses[k].at;
      missed_rows[k] = block.rows[misses[k].at];
    }
    rows = missed_rows;
    if (!uses) continue;
    missed_uses.resize(misses.size());
    for (size_t k = 0; k < misses.size(); ++k) missed_uses[k] = block.next_use[misses[k].at];
    uses = missed_uses.data();
  }
  count_reads(block);
}

// Goes through what missed every level, in order. A row needs no read where it was read in the same step, or where it
// was resident when the step began: then an eviction of the same step has marked it.
void Planner::State::count_reads(const Block& block) {
  const bool cached = !levels.empty();
  const size_t count = cached ? levels.back().miss_count : block.rows.size();
  size_t evicted[3] = {};  // by level: misses whose victims were marked
  uint64_t first = 0, end = block.steps[0].count;
  size_t step_index = 0;
  for (size_t k = 0; k < count; ++k) {
    const uint64_t at = cached ? levels.back().misses[k].at : k;
    while (at >= end) {
      first = end;
      end += block.steps[++step_index].count;
    }
    const uint32_t this_step = step + static_cast<uint32_t>(step_index);
    const RowId row = block.rows[at];
    if (end - first == 1) {  // a step of one access: nothing can be at hand
      fetch(row);
      continue;
    }
    for (size_t i = 0; i < levels.size(); ++i) {
      const Level& level = levels[i];
      for (size_t& m = evicted[i]; m < level.miss_count && level.misses[m].at < at; ++m)
        if (level.misses[m].at >= first && level.misses[m].victim != kNoRow)
          at_hand_in[level.misses[m].victim] = this_step;
    }
    if (at_hand_in[row] == this_step) continue;
    at_hand_in[row] = this_step;
    fetch(row);
  }
}

// `row` comes from below all caches.
void Planner::State::fetch(RowId row) {
  if (staging && staging->slot_of(row) != kNoSlot) {
    staging->use(row, step);
    ++totals.prefetch_used;
  } else {
    ++totals.reads;
  }
}

template <class Sink>
void Planner::State::decide_exclusive(const Block& block, Sink& sink) {
  for (size_t index = 0, at = 0; index < block.steps.size(); ++index) {
    const uint32_t this_step = step + static_cast<uint32_t>(index);
    for (const size_t end = at + block.steps[index].count; at < end; ++at) {
      const RowId row = block.rows[at];
      const uint32_t* use = block.next_use ? block.next_use + at : nullptr;
      if (!next_use_of.empty()) next_use_of[row] = *use;
      Miss miss;
      if (levels[0].policy->access({&row, 1}, use, &miss) == 0) {
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
      if (!found && at_hand_in[row] != this_step) fetch(row);
      at_hand_in[row] = this_step;
      // What the top does not keep falls: its victim, or the row itself where the top turned it away.
      RowId falling = row;
      if (miss.slot != kNoSlot) {
        sink.placed(0, miss.slot, row);
        falling = miss.victim;
        totals.levels[0].evictions += falling != kNoRow;
      }
      for (size_t i = 1; i < levels.size() && falling != kNoRow; ++i) {
        at_hand_in[falling] = this_step;
        const Outcome inserted =
            levels[i].policy->insert(falling, next_use_of.empty() ? kNeverUsed : next_use_of[falling]);
        if (inserted.slot == kNoSlot) continue;
        sink.placed(i, inserted.slot, falling);
        falling = inserted.victim;
        totals.levels[i].evictions += falling != kNoRow;
      }
      if (falling != kNoRow) at_hand_in[falling] = this_step;
    }
  }
}

Planner::Planner(const Placement& placement, const TableShape& table, uint64_t seed, uint64_t dense_rows)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.placement = placement;
  s.table = table;
  if (table.rows == 0 || table.row_bytes == 0 || table.rows >= kNoRow)
    throw UsageError(fmt::format("a table of {} rows of {} bytes cannot be placed", table.rows, table.row_bytes),
                     "table", "it needs 1 to 2^32-2 rows of at least 1 byte");
  if ((placement.unit == CachingUnit::page) != table.pages.has_value())
    throw std::logic_error("planner: the table is not in the placement's unit");
  if (table.pages && placement.prefetch.draft > 0)
    throw UsageError("prefetch=draft reads rows ahead, not pages", fmt::format("placement '{}'", to_text(placement)),
                     "use it with unit=row");
  PolicyContext context;
  context.seed = seed;
  context.pages = table.pages ? &*s.table.pages : nullptr;
  if (table.rows > dense_rows) {
    s.interner.emplace();
    context.sparse_table_rows = table.rows;
    context.local_id = [&s](RowId row) { return s.interner->id_of(row); };
  } else {
    s.ids = context.table_rows = table.rows;
  }
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
    Level level;
    level.spec = *cache;
    level.slots = context.slots = static_cast<uint32_t>(slots);
    level.policy = make_policy(cache->policy, context);
    s.levels.push_back(std::move(level));
  }
  s.totals.levels.resize(s.levels.size());
  s.at_hand_in.assign(s.ids, kNoStep);
  if (s.exclusive() && offline()) s.next_use_of.assign(std::max<uint64_t>(s.ids, 1), kNeverUsed);
  if (s.interner) s.make_room(std::max(s.interner->size(), 1u));
  if (const uint32_t tokens = placement.prefetch.draft) {
    s.staging.emplace(3 * tokens * table.rows_per_token);
    s.successors.emplace(table.rows_per_token, tokens);
  }
}

Planner::~Planner() = default;
Planner::Planner(Planner&&) noexcept = default;

void Planner::count(const StepInput& input) {
  State& s = *state_;
  const std::span<const RowId> rows = s.local(input.rows);
  const AccessStream::Step step{0, rows.size()};
  NoSink sink;
  s.decide({rows, input.next_use, {&step, 1}}, sink);
  s.guess(input, rows, nullptr);
  ++s.step;
}

void Planner::count_all(const AccessStream& stream, const uint32_t* next_use) {
  State& s = *state_;
  s.check_rows(stream.rows);
  if (s.placement.prefetch.draft > 0) {  // what one step leaves in the staging area serves the next
    std::vector<SequencePart> parts;
    for (size_t i = 0; i < stream.steps.size(); ++i) count(step_input(stream, i, next_use, parts));
    return;
  }
  NoSink sink;
  const std::span<const AccessStream::Step> steps(stream.steps);
  for (size_t begin = 0, end = 0; begin < steps.size(); begin = end) {
    size_t count = 0;
    while (end < steps.size() && (count == 0 || count + steps[end].count <= kBlockRows)) count += steps[end++].count;
    const uint64_t first = steps[begin].first;
    s.decide({s.local(std::span(stream.rows).subspan(first, count)), next_use ? next_use + first : nullptr,
              steps.subspan(begin, end - begin)},
             sink);
    s.step += static_cast<uint32_t>(end - begin);
  }
}

void Planner::State::guess(const StepInput& input, std::span<const RowId> rows, std::vector<StagingRead>* reads) {
  const uint32_t tokens_ahead = placement.prefetch.draft, width = table.rows_per_token;
  if (tokens_ahead == 0) return;
  const SequencePart whole{0, static_cast<uint32_t>(rows.size() / width)};
  const auto parts = input.parts.empty() ? std::span(&whole, 1) : input.parts;
  // One sequence at a time: none that is left comes back.
  if (input.parts.size() == 1 && !last_token.contains(parts[0].sequence)) last_token.clear();
  size_t first = 0;
  for (const SequencePart& part : parts) {
    learn(part.sequence, rows.subspan(first, size_t{part.tokens} * width));
    first += size_t{part.tokens} * width;
  }
  // The staging area is for K tokens a step; a batch shares it, every sequence's likeliest token first.
  uint32_t room = tokens_ahead * width;
  for (uint32_t rank = 0; rank < tokens_ahead; ++rank)
    for (const SequencePart& part : parts) {
      if (part.next_known || part.tokens == 0) continue;
      std::vector<RowId> drafted;
      std::span<const RowId> token;
      if (part.draft_rows.empty()) {
        token = successors->successor(last_token.at(part.sequence), rank);
      } else if ((rank + size_t{1}) * width <= part.draft_rows.size()) {
        for (const RowId row : part.draft_rows.subspan(rank * size_t{width}, width)) drafted.push_back(local_id(row));
        token = drafted;
      }
      for (const RowId row : token) room -= room > 0 && stage(row, reads);
    }
  totals.prefetch_wasted = staging->wasted();
}

void Planner::State::learn(uint64_t sequence, std::span<const RowId> rows) {
  for (size_t at = 0; at < rows.size(); at += table.rows_per_token) {
    const auto [before, first] = last_token.try_emplace(sequence, rows[at]);
    if (first) continue;
    successors->observe(before->second, rows.subspan(at, table.rows_per_token));
    before->second = rows[at];
  }
}

// Reads `row` ahead; false where that is needless, or impossible now.
bool Planner::State::stage(RowId row, std::vector<StagingRead>* reads) {
  if (resident(row) || staging->slot_of(row) != kNoSlot) return false;
  const uint32_t slot = staging->stage(row, step);
  if (slot == kNoSlot) return false;
  ++totals.prefetch_reads;
  if (reads) reads->push_back({row, slot});
  return true;
}

bool Planner::State::resident(RowId row) const {
  return std::ranges::any_of(levels, [&](const Level& level) { return level.policy->slot_of(row) != kNoSlot; });
}

void Planner::State::start_planning() {
  planning = true;
  first_use.assign(ids, 0);
  used_in.assign(ids, kNoStep);
  for (Level& level : levels) {
    level.slot_of.assign(ids, kNoSlot);
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

// As of the step's start.
RowLocation Planner::State::locate(RowId row) const {
  for (uint8_t i = 0; i < levels.size(); ++i)
    if (levels[i].slot_of[row] != kNoSlot) return {i, levels[i].slot_of[row]};
  const uint32_t staged = staging ? staging->slot_of(row) : kNoSlot;
  return staged == kNoSlot ? RowLocation{} : RowLocation{RowLocation::kStaging, staged};
}

void Planner::State::list_rows(std::span<const RowId> rows, StepPlan& plan) {
  plan.use.reserve(rows.size());
  for (const RowId row : rows) {
    if (used_in[row] != step) {
      used_in[row] = step;
      first_use[row] = static_cast<uint32_t>(plan.rows.size());
      plan.rows.push_back({row, locate(row)});
    }
    plan.use.push_back(first_use[row]);
  }
}

void Planner::State::list_fills(StepPlan& plan) {
  for (uint8_t i = 0; i < levels.size(); ++i) {
    const Level& level = levels[i];
    for (const uint32_t slot : level.changed) {
      const RowId row = level.pending[slot];
      if (row == kNoRow || row == level.row_at[slot]) continue;
      SlotFill fill{i, slot, row, {}, kNoSlot, i > 0 && exclusive()};
      if (used_in[row] == step) {
        fill.planned_row = first_use[row];
        fill.from = plan.rows[fill.planned_row].from;
      } else {
        fill.from = locate(row);
      }
      ++totals.levels[i].fills;
      totals.levels[i].demotes += fill.demote;
      plan.fills.push_back(fill);
    }
  }
}

// The step's changes become what the slots hold.
void Planner::State::settle() {
  for (Level& level : levels) {
    for (const uint32_t slot : level.changed)
      if (level.row_at[slot] != kNoRow && level.slot_of[level.row_at[slot]] == slot)
        level.slot_of[level.row_at[slot]] = kNoSlot;
    for (const uint32_t slot : level.changed) {
      level.row_at[slot] = level.pending[slot];
      if (level.row_at[slot] != kNoRow) level.slot_of[level.row_at[slot]] = slot;
    }
    level.changed.clear();
  }
}

void Planner::State::to_table_rows(StepPlan& plan) const {
  if (!interner) return;
  for (PlannedRow& row : plan.rows) row.row = table_row(row.row);
  for (SlotFill& fill : plan.fills) fill.row = table_row(fill.row);
  for (StagingRead& read : plan.prefetch) read.row = table_row(read.row);
}

void Planner::prepare() {
  if (!state_->planning) state_->start_planning();
}

StepPlan Planner::plan(const StepInput& input) {
  State& s = *state_;
  s.check_rows(input.rows);
  prepare();
  const std::span<const RowId> rows = s.local(input.rows);
  const PlanCounts before = s.totals;
  StepPlan plan;
  plan.step = s.step;
  s.list_rows(rows, plan);

  struct Recorder {
    State& s;
    void set(size_t i, uint32_t slot, RowId row) {
      Level& level = s.levels[i];
      level.pending[slot] = row;
      if (level.changed_in[slot] == s.step) return;
      level.changed_in[slot] = s.step;
      level.changed.push_back(slot);
    }
    void placed(size_t i, uint32_t slot, RowId row) { set(i, slot, row); }
    void removed(size_t i, uint32_t slot) { set(i, slot, kNoRow); }
  } recorder{s};
  const AccessStream::Step step{0, rows.size()};
  s.decide({rows, input.next_use, {&step, 1}}, recorder);
  s.list_fills(plan);
  s.settle();
  s.guess(input, rows, &plan.prefetch);
  s.to_table_rows(plan);
  plan.counts = difference(s.totals, before);
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
  return state_->staging ? state_->staging->slots() : 0;
}

bool Planner::offline() const {
  return std::ranges::any_of(state_->levels, [](const auto& level) { return find_policy(level.spec.policy).offline; });
}

uint64_t Planner::state_bytes() const {
  uint64_t bytes = 0;
  for (const Level& level : state_->levels) bytes += level.policy->state_bytes();
  return bytes;
}

std::vector<RowId> Planner::preload(size_t top_first) const {
  auto rows = state_->levels[top_first].policy->preload();
  for (RowId& row : rows) row = state_->table_row(row);
  return rows;
}

void Planner::check() const {
  for (size_t i = 0; i < state_->levels.size(); ++i) {
    const Level& level = state_->levels[i];
    level.policy->check();
    for (uint32_t slot = 0; slot < level.row_at.size(); ++slot)
      if (level.row_at[slot] != kNoRow && level.policy->slot_of(level.row_at[slot]) != slot)
        throw std::logic_error("planner: the store's slots are not the policy's");
  }
  const PlanCounts& totals = state_->totals;
  const uint64_t staged = state_->staging ? state_->staging->staged() : 0;
  if (totals.prefetch_reads != totals.prefetch_used + totals.prefetch_wasted + staged)
    throw std::logic_error("planner: rows read ahead do not add up");
}

StepInput step_input(const AccessStream& stream, size_t index, const uint32_t* next_use,
                     std::vector<SequencePart>& parts) {
  const AccessStream::Step& step = stream.steps[index];
  parts.clear();
  for (const AccessStream::Part& part : std::span(stream.parts).subspan(step.first_part, step.part_count))
    parts.push_back({part.request, part.tokens, part.next_known,
                     std::span(stream.draft_rows).subspan(part.first_draft, part.draft_count)});
  return {std::span(stream.rows).subspan(step.first, step.count), next_use ? next_use + step.first : nullptr, parts};
}

std::vector<uint32_t> next_uses(std::span<const RowId> stream, uint64_t table_rows) {
  RowInterner interner;
  const bool dense = table_rows <= Planner::kDenseRows;
  std::vector<uint32_t> last(dense ? table_rows : 0, kNeverUsed), uses(stream.size());
  for (size_t i = stream.size(); i-- > 0;) {
    const uint32_t row = dense ? stream[i] : interner.id_of(stream[i]);
    if (row >= last.size()) last.push_back(kNeverUsed);
    uses[i] = last[row];
    last[row] = static_cast<uint32_t>(i);
  }
  return uses;
}

}  // namespace tierscope
