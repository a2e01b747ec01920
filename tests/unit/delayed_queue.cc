#include "runtime/store/delayed_queue.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <numeric>

#include "runtime/store/read_planning.h"
#include "runtime/store/row_source.h"
#include "tests/support/id_table.h"

using namespace tierscope;
using namespace tierscope::testing;

TEST_CASE("an emulated device delivers the right rows, no sooner than its clock says", "[delayed_queue]") {
  const IdTable table(100, 700);
  StoreOptions options;
  // One read at a time, half a millisecond each.
  options.decorate = emulate_storage(
      [free_us = 0.0](double now_us, uint64_t) mutable { return free_us = std::max(free_us, now_us) + 500; });
  RowSource source(table.file(), GENERATE(AccessMethod::io_uring, AccessMethod::pread), 1 << 20, options);
  std::vector<RowId> ids(40);
  std::iota(ids.begin(), ids.end(), 0u);
  const PlannedReads planned =
      plan_reads(table.file(), ids, source.memory(), {source.handle().alignment_bytes(), 0, 1});
  const auto begin = std::chrono::steady_clock::now();
  source.read_now(planned.ops);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  CHECK(elapsed.count() >= 0.020);
  for (const RowId id : ids) CHECK(is_id_row(id, planned.rows[id], 700));
  CHECK(source.counts().latency.percentile_us(0.5).value() >= 500);
  CHECK_THAT(source.effective_access(), Catch::Contains("emulated"));
}
