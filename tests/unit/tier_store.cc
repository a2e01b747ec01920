// The store's own promises: what it counts, what it holds, what it leaves behind.
#include "runtime/store/tier_store.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "runtime/base/error.h"
#include "tests/support/faulty_queue.h"
#include "tests/support/id_table.h"

using namespace tierscope;
using namespace tierscope::testing;

namespace {

constexpr uint64_t kRows = 1000, kRowBytes = 300;

size_t entries(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

// The kernel's workers for a ring show as threads too, and stay for some seconds.
size_t own_threads() {
  size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    if (!name.starts_with("iou-")) ++count;
  }
  return count;
}

// A joined thread may show for a moment longer.
bool threads_become(size_t count) {
  for (int attempt = 0; attempt < 1000 && own_threads() != count; ++attempt)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return own_threads() == count;
}

std::vector<RowId> range(RowId first, size_t count) {
  std::vector<RowId> rows(count);
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

}  // namespace

TEST_CASE("nothing is left open or running, whether steps succeed or fail", "[tier_store]") {
  const IdTable table(kRows, kRowBytes);
  const auto access = GENERATE("io_uring", "pread", "mmap");
  const bool fails = GENERATE(false, true);
  const Placement placement =
      parse_placement(std::string("nvme+ram:20rows:lru,prefetch=overlap+prompt,access=") + access);
  std::thread([] {}).join();  // a sanitizer starts a thread of its own with the first
  const size_t descriptors = entries("/proc/self/fd"), threads = own_threads();
  for (int round = 0; round < 5; ++round) {
    Planner planner(placement, table.file().shape());
    StoreOptions options;
    options.max_depth = 16;
    Faults faults;
    if (fails) faults.result = [](uint64_t offset, uint32_t, int32_t result) { return offset > 50000 ? -EIO : result; };
    options.decorate = with_faults(faults);
    const auto store = make_tier_store(table.file(), placement, planner, options);
    // More reads than the depth, so that the background thread has them; the second is never awaited.
    auto first = store->begin(planner.plan({range(0, 400)}));
    auto second = store->begin(planner.plan({range(500, 400)}));
    if (fails)
      CHECK_THROWS_WITH(store->retire(std::move(first)), Catch::Contains("Input/output error"));
    else
      store->retire(std::move(first));
  }
  CHECK(entries("/proc/self/fd") == descriptors);
  CHECK(threads_become(threads));
}

TEST_CASE("after a failed read no row is handed out", "[tier_store]") {
  const IdTable table(kRows, kRowBytes);
  const Placement placement = parse_placement("nvme");
  Planner planner(placement, table.file().shape());
  StoreOptions options;
  Faults faults;
  faults.result = [](uint64_t, uint32_t, int32_t) { return -EIO; };
  options.decorate = with_faults(faults);
  const auto store = make_tier_store(table.file(), placement, planner, options);
  const auto step = store->begin(planner.plan({range(0, 4)}));
  CHECK_THROWS_AS(step->await(), Error);
  CHECK_THROWS_AS(step->await(), std::logic_error);
  CHECK_THROWS_AS(store->begin(planner.plan({range(8, 4)})), std::logic_error);
}

TEST_CASE("memory is what was announced", "[tier_store]") {
  const IdTable table(kRows, kRowBytes);
  for (const char* text :
       {"nvme", "ram", "nvme+ram:100rows:lru,prefetch=prompt", "nvme+ram:100rows:lru,prefetch=draft:2"}) {
    const Placement placement = parse_placement(text);
    const Planner planner(placement, table.file().shape());
    const auto store = make_tier_store(table.file(), placement, planner, {});
    CHECK(store->memory_bytes() == store_memory_bytes(table.file(), placement, planner, {}));
  }
}

TEST_CASE("a step larger than announced, or one too many, is a bug that is named", "[tier_store]") {
  const IdTable table(kRows, kRowBytes);
  const Placement placement = parse_placement("nvme");
  Planner planner(placement, table.file().shape());
  StoreOptions options;
  options.max_step_rows = 8;
  const auto store = make_tier_store(table.file(), placement, planner, options);
  CHECK_THROWS_AS(store->begin(planner.plan({range(0, 9)})), std::logic_error);
  const auto step = store->begin(planner.plan({range(0, 8)}));
  CHECK_THROWS_AS(store->begin(planner.plan({range(20, 8)})), std::logic_error);
}

TEST_CASE("neighbouring rows are read together, a row of a step once", "[tier_store]") {
  const IdTable table(kRows, kRowBytes);
  const Placement placement = parse_placement("nvme");
  Planner planner(placement, table.file().shape());
  const auto store = make_tier_store(table.file(), placement, planner, {});
  std::vector<RowId> rows = range(10, 20);
  const std::vector<RowId> again = rows;
  rows.insert(rows.end(), again.begin(), again.end());
  auto step = store->begin(planner.plan({rows}));
  step->await();
  for (size_t i = 0; i < rows.size(); ++i) CHECK(is_id_row(rows[i], step->row(i), kRowBytes));
  store->retire(std::move(step));
  CHECK(store->counts().rows_read == 20);
  CHECK(store->counts().device_reads == 1);
}
