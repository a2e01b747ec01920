// Reads under faults: what is worth retrying is retried, the rest is one error that names file, offset and reason.
#include "runtime/store/row_source.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <numeric>

#include "runtime/base/error.h"
#include "runtime/store/read_planning.h"
#include "tests/support/faulty_queue.h"
#include "tests/support/id_table.h"

using namespace tierscope;
using namespace tierscope::testing;

namespace {

constexpr uint64_t kRows = 600, kRowBytes = 700, kMemoryBytes = uint64_t{4} << 20;

struct Fixture {
  Fixture(AccessMethod access, Faults faults, uint32_t depth = 128) : table(kRows, kRowBytes) {
    StoreOptions options;
    options.max_depth = depth;
    options.decorate = with_faults(std::move(faults));
    source.emplace(table.file(), access, kMemoryBytes, options);
  }

  // Reads every row by an op of its own and checks its bytes.
  void read_all(bool background) {
    std::vector<RowId> ids(kRows);
    std::iota(ids.begin(), ids.end(), 0u);
    const RangeRules rules{source->handle().alignment_bytes(), 0, 1};
    const PlannedReads planned = plan_reads(table.file(), ids, source->memory(), rules);
    ReadBatch batch;
    batch.ops = planned.ops;
    source->start(batch, background);
    source->finish(batch);
    for (const RowId id : ids) REQUIRE(is_id_row(id, planned.rows[id], kRowBytes));
  }

  IdTable table;
  std::optional<RowSource> source;
};

Faults always(int32_t error, uint64_t from_attempt = 1) {
  Faults faults;
  faults.result = [=](uint64_t, uint32_t attempt, int32_t result) { return attempt >= from_attempt ? error : result; };
  return faults;
}

}  // namespace

TEST_CASE("every access method reads the right bytes, awaited at once or behind", "[row_source]") {
  const auto access = GENERATE(AccessMethod::io_uring, AccessMethod::pread, AccessMethod::mmap);
  const bool background = GENERATE(false, true);
  Fixture fixture(access, {}, 16);
  fixture.read_all(background);
  fixture.read_all(background);
  CHECK(fixture.source->counts().rows == 2 * kRows);
}

TEST_CASE("passing refusals are retried", "[row_source]") {
  const int32_t error = GENERATE(-EAGAIN, -EINTR, -ECANCELED, -EBUSY);
  Faults faults;
  faults.result = [=](uint64_t, uint32_t attempt, int32_t result) { return attempt == 1 ? error : result; };
  Fixture fixture(AccessMethod::io_uring, faults);
  fixture.read_all(false);
  CHECK(fixture.source->counts().retries == kRows);
}

TEST_CASE("a refusal that does not pass becomes an error", "[row_source]") {
  Fixture fixture(AccessMethod::io_uring, always(-EINTR));
  CHECK_THROWS_WITH(fixture.read_all(false), Catch::Contains("Interrupted"));
}

TEST_CASE("a failed read is one error with file, offset and reason, on either thread", "[row_source]") {
  const bool background = GENERATE(false, true);
  const auto access = GENERATE(AccessMethod::io_uring, AccessMethod::pread, AccessMethod::mmap);
  Faults faults;
  faults.result = [](uint64_t offset, uint32_t, int32_t result) { return offset > 100000 ? -EIO : result; };
  Fixture fixture(access, faults, 16);
  CHECK_THROWS_WITH(fixture.read_all(background), Catch::Contains(fixture.table.file().path.string()) &&
                                                      Catch::Contains("bytes at offset") &&
                                                      Catch::Contains("Input/output error"));
}

TEST_CASE("short reads go on from where they ended", "[row_source]") {
  Faults faults;
  faults.result = [](uint64_t, uint32_t attempt, int32_t result) {
    return attempt % 2 == 1 ? (result + 1) / 2 : result;
  };
  const auto access = GENERATE(AccessMethod::io_uring, AccessMethod::pread, AccessMethod::mmap);
  Fixture fixture(access, faults);
  fixture.read_all(false);
  CHECK(fixture.source->counts().retries > 0);
}

TEST_CASE("reads that keep coming short end in an error", "[row_source]") {
  Faults faults;
  faults.result = [](uint64_t, uint32_t, int32_t result) { return std::min(result, 100); };
  Fixture fixture(AccessMethod::io_uring, faults);
  if (fixture.source->handle().alignment_bytes() > 100)
    CHECK_THROWS_WITH(fixture.read_all(false), Catch::Contains("short"));
}

TEST_CASE("a file that is truncated under the run is an error that says so", "[row_source]") {
  const auto access = GENERATE(AccessMethod::io_uring, AccessMethod::pread, AccessMethod::mmap);
#ifdef __SANITIZE_THREAD__
  // Its own handler of SIGBUS leaves the signal blocked when ours jumps out of it: the next one would kill.
  if (access == AccessMethod::mmap) return;
#endif
  Fixture fixture(access, {});
  std::filesystem::resize_file(fixture.table.file().path, 200000);
  const auto reason = access == AccessMethod::mmap ? "Input/output error" : "truncated";
  CHECK_THROWS_WITH(fixture.read_all(false), Catch::Contains(reason));
  CHECK_THROWS_WITH(fixture.source->handle().check_unchanged(), Catch::Contains("changed"));
}

TEST_CASE("a row on its own is read right, or its failure named", "[row_source]") {
  const IdTable table(kRows, kRowBytes);
  RowSource source(table.file(), AccessMethod::io_uring, kMemoryBytes, {});
  const RowId row = kRows - 1;
  const PlannedReads planned =
      plan_reads(table.file(), {&row, 1}, source.memory(), {source.handle().alignment_bytes(), 0, 65536});
  source.read_now(planned.ops);
  CHECK(is_id_row(row, planned.rows.front(), kRowBytes));
  CHECK(source.counts().reads == 1);
  std::filesystem::resize_file(table.file().path, 4096);
  CHECK_THROWS_WITH(source.read_now(planned.ops), Catch::Contains("truncated"));
}

TEST_CASE("a file that is replaced under the run is noticed", "[row_source]") {
  Fixture fixture(AccessMethod::io_uring, {});
  fixture.source->handle().check_unchanged();
  const std::filesystem::path path = fixture.table.file().path, other = path.string() + ".new";
  std::filesystem::copy_file(path, other);
  std::filesystem::rename(other, path);
  CHECK_THROWS_WITH(fixture.source->handle().check_unchanged(), Catch::Contains("replaced"));
}

TEST_CASE("a table that its file does not hold is refused", "[row_source]") {
  const IdTable table(10, 100);
  TableFile longer = table.file();
  longer.rows = 1000;
  CHECK_THROWS_WITH(RowSource(longer, AccessMethod::pread, 4096, {}), Catch::Contains("truncated"));
  longer.path += ".missing";
  CHECK_THROWS_WITH(RowSource(longer, AccessMethod::pread, 4096, {}), Catch::Contains("cannot open"));
}

TEST_CASE("a file system without O_DIRECT is read all the same, and named", "[row_source]") {
  const IdTable table(50, 700, "/dev/shm");
  RowSource source(table.file(), AccessMethod::io_uring, kMemoryBytes, {});
  if (!source.handle().direct()) CHECK_THAT(source.effective_access(), Catch::Contains("O_DIRECT refused"));
  const std::vector<RowId> ids{3, 49, 0};
  const PlannedReads planned =
      plan_reads(table.file(), ids, source.memory(), {source.handle().alignment_bytes(), 0, 65536});
  source.read_now(planned.ops);
  for (size_t i = 0; i < ids.size(); ++i) CHECK(is_id_row(ids[i], planned.rows[i], 700));
}

TEST_CASE("pages are dropped from the page cache, and that is verified", "[row_source]") {
  const IdTable table(2000, 700);
  CHECK(evict_from_page_cache(table.file()));
  const IdTable in_memory(50, 700, "/dev/shm");
  CHECK_FALSE(evict_from_page_cache(in_memory.file()));
}
