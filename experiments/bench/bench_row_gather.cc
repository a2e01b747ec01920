// How fast rows come from the disk, by access method, and from a RAM cache. Cold: before each gather the file leaves
// the page cache, and each gather asks for other rows.
//   bench_row_gather MODEL [Google Benchmark's options]      the table of docs/measurements/store.md
//   bench_row_gather MODEL --bssplit ROWS                    what the reader would send for so many rows, for
//   compare-fio.sh
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <map>
#include <random>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/engine/model_table.h"
#include "runtime/placement/copy_rows.h"
#include "runtime/store/memory.h"
#include "runtime/store/read_planning.h"
#include "runtime/store/tier_store.h"

using namespace tierscope;

namespace {

using Clock = std::chrono::steady_clock;

std::vector<RowId> random_rows(uint64_t table_rows, size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<bool> taken(table_rows);
  std::vector<RowId> rows;
  while (rows.size() < count) {
    const auto row = static_cast<RowId>(random() % table_rows);
    if (!taken[row]) rows.push_back(row);
    taken[row] = true;
  }
  return rows;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return double(time.tv_sec) + double(time.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Runs `gather(rows)` cold, once an iteration, and reports rows/s and CPU time a row.
template <class Gather>
void measure_cold(benchmark::State& state, const TableFile& table, Gather gather) {
  const auto count = static_cast<size_t>(state.range(0));
  uint64_t seed = 1;
  double cpu = 0;
  for (auto _ : state) {
    const std::vector<RowId> rows = random_rows(table.rows, count, seed++);
    if (!evict_from_page_cache(table)) state.SkipWithError("the file cannot leave the page cache");
    const double cpu_before = cpu_seconds();
    const Clock::duration elapsed = gather(rows);
    cpu += cpu_seconds() - cpu_before;
    state.SetIterationTime(std::chrono::duration<double>(elapsed).count());
  }
  const double all = static_cast<double>(state.iterations() * count);
  state.counters["rows_per_s"] = benchmark::Counter(all, benchmark::Counter::kIsRate);
  state.counters["cpu_us_per_row"] = cpu * 1e6 / all;
}

void gather_by_store(benchmark::State& state, const TableFile& table, const std::string& text) {
  const Placement placement = parse_placement(text);
  Planner planner(placement, table.shape());
  StoreOptions options;
  options.max_step_rows = static_cast<uint32_t>(state.range(0));
  std::unique_ptr<TierStore> store;
  std::string access;
  measure_cold(state, table, [&](const std::vector<RowId>& rows) {
    if (!store) store = make_tier_store(table, placement, planner, options);
    StepPlan plan = planner.plan({rows});
    const Clock::time_point begin = Clock::now();
    auto step = store->begin(std::move(plan));
    step->await();
    const Clock::duration elapsed = Clock::now() - begin;
    store->retire(std::move(step));
    access = store->effective_access();
    // Pages that are mapped cannot be evicted before the next gather.
    if (placement.access == AccessMethod::mmap) store.reset();
    return elapsed;
  });
  state.SetLabel(access);
}

// No tiers, no queue: what a plain loop over a mapping costs, to check the mmap path against.
void gather_by_plain_mapping(benchmark::State& state, const TableFile& table, unsigned threads) {
  const int fd = ::open(table.path.c_str(), O_RDONLY | O_CLOEXEC);
  std::vector<std::byte> out(static_cast<size_t>(state.range(0)) * table.row_bytes);
  measure_cold(state, table, [&](const std::vector<RowId>& rows) {
    // A new mapping a gather: pages that are mapped cannot be evicted.
    auto* const map = static_cast<std::byte*>(::mmap(nullptr, table.end(), PROT_READ, MAP_SHARED, fd, 0));
    ::madvise(map, table.end(), MADV_RANDOM);
    const Clock::time_point begin = Clock::now();
    const auto copy = [&](size_t first) {
      for (size_t i = first; i < rows.size(); i += threads)
        std::memcpy(out.data() + i * table.row_bytes, map + table.row_offset(rows[i]), table.row_bytes);
    };
    std::vector<std::thread> helpers;
    for (unsigned t = 1; t < threads; ++t) helpers.emplace_back(copy, t);
    copy(0);
    for (std::thread& helper : helpers) helper.join();
    const Clock::duration elapsed = Clock::now() - begin;
    ::munmap(map, table.end());
    return elapsed;
  });
  ::close(fd);
}

// No queue either: one row by pread on this thread, to check the reader's single row against.
void read_row_by_pread(benchmark::State& state, const TableFile& table) {
  const TableHandle handle(table, true);
  const TierMemory memory(row_read_bytes(table, handle.alignment_bytes()));
  const RangeRules rules{handle.alignment_bytes(), 0, 65536};
  measure_cold(state, table, [&](const std::vector<RowId>& rows) {
    const Clock::time_point begin = Clock::now();
    const PlannedReads planned = plan_reads(table, rows, memory.span(), rules);
    for (const ReadOp& op : planned.ops)
      if (::pread(handle.fd(), op.to, op.bytes, static_cast<off_t>(op.offset)) < op.needed)
        state.SkipWithError("a row cannot be read");
    return Clock::now() - begin;
  });
}

constexpr uint32_t kCachedRows = 4096;

// Steps of 512 rows that all hit a RAM cache: `deliver` also copies each row out.
void hit_cached_rows(benchmark::State& state, const TableFile& table, bool deliver) {
  const Placement placement = parse_placement(fmt::format("nvme+ram:{}rows:lru", kCachedRows));
  Planner planner(placement, table.shape());
  const auto store = make_tier_store(table, placement, planner, {});
  std::vector<RowId> rows = random_rows(table.rows, kCachedRows, 7);
  const auto part = [&](size_t i) { return std::span(rows).subspan(i % 8 * 512, 512); };
  for (size_t i = 0; i < 8; ++i) store->retire(store->begin(planner.plan({part(i)})));
  std::shuffle(rows.begin(), rows.end(), std::mt19937_64(3));
  std::vector<std::byte> out(512 * table.row_bytes);
  size_t step_number = 0;
  for (auto _ : state) {
    StepPlan plan = planner.plan({part(step_number++)});
    const Clock::time_point begin = Clock::now();
    auto step = store->begin(std::move(plan));
    step->await();
    if (deliver) {
      copy_rows(*step, table.row_bytes, out);
    } else {
      for (size_t i = 0; i < 512; ++i) benchmark::DoNotOptimize(step->row(i));
    }
    benchmark::ClobberMemory();
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
    store->retire(std::move(step));
  }
  const double hits = static_cast<double>(state.iterations()) * 512;
  state.counters["ns_per_row"] =
      benchmark::Counter(hits / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  if (deliver) state.SetBytesProcessed(static_cast<int64_t>(hits) * static_cast<int64_t>(table.row_bytes));
}

// One thread's copy bandwidth over as much memory of the same kind, front to back.
void plain_copy(benchmark::State& state, const TableFile& table) {
  const TierMemory from(kCachedRows * table.row_bytes);
  std::vector<std::byte> out(512 * table.row_bytes);
  size_t at = 0;
  for (auto _ : state) {
    std::memcpy(out.data(), from.data() + at % 8 * out.size(), out.size());
    ++at;
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(out.size()));
}

// fio's options for reads like the reader's: sizes with their shares in percent, and the file's range.
void print_bssplit(const TableFile& table, size_t count) {
  const TableHandle handle(table, true);
  std::vector<std::byte> memory(count * row_read_bytes(table, handle.alignment_bytes()));
  const StoreOptions defaults;
  const PlannedReads planned = plan_reads(table, random_rows(table.rows, count, 1), memory,
                                          {handle.alignment_bytes(), defaults.coalesce_gap_bytes, 65536});
  std::map<uint32_t, size_t> sizes;
  for (const ReadOp& op : planned.ops) ++sizes[op.bytes];
  std::string split;
  size_t shown = 0;
  for (const auto& [bytes, ops] : sizes) {
    const size_t percent = (ops * 100 + planned.ops.size() / 2) / planned.ops.size();
    if (percent == 0) continue;
    shown += percent;
    split += fmt::format("{}{}/{}", split.empty() ? "" : ":", bytes, shown > 100 ? percent - (shown - 100) : percent);
  }
  const uint64_t align = handle.alignment_bytes();
  fmt::print("bssplit={}\noffset={}\nsize={}\nalign={}\nops={}\nrows={}\n", split, table.offset / align * align,
             (table.end() - table.offset) / align * align, align, planned.ops.size(), count);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw UsageError("bench_row_gather MODEL [--bssplit ROWS | Google Benchmark's options]");
  const TableFile table = model_table(GgufFile::open(argv[1]));
  if (argc == 4 && std::string_view(argv[2]) == "--bssplit") {
    print_bssplit(table, parse_unsigned(argv[3]).value_or(512));
    return 0;
  }
  const auto cold = [&](const char* name, auto function) {
    benchmark::RegisterBenchmark(name, function)->Arg(512)->Arg(4096)->UseManualTime()->Unit(benchmark::kMillisecond);
  };
  cold("plain_mmap/1_thread", [&](benchmark::State& state) { gather_by_plain_mapping(state, table, 1); });
  cold("plain_mmap/2_threads", [&](benchmark::State& state) { gather_by_plain_mapping(state, table, 2); });
  cold("mmap/2_threads", [&](benchmark::State& state) { gather_by_store(state, table, "nvme,access=mmap"); });
  cold("pread/16_threads", [&](benchmark::State& state) { gather_by_store(state, table, "nvme,access=pread"); });
  cold("io_uring", [&](benchmark::State& state) { gather_by_store(state, table, "nvme"); });
  const auto single = [&](const char* name, auto function) {
    benchmark::RegisterBenchmark(name, function)
        ->Arg(1)
        ->Iterations(100)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  };
  single("single/mmap", [&](benchmark::State& state) { gather_by_store(state, table, "nvme,access=mmap"); });
  single("single/pread_pool", [&](benchmark::State& state) { gather_by_store(state, table, "nvme,access=pread"); });
  single("single/pread_inline", [&](benchmark::State& state) { read_row_by_pread(state, table); });
  single("single/io_uring", [&](benchmark::State& state) { gather_by_store(state, table, "nvme"); });
  benchmark::RegisterBenchmark("ram_hit/lookup", [&](benchmark::State& state) {
    hit_cached_rows(state, table, false);
  })->UseManualTime();
  benchmark::RegisterBenchmark("ram_hit/delivery", [&](benchmark::State& state) {
    hit_cached_rows(state, table, true);
  })->UseManualTime();
  benchmark::RegisterBenchmark("plain_copy", [&](benchmark::State& state) { plain_copy(state, table); });
  --argc;
  std::swap(argv[0], argv[1]);
  benchmark::Initialize(&argc, argv + 1);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_row_gather: {}\n", error.what());
  return 1;
}
