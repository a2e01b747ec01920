#include "sim/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <map>
#include <optional>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "sim/count.h"

namespace tierscope {
namespace {

constexpr uint32_t kSmallestCacheRows = 256;
constexpr uint32_t kUpperShare = 8;  // of two caches, the upper one is so much smaller
// Curves are thinned: a policy or a size whose misses are within this of a cheaper one is not worth pricing.
constexpr double kWorthPricing = 0.005;

template <class Work>
void parallel(size_t items, unsigned threads, Work&& work) {
  std::atomic<size_t> next = 0;
  std::exception_ptr failure;
  std::atomic<bool> failed = false;
  const auto loop = [&] {
    for (size_t i = next++; i < items; i = next++) {
      try {
        work(i);
      } catch (...) {
        if (!failed.exchange(true)) failure = std::current_exception();
      }
    }
  };
  std::vector<std::thread> team;
  for (unsigned t = 1; t < threads; ++t) team.emplace_back(loop);
  loop();
  for (std::thread& thread : team) thread.join();
  if (failure) std::rethrow_exception(failure);
}

CacheSpec cache(Tier tier, uint64_t rows, const std::string& policy) {
  return {tier, {Capacity::Kind::rows, static_cast<double>(rows)}, {policy, {}}};
}

Tier fastest_tier(const DeviceProfile& device) {
  return device.compute.on_device ? Tier::vram : Tier::ram;
}

Prefetch early() {
  return {true, true, 0};
}

Placement whole_in(Tier tier) {
  Placement placement;
  placement.backing = tier;
  if (tier == Tier::nvme) placement.prefetch = early();
  return placement;
}

// A cache by its size and policy, with the misses that decide whether it is worth pricing.
struct CurvePoint {
  CachingUnit unit = CachingUnit::row;
  uint64_t rows = 0;  // of that unit
  std::string policy;
  uint64_t misses = 0;
};

// Table and accesses in one unit of caching.
struct Units {
  TableLayout table;
  AccessStream stream;
};

std::vector<CurvePoint> curve(CachingUnit unit, const TableLayout& table, const AccessStream& stream,
                              const TuneOptions& options) {
  std::vector<bool> seen(table.rows);
  uint64_t distinct = 0;
  for (const RowId row : stream.rows) distinct += seen[row] ? 0 : (seen[row] = true, 1);
  std::vector<CurvePoint> points;
  for (uint64_t rows = kSmallestCacheRows; rows < 2 * distinct && rows <= table.rows; rows *= 2)
    for (const std::string& policy : options.policies) points.push_back({unit, rows, policy, 0});
  if (points.empty())
    for (const std::string& policy : options.policies) points.push_back({unit, table.rows, policy, 0});
  parallel(points.size(), options.threads, [&](size_t i) {
    Placement placement;
    placement.unit = unit;
    placement.caches = {cache(Tier::ram, points[i].rows, points[i].policy)};
    TableShape shape = table.shape();
    shape.rows_per_token = stream.rows_per_token;
    Planner planner(placement, shape, options.timing.seed);
    points[i].misses = count_stream(stream, planner, shape).counts.levels[0].misses;
  });
  return points;
}

// The best policy at each size, and only sizes that save misses over the next smaller.
std::vector<CurvePoint> thinned(const std::vector<CurvePoint>& points, uint64_t accesses) {
  std::vector<CurvePoint> kept;
  for (const CurvePoint& point : points) {
    if (!kept.empty() && kept.back().rows == point.rows) {
      if (point.misses < kept.back().misses) kept.back() = point;
      continue;
    }
    kept.push_back(point);
  }
  const double worth = kWorthPricing * static_cast<double>(accesses);
  std::vector<CurvePoint> result;
  for (const CurvePoint& point : kept)
    if (result.empty() || static_cast<double>(point.misses) + worth < static_cast<double>(result.back().misses))
      result.push_back(point);
  return result;
}

std::vector<Placement> candidates(const DeviceProfile& device, const std::vector<CurvePoint>& points,
                                  const TuneOptions& options) {
  std::vector<Placement> all;
  const bool two_memories = device.compute.on_device && !device.vram->unified;
  CachingUnit unit = CachingUnit::row;
  const auto add = [&](Tier backing, std::vector<CacheSpec> caches) {
    Placement placement = whole_in(backing);
    placement.unit = unit;
    placement.caches = std::move(caches);
    all.push_back(placement);
    if (!options.exhaustive || backing != Tier::nvme) return;
    for (const Prefetch& other : {Prefetch{}, Prefetch{true, false, 0}, Prefetch{false, true, 0}}) {
      placement.prefetch = other;
      all.push_back(placement);
    }
  };
  add(Tier::nvme, {});
  add(Tier::ram, {});
  if (device.vram) add(Tier::vram, {});
  for (const CurvePoint& point : points) {
    unit = point.unit;
    add(Tier::nvme, {cache(Tier::ram, point.rows, point.policy)});
    if (!device.compute.on_device) continue;
    add(Tier::nvme, {cache(Tier::vram, point.rows, point.policy)});
    if (!two_memories) continue;
    add(Tier::ram, {cache(Tier::vram, point.rows, point.policy)});
    if (const uint64_t upper = point.rows / kUpperShare; upper >= kSmallestCacheRows)
      add(Tier::nvme, {cache(Tier::ram, point.rows, point.policy), cache(Tier::vram, upper, point.policy)});
  }
  return all;
}

double metric(const PricedPlacement& priced, const Objective& objective) {
  if (objective.kind == Objective::Kind::memory_ttft) return priced.ttft_ms;
  return objective.kind == Objective::Kind::memory_p99 ? priced.p99_ms : priced.tpot_ms;
}

bool meets(const PricedPlacement& priced, const Objective& objective, const PricedPlacement& fast) {
  if (!priced.fits) return false;
  switch (objective.kind) {
    case Objective::Kind::memory_tpot:
    case Objective::Kind::memory_ttft:
      return metric(priced, objective) <= metric(fast, objective) * (1 + objective.bound);
    case Objective::Kind::memory_p99:
      return priced.p99_ms <= objective.bound;
    case Objective::Kind::latency:
      return static_cast<double>(priced.memory_bytes) <= objective.bound;
  }
  return false;
}

// Whether `a` is to be preferred to `b` where both meet the objective.
bool better(const PricedPlacement& a, const PricedPlacement& b, const Objective& objective) {
  if (objective.kind == Objective::Kind::latency) {
    if (a.tpot_ms != b.tpot_ms) return a.tpot_ms < b.tpot_ms;
    if (a.ttft_ms != b.ttft_ms) return a.ttft_ms < b.ttft_ms;
    return a.memory_bytes < b.memory_bytes;
  }
  if (a.memory_bytes != b.memory_bytes) return a.memory_bytes < b.memory_bytes;
  return metric(a, objective) < metric(b, objective);
}

std::vector<PricedPlacement> pareto(std::vector<PricedPlacement> priced, const Objective& objective) {
  std::erase_if(priced, [](const PricedPlacement& p) { return !p.fits; });
  std::ranges::stable_sort(priced, [&](const PricedPlacement& a, const PricedPlacement& b) {
    return a.memory_bytes != b.memory_bytes ? a.memory_bytes < b.memory_bytes
                                            : metric(a, objective) < metric(b, objective);
  });
  std::vector<PricedPlacement> front;
  for (const PricedPlacement& p : priced)
    if (front.empty() || metric(p, objective) < metric(front.back(), objective)) front.push_back(p);
  return front;
}

std::vector<Placement> neighbours(const Placement& chosen, const TableLayout& table, const TuneOptions& options) {
  std::vector<Placement> all;
  for (size_t i = 0; i < chosen.caches.size(); ++i) {
    for (const double factor : {0.5, 2.0}) {
      Placement other = chosen;
      other.caches[i].capacity.value =
          std::min(std::floor(chosen.caches[i].capacity.value * factor), static_cast<double>(table.rows));
      if (other.caches[i].capacity.value >= 1) all.push_back(other);
    }
    for (const std::string& policy : options.policies) {
      Placement other = chosen;
      other.caches[i].policy = {policy, {}};
      if (other != chosen) all.push_back(other);
    }
  }
  if (chosen.backing == Tier::nvme)
    for (const Prefetch& prefetch : {Prefetch{}, Prefetch{true, false, 0}, Prefetch{false, true, 0}}) {
      Placement other = chosen;
      other.prefetch = prefetch;
      if (other != chosen) all.push_back(other);
    }
  return all;
}

std::string nearest(const std::vector<PricedPlacement>& priced, const Objective& objective) {
  const PricedPlacement* best = nullptr;
  const auto distance = [&](const PricedPlacement& p) {
    return objective.kind == Objective::Kind::latency ? static_cast<double>(p.memory_bytes) : metric(p, objective);
  };
  for (const PricedPlacement& p : priced)
    if (p.fits && (!best || distance(p) < distance(*best))) best = &p;
  if (!best) return "no placement fits the device";
  const std::string reached = objective.kind == Objective::Kind::latency
                                  ? format_bytes(best->memory_bytes)
                                  : fmt::format("{:.3f} ms", metric(*best, objective));
  return fmt::format("the nearest is '{}' with {}", to_text(best->placement), reached);
}

}  // namespace

Objective parse_objective(std::string_view text) {
  const auto wrong = [&](const std::string& what) {
    return UsageError(what, fmt::format("objective '{}'", text),
                      "write memory:tpot=5%, memory:ttft=5%, memory:p99=80ms or latency:memory=64MiB");
  };
  const size_t colon = text.find(':'), equals = text.find('=');
  if (colon == std::string_view::npos || equals == std::string_view::npos || equals < colon)
    throw wrong("is not KIND:KEY=VALUE");
  const std::string_view what = text.substr(0, equals);
  std::string_view value = text.substr(equals + 1);
  const auto with_unit = [&](std::string_view unit) {
    if (!value.ends_with(unit)) throw wrong(fmt::format("'{}' lacks its unit, {}", value, unit));
    const auto number = parse_double(value.substr(0, value.size() - unit.size()));
    if (!number || *number < 0) throw wrong(fmt::format("'{}' is not a number with {}", value, unit));
    return *number;
  };
  if (what == "memory:tpot") return {Objective::Kind::memory_tpot, with_unit("%") / 100};
  if (what == "memory:ttft") return {Objective::Kind::memory_ttft, with_unit("%") / 100};
  if (what == "memory:p99") return {Objective::Kind::memory_p99, with_unit("ms")};
  if (what == "latency:memory") {
    const auto bytes = parse_bytes(value);
    if (!bytes) throw wrong(fmt::format("'{}' is not a size", value));
    return {Objective::Kind::latency, static_cast<double>(*bytes)};
  }
  throw wrong(unknown_name("objective", what,
                           std::vector<std::string>{"memory:tpot", "memory:ttft", "memory:p99", "latency:memory"}));
}

std::string to_text(const Objective& objective) {
  switch (objective.kind) {
    case Objective::Kind::memory_tpot:
      return fmt::format("memory:tpot={:g}%", objective.bound * 100);
    case Objective::Kind::memory_ttft:
      return fmt::format("memory:ttft={:g}%", objective.bound * 100);
    case Objective::Kind::memory_p99:
      return fmt::format("memory:p99={:g}ms", objective.bound);
    case Objective::Kind::latency:
      return fmt::format("latency:memory={}", format_bytes_exact(static_cast<uint64_t>(objective.bound)));
  }
  return {};
}

PricedPlacement price(const DeviceProfile& device, const ModelShape& model, const TableLayout& table,
                      const AccessStream& stream, const Placement& placement, const TimingOptions& options) {
  if (placement.unit == CachingUnit::page && !table.pages) {
    const TableLayout pages = in_units(table, placement.unit);
    return price(device, model, pages, in_pages(stream, *pages.pages), placement, options);
  }
  PricedPlacement priced;
  priced.placement = placement;
  priced.fits = !why_not_fitting(device, model, table, placement, stream);
  TimingOptions unchecked = options;
  unchecked.must_fit = false;
  const RunMetrics metrics = time_placement(device, model, table, placement, stream, unchecked).metrics;
  const PlacementMemory memory = placement_memory(placement, table.shape(), widest_step(stream));
  priced.memory_bytes = memory.ram_bytes + memory.vram_bytes;
  priced.ttft_ms = metrics.ttft_ms.mean.value_or(0);
  priced.tpot_ms = metrics.tpot_ms.mean.value_or(0);
  priced.p99_ms = metrics.itl_ms.p99.value_or(metrics.itl_ms.max.value_or(0));
  priced.at_hand_ratio = 1 - static_cast<double>(metrics.backing.reads) / static_cast<double>(metrics.accesses);
  return priced;
}

const PricedPlacement* best_of(const std::vector<PricedPlacement>& priced, const Objective& objective,
                               const PricedPlacement& fast) {
  const PricedPlacement* best = nullptr;
  for (const PricedPlacement& candidate : priced)
    if (meets(candidate, objective, fast) && (!best || better(candidate, *best, objective))) best = &candidate;
  return best;
}

Tuning tune(const DeviceProfile& device, const ModelShape& model, const TableLayout& table, const AccessStream& stream,
            const Objective& objective, const TuneOptions& options) {
  if (const auto reason = why_not_fitting(device, model, table, whole_in(Tier::nvme), stream))
    throw UsageError(fmt::format("the model does not fit the device at all: {}", *reason), device.name,
                     "take a smaller model or stronger quantisation");
  std::map<CachingUnit, Units> paged;
  const auto in_unit_of = [&](CachingUnit unit) -> std::pair<const TableLayout&, const AccessStream&> {
    if (unit == CachingUnit::row) return {table, stream};
    return {paged.at(unit).table, paged.at(unit).stream};
  };
  std::vector<CurvePoint> points, kept;
  for (const CachingUnit unit : options.units) {
    if (unit == CachingUnit::page) {
      const TableLayout pages = in_units(table, unit);
      paged[unit] = {pages, in_pages(stream, *pages.pages)};
    }
    const auto [unit_table, unit_stream] = in_unit_of(unit);
    const auto of_unit = curve(unit, unit_table, unit_stream, options);
    const auto kept_of_unit = options.exhaustive ? of_unit : thinned(of_unit, unit_stream.rows.size());
    points.insert(points.end(), of_unit.begin(), of_unit.end());
    kept.insert(kept.end(), kept_of_unit.begin(), kept_of_unit.end());
  }
  const std::vector<Placement> placements = candidates(device, kept, options);
  Tuning tuning;
  tuning.candidates = options.exhaustive ? placements.size() : candidates(device, points, options).size();
  tuning.priced = placements.size();
  const auto price_all = [&](const std::vector<Placement>& all) {
    std::vector<PricedPlacement> priced(all.size());
    parallel(all.size(), options.threads, [&](size_t i) {
      const auto [unit_table, unit_stream] = in_unit_of(all[i].unit);
      priced[i] = price(device, model, unit_table, unit_stream, all[i], options.timing);
    });
    return priced;
  };
  const std::vector<PricedPlacement> priced = price_all(placements);
  tuning.fast = price(device, model, table, stream, whole_in(fastest_tier(device)), options.timing);
  tuning.nothing = price(device, model, table, stream, Placement{}, options.timing);
  const PricedPlacement* best = best_of(priced, objective, tuning.fast);
  if (!best)
    throw UsageError(fmt::format("nothing on {} meets it; {}", device.name, nearest(priced, objective)),
                     fmt::format("objective '{}'", to_text(objective)), "ask for less");
  tuning.chosen = *best;
  tuning.front = pareto(priced, objective);
  tuning.sensitivity = price_all(neighbours(best->placement, in_unit_of(best->placement.unit).first, options));
  return tuning;
}

}  // namespace tierscope
