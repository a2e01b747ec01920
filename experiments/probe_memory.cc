#include <fmt/format.h>
#include <hwloc.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "experiments/probe.h"
#include "runtime/base/random.h"
#include "runtime/compute/thread_pool.h"
#include "runtime/store/memory.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kBufferBytes = uint64_t{512} << 20;  // far beyond any cache
constexpr uint64_t kPieceBytes = uint64_t{1} << 20;
constexpr uint32_t kRowsPerRound = 4096;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The best of several rounds: what disturbs a copy only ever slows it.
template <class Round>
double best_seconds(double budget_s, Round&& round) {
  double best = 1e9;
  const Clock::time_point begin = Clock::now();
  do {
    const Clock::time_point start = Clock::now();
    round();
    best = std::min(best, seconds_since(start));
  } while (seconds_since(begin) < budget_s);
  return best;
}

RamThreads copies(unsigned threads, uint32_t row_bytes, const TierMemory& from, const TierMemory& to,
                  const ProbeOptions& options) {
  ThreadPool pool(threads);
  const double copy_s = best_seconds(options.seconds_per_point * 3, [&] {
    pool.split(kBufferBytes / kPieceBytes, 1, [&](size_t first, size_t last, unsigned) {
      std::memcpy(to.data() + first * kPieceBytes, from.data() + first * kPieceBytes, (last - first) * kPieceBytes);
    });
  });
  Random random(options.seed);
  std::vector<uint32_t> places(kRowsPerRound), slots(kRowsPerRound);
  const auto rows = static_cast<uint32_t>(kBufferBytes / row_bytes);
  std::vector<double> samples;
  const Clock::time_point begin = Clock::now();
  // The mean, not the best: rows come in no order that a machine could learn.
  double row_s = 0;
  uint64_t rounds = 0;
  do {
    for (uint32_t i = 0; i < kRowsPerRound; ++i) places[i] = random.below(rows), slots[i] = random.below(rows);
    const Clock::time_point start = Clock::now();
    pool.split(kRowsPerRound, 1, [&](size_t first, size_t last, unsigned) {
      for (size_t i = first; i < last; ++i)
        std::memcpy(to.data() + uint64_t{slots[i]} * row_bytes, from.data() + uint64_t{places[i]} * row_bytes,
                    row_bytes);
    });
    row_s += seconds_since(start);
    ++rounds;
  } while (seconds_since(begin) < options.seconds_per_point * 3);
  return {threads, static_cast<double>(kBufferBytes) / copy_s,
          row_s / static_cast<double>(rounds * kRowsPerRound) * 1e6, row_bytes,
          fmt::format("measured: tierscope probe, {} threads, {} rows", threads, rounds * kRowsPerRound)};
}

uint32_t numa_nodes() {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return 1;
  const int nodes = hwloc_topology_load(topology) == 0 ? hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE) : 1;
  hwloc_topology_destroy(topology);
  return static_cast<uint32_t>(std::max(1, nodes));
}

double memory_bytes() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace

RamProfile probe_ram(uint32_t row_bytes, const ProbeOptions& options) {
  RamProfile ram;
  ram.capacity_bytes = {memory_bytes(), "measured: tierscope probe, as the kernel reports"};
  ram.numa_nodes = numa_nodes();
  const TierMemory from(kBufferBytes), to(kBufferBytes);
  for (unsigned threads = 1; threads <= options.threads; threads *= 2) {
    if (options.on_progress) options.on_progress(fmt::format("memory, {} threads", threads));
    ram.threads.push_back(copies(threads, row_bytes, from, to, options));
  }
  return ram;
}

ComputeRates probe_compute(const ProbeOptions& options) {
  if (options.on_progress) options.on_progress("reading memory");
  ThreadPool pool(options.threads);
  const TierMemory memory(kBufferBytes);
  const auto* words = reinterpret_cast<const uint64_t*>(memory.data());
  std::atomic<uint64_t> sink = 0;
  const double read_s = best_seconds(options.seconds_per_point * 3, [&] {
    pool.split(kBufferBytes / sizeof(uint64_t), 4096, [&](size_t first, size_t last, unsigned) {
      uint64_t sum = 0;
      for (size_t i = first; i < last; ++i) sum += words[i];
      sink += sum;
    });
  });
  // Independent multiply-adds in registers: what the compiler makes of them for the baseline machine.
  constexpr uint64_t kLanes = 64, kRounds = 200'000;
  const double arithmetic_s = best_seconds(options.seconds_per_point, [&] {
    pool.run([&](unsigned worker) {
      std::array<float, kLanes> sums{};
      const float factor = 1.0f / static_cast<float>(worker + 2);
      for (uint64_t round = 0; round < kRounds; ++round)
        for (float& sum : sums) sum = sum * factor + 1.0f;
      sink += static_cast<uint64_t>(sums[worker % kLanes]);
    });
  });
  return {static_cast<double>(kBufferBytes) / read_s, 2.0 * kLanes * kRounds * options.threads / arithmetic_s};
}

}  // namespace tierscope
