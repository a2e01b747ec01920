#include "sim/miss_ratio_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/placement/planner.h"
#include "runtime/placement/row_interner.h"
#include "sim/reuse_distance.h"

namespace tierscope {
namespace {

// The policy's cache as the only one; parsing checks its name and parameters.
Placement single_cache(const std::string& policy, uint64_t slots) {
  return parse_placement(fmt::format("nvme+ram:{}rows:{}", slots, policy));
}

// Runs the jobs on several threads; the first exception of any is thrown here.
void run_jobs(const std::vector<std::function<void()>>& jobs, unsigned threads) {
  std::atomic<size_t> next = 0;
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&] {
    for (size_t job; (job = next++) < jobs.size();) try {
        jobs[job]();
      } catch (...) {
        const std::scoped_lock lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        next = jobs.size();
      }
  };
  std::vector<std::jthread> team;
  for (unsigned i = 1; i < threads; ++i) team.emplace_back(work);
  work();
  team.clear();
  if (failure) std::rethrow_exception(failure);
}

// A stream whose rows are numbered 0, 1, ... in order of first use, so that state follows the rows seen.
struct Compact {
  std::vector<RowId> rows;
  uint32_t distinct = 0;
};

template <class Keep>
Compact compact(const AccessStream& stream, Keep keep) {
  Compact result;
  RowInterner interner;
  for (const RowId row : stream.rows)
    if (keep(row)) result.rows.push_back(interner.id_of(row));
  result.distinct = interner.size();
  return result;
}

std::vector<uint32_t> uses_if_offline(const std::vector<std::string>& policies, std::span<const RowId> rows,
                                      uint64_t table_rows) {
  for (const std::string& policy : policies)
    if (find_policy(single_cache(policy, 1).caches[0].policy).offline) return next_uses(rows, table_rows);
  return {};
}

class Sampler {
 public:
  explicit Sampler(double share, uint64_t seed) : limit_(share * 0x1p64), key_(splitmix64(seed)) {}
  bool operator()(RowId row) const { return static_cast<double>(splitmix64(row ^ key_)) < limit_; }

 private:
  double limit_;
  uint64_t key_;
};

// What a cache of the sampled rows does: its misses, and by how much sampling other rows would change them.
struct SampledMisses {
  double misses = 0, squares = 0;  // sums over the rows of their misses, and of the squares of these
};

SampledMisses simulate_sample(const std::string& policy, uint64_t slots, const Compact& sample, const uint32_t* uses,
                              uint64_t seed) {
  PolicyContext context;
  context.slots = static_cast<uint32_t>(slots);
  context.table_rows = sample.distinct;
  context.seed = seed;
  const auto cache = make_policy(single_cache(policy, slots).caches[0].policy, context);
  std::vector<uint32_t> misses_of(sample.distinct);
  constexpr size_t kBlockRows = 4096;
  std::vector<Miss> misses(kBlockRows);
  for (size_t first = 0; first < sample.rows.size(); first += kBlockRows) {
    const auto block = std::span(sample.rows).subspan(first, std::min(kBlockRows, sample.rows.size() - first));
    const size_t count = cache->access(block, uses ? uses + first : nullptr, misses.data());
    for (size_t i = 0; i < count; ++i) ++misses_of[block[misses[i].at]];
  }
  cache->check();
  SampledMisses result;
  for (const double row_misses : misses_of) {
    result.misses += row_misses;
    result.squares += row_misses * row_misses;
  }
  return result;
}

void check_sampleable(const std::string& policy) {
  const PolicySpec spec = single_cache(policy, 1).caches[0].policy;
  const bool pinned_head = std::ranges::any_of(spec.parameters, [](const auto& entry) { return entry.first == "pin"; });
  if (find_policy(spec).pins || pinned_head)
    throw UsageError(fmt::format("'{}' pins rows, which a sample of the rows does not show", policy), "--policy",
                     "leave --sampled out");
}

// Which rows are in the sample is a coin toss for each, so a row of m misses adds m^2 (1 - R) / R^2 to the variance of
// the estimated misses (Horvitz and Thompson, JASA 47, 1952).
double standard_error(const SampledMisses& sample, double share, uint64_t accesses) {
  return std::sqrt(sample.squares * (1 - share)) / share / static_cast<double>(accesses);
}

void sampled_curves(const AccessStream& stream, const CurveRequest& request, Curves& curves) {
  for (const std::string& policy : request.policies) check_sampleable(policy);
  const Compact sample = compact(stream, Sampler(request.sampled, request.seed));
  curves.sampled_rows = sample.distinct;
  if (sample.distinct == 0)
    throw UsageError(fmt::format("a sample of {} has no row of this trace", request.sampled), "--sampled",
                     "sample more");
  // R as it came out: all distinct rows are known, so what chance added to the sample or left out need not mislead.
  const double share = static_cast<double>(sample.distinct) / static_cast<double>(curves.distinct_rows);
  const bool trusted = sample.distinct >= kTrustedSampleRows;
  const auto uses = uses_if_offline(request.policies, sample.rows, sample.distinct);
  // Misses over the accesses that the sample stands for, not over those it has: the adjustment of SHARDS.
  const double expected = share * static_cast<double>(curves.accesses);
  std::vector<std::function<void()>> jobs;
  for (size_t p = 0; p < request.policies.size(); ++p) {
    const std::string& policy = request.policies[p];
    CurvePoint* const points = &curves.points[p * request.capacities.size()];
    if (policy == "lru" && trusted) {
      jobs.push_back([&, points] {
        ReuseDistances distances(sample.distinct);
        distances.add(sample.rows);
        const auto hits = distances.hits_by_slots();
        const auto hits_at = [&](uint64_t slots) {
          return static_cast<double>(hits[std::min<uint64_t>(slots, sample.distinct)]);
        };
        for (size_t c = 0; c < request.capacities.size(); ++c) {
          const double slots = share * static_cast<double>(request.capacities[c]);
          const auto below = static_cast<uint64_t>(slots);
          const double part = slots - static_cast<double>(below);
          const double hit = hits_at(below) * (1 - part) + hits_at(below + 1) * part;
          points[c].miss_ratio = std::clamp((static_cast<double>(sample.rows.size()) - hit) / expected, 0.0, 1.0);
        }
      });
      continue;
    }
    for (size_t c = 0; c < request.capacities.size(); ++c)
      jobs.push_back([&, points, c] {
        const auto slots = std::clamp<uint64_t>(
            static_cast<uint64_t>(std::llround(share * static_cast<double>(request.capacities[c]))), 1,
            sample.distinct);
        const SampledMisses misses =
            simulate_sample(policy, slots, sample, uses.empty() ? nullptr : uses.data(), request.seed);
        points[c].miss_ratio = std::clamp(misses.misses / expected, 0.0, 1.0);
        if (!trusted) points[c].standard_error = standard_error(misses, share, curves.accesses);
      });
  }
  run_jobs(jobs, request.threads);
}

void exact_curves(const AccessStream& stream, uint64_t table_rows, const CurveRequest& request, Curves& curves) {
  const auto uses = uses_if_offline(request.policies, stream.rows, table_rows);
  std::vector<std::function<void()>> jobs;
  for (size_t p = 0; p < request.policies.size(); ++p) {
    const std::string& policy = request.policies[p];
    CurvePoint* const points = &curves.points[p * request.capacities.size()];
    if (policy == "lru") {
      jobs.push_back([&, points] {
        const bool sparse = table_rows > Planner::kDenseRows;
        const Compact numbered = sparse ? compact(stream, [](RowId) { return true; }) : Compact{};
        ReuseDistances distances(sparse ? numbered.distinct : table_rows);
        distances.add(sparse ? numbered.rows : stream.rows);
        const auto hits = distances.hits_by_slots();
        for (size_t c = 0; c < request.capacities.size(); ++c) {
          const uint64_t hit = hits[std::min<uint64_t>(request.capacities[c], hits.size() - 1)];
          points[c].miss_ratio = 1 - static_cast<double>(hit) / static_cast<double>(curves.accesses);
        }
      });
      continue;
    }
    for (size_t c = 0; c < request.capacities.size(); ++c)
      jobs.push_back([&, points, c] {
        Planner planner(single_cache(policy, request.capacities[c]), {table_rows, 1}, request.seed);
        planner.count_all(stream, uses.empty() ? nullptr : uses.data());
        planner.check();
        points[c].miss_ratio =
            static_cast<double>(planner.totals().levels[0].misses) / static_cast<double>(curves.accesses);
      });
  }
  run_jobs(jobs, request.threads);
}

uint64_t count_distinct(const AccessStream& stream, uint64_t table_rows) {
  std::vector<bool> seen(table_rows);
  uint64_t distinct = 0;
  for (const RowId row : stream.rows) {
    if (row >= table_rows)
      throw UsageError(fmt::format("the trace asks for row {} of a table of {}", row, table_rows), "--trace",
                       "use the number of rows that the trace was made for");
    distinct += !seen[row];
    seen[row] = true;
  }
  return distinct;
}

}  // namespace

Curves miss_ratio_curves(const AccessStream& stream, uint64_t table_rows, const CurveRequest& request) {
  if (stream.rows.empty()) throw UsageError("the trace has no access", "--trace");
  if (!(request.sampled > 0 && request.sampled <= 1))
    throw UsageError(fmt::format("'{}' is not a share above 0 and up to 1", request.sampled), "--sampled");
  for (const uint64_t capacity : request.capacities)
    if (capacity == 0 || capacity > table_rows)
      throw UsageError(fmt::format("a cache of {} rows does not suit a table of {}", capacity, table_rows),
                       "--capacities", fmt::format("name 1 to {} rows", table_rows));
  Curves curves;
  curves.accesses = stream.rows.size();
  curves.distinct_rows = count_distinct(stream, table_rows);
  curves.sampled_rows = curves.distinct_rows;
  for (const std::string& policy : request.policies)
    for (const uint64_t capacity : request.capacities) curves.points.push_back({policy, capacity, 0, {}});
  if (request.sampled < 1)
    sampled_curves(stream, request, curves);
  else
    exact_curves(stream, table_rows, request, curves);
  return curves;
}

std::vector<uint64_t> capacity_grid(const AccessStream& stream, uint64_t table_rows, uint32_t points) {
  const double last = static_cast<double>(std::max<uint64_t>(count_distinct(stream, table_rows), 1));
  const double first = std::min(16.0, last);
  std::vector<uint64_t> grid;
  for (uint32_t i = 0; i < points; ++i) {
    const double share = points == 1 ? 1 : static_cast<double>(i) / (points - 1);
    const auto capacity = static_cast<uint64_t>(std::llround(first * std::pow(last / first, share)));
    if (grid.empty() || capacity > grid.back()) grid.push_back(capacity);
  }
  return grid;
}

}  // namespace tierscope
