#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <unordered_set>

#include "experiments/probe.h"
#include "runtime/base/error.h"
#include "runtime/base/median.h"
#include "runtime/base/random.h"
#include "runtime/base/wait.h"
#include "runtime/metrics/request_clock.h"
#include "runtime/placement/planner.h"
#include "runtime/store/tier_store.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kWidest = 512;
constexpr uint32_t kCachedRows = 4096;
constexpr std::array kRows{1u, 2u, 4u, 8u, 16u, 32u, 64u, 128u, 256u, kWidest};
constexpr size_t kFewestSteps = 12;
// A prompt's step comes after decode steps, which leave caches and disk in another state than its like does.
constexpr uint32_t kSinglesBefore = 16;
// Rows are read when twice the mean time and this have passed.
constexpr double kPauseFactor = 2, kPauseUs = 100;

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

// Planner and store at work on steps of one kind, in the order in which a replay calls them.
class StepBench {
 public:
  // `overlap`: reads are not waited for at once, and those beyond the queue's depth are sent by a thread of their own.
  StepBench(const TableFile& table, HostStep::Kind kind, bool overlap, const ProbeOptions& options)
      : table_(table),
        kind_(kind),
        options_(options),
        placement_(placement(kind, overlap, table)),
        planner_(placement_, table.shape()),
        random_(options.seed, static_cast<uint64_t>(kind)) {
    StoreOptions store;
    store.max_step_rows = kWidest;
    store_ = make_tier_store(table, placement_, planner_, store);
    if (kind == HostStep::Kind::cached) fill_cache();
  }

  struct Times {
    double begin_us = 0, await_us = 0, retire_us = 0;  // medians: what else the machine does now and then is not ours
    size_t steps = 0;
  };
  // Rows are asked for `pause_us` after the step began.
  Times repeat(uint32_t rows, double pause_us) {
    std::vector<double> begin_us, await_us, retire_us;
    const Clock::time_point end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                     std::chrono::duration<double>(options_.seconds_per_point));
    RequestClock clock;
    clock.begin_request(0, Clock::now());
    while (Clock::now() < end || begin_us.size() < kFewestSteps) {
      if (rows > 1) run_singles();
      choose(rows);
      const Clock::time_point start = Clock::now();
      std::unique_ptr<StepRows> step = store_->begin(planner_.plan({.rows = ids_}));
      const Clock::time_point begun = Clock::now();
      if (pause_us > 0) wait_until(begun + std::chrono::microseconds(static_cast<int64_t>(pause_us)));
      const Clock::time_point asked = Clock::now();
      step->await();
      const Clock::time_point awaited = Clock::now();
      const StepShare share{0, rows, true, false};
      clock.end_step(rows > 1, {&share, 1}, 0);
      store_->retire(std::move(step));
      const Clock::time_point retired = Clock::now();
      begin_us.push_back(microseconds(begun - start));
      await_us.push_back(microseconds(awaited - asked));
      retire_us.push_back(microseconds(retired - awaited));
    }
    return {median(begin_us), median(await_us), median(retire_us), begin_us.size()};
  }

 private:
  static uint32_t cached_rows(const TableFile& table) {
    return static_cast<uint32_t>(std::min<uint64_t>(kCachedRows, table.rows / kWidest * kWidest));
  }

  static Placement placement(HostStep::Kind kind, bool overlap, const TableFile& table) {
    Placement placement;
    placement.prefetch.overlap = overlap;
    if (kind == HostStep::Kind::read) return placement;
    placement.caches.push_back({Tier::ram, {Capacity::Kind::rows, double(cached_rows(table))}, {"lru", {}}});
    return placement;
  }

  // Rows in the cache are spread over the table, so that what planner and store know of them is as cold as in a run.
  void fill_cache() {
    const uint32_t cached = cached_rows(table_);
    apart_ = table_.rows / cached;
    for (uint32_t first = 0; first < cached; first += kWidest) {
      ids_.resize(kWidest);
      for (uint32_t i = 0; i < kWidest; ++i) ids_[i] = static_cast<RowId>((first + i) * apart_);
      store_->retire(store_->begin(planner_.plan({.rows = ids_})));
    }
  }

  void run_singles() {
    for (uint32_t i = 0; i < kSinglesBefore; ++i) {
      choose(1);
      store_->retire(store_->begin(planner_.plan({.rows = ids_})));
    }
  }

  void choose(uint32_t rows) {
    ids_.clear();
    chosen_.clear();
    while (ids_.size() < rows) {
      const RowId row = kind_ == HostStep::Kind::cached
                            ? static_cast<RowId>(random_.below(cached_rows(table_)) * apart_)
                            : random_.below(static_cast<uint32_t>(table_.rows));
      if (chosen_.insert(row).second) ids_.push_back(row);
    }
  }

  const TableFile& table_;
  const HostStep::Kind kind_;
  const ProbeOptions& options_;
  const Placement placement_;
  Planner planner_;
  std::unique_ptr<TierStore> store_;
  Random random_;
  uint64_t apart_ = 1;
  std::vector<RowId> ids_;
  std::unordered_set<RowId> chosen_;
};

}  // namespace

HostProfile probe_host(const TableFile& table, const ProbeOptions& options) {
  if (table.rows < 2 * kWidest)
    throw Error(fmt::format("holds only {} rows of {} bytes", table.rows, table.row_bytes), table.path.string(),
                fmt::format("give a file of at least {} rows", 2 * kWidest));
  HostProfile host;
  for (const HostStep::Kind kind : {HostStep::Kind::cached, HostStep::Kind::read, HostStep::Kind::kept}) {
    if (options.on_progress) options.on_progress(fmt::format("steps whose rows are {}", name(kind)));
    StepBench waiting(table, kind, false, options), overlapped(table, kind, true, options);
    for (const uint32_t rows : kRows) {
      const StepBench::Times times = waiting.repeat(rows, 0);
      // Rows that were read before anybody asks: what is left is to collect them.
      const double collect_us = kind == HostStep::Kind::cached
                                    ? times.await_us
                                    : overlapped.repeat(rows, kPauseFactor * times.await_us + kPauseUs).await_us;
      host.steps.push_back({kind, rows, times.begin_us, collect_us, times.retire_us,
                            fmt::format("measured: tierscope probe, {} steps", times.steps)});
    }
  }
  const auto whole_us = [](const HostStep& step) { return step.begin_us + step.collect_us + step.retire_us; };
  const double one_us = whole_us(host.steps.front()), wide_us = whole_us(host.steps[kRows.size() - 1]);
  const double access_us = std::max(0.0, (wide_us - one_us) / (kWidest - 1));
  const std::string source = fmt::format("measured: tierscope probe, steps of 1 and {} cached rows", kWidest);
  host.step_us = {std::max(0.0, one_us - access_us), source};
  host.access_us = {access_us, source};
  return host;
}

}  // namespace tierscope
