#include <catch2/catch.hpp>

#include "runtime/base/error.h"
#include "runtime/store/device_tier.h"
#include "runtime/store/tier_store.h"
#include "tests/support/id_table.h"

using namespace tierscope;
using namespace tierscope::testing;

TEST_CASE("a VRAM tier without a device is refused before anything is read", "[device_tier]") {
  const IdTable table(100, 48);
  for (const char* text : {"vram", "nvme+vram:10rows:lru"}) {
    const Placement placement = parse_placement(text);
    const Planner planner(placement, table.file().shape());
    CHECK_THROWS_WITH(make_tier_store(table.file(), placement, planner, {}), Catch::Contains("--backend opencl"));
  }
}

TEST_CASE("a whole table in device memory is the table, and takes none of the host's", "[device_tier]") {
  if (list_devices().empty()) {
    WARN("no device here: the VRAM tier was not tested");
    return;
  }
  const auto device = open_device("opencl");
  const uint64_t row_bytes = 4096;
  const IdTable table(3000, row_bytes);
  const Placement placement = parse_placement("vram");
  Planner planner(placement, table.file().shape());
  StoreOptions options;
  options.device = device.get();
  const auto store = make_tier_store(table.file(), placement, planner, options);
  CHECK(store->preloaded().rows == 3000);
  CHECK(store_memory_bytes(table.file(), placement, planner, options) < 3000 * row_bytes / 2);
  const std::vector<RowId> rows{2999, 0, 1234, 0};
  auto step = store->begin(planner.plan({rows}));
  step->await();
  for (size_t i = 0; i < rows.size(); ++i) CHECK(is_id_row(rows[i], step->row(i), row_bytes));
  const auto parts = step->on_device()->device_parts();
  REQUIRE(parts.size() == 1);
  CHECK(parts[0].indices == std::vector<uint32_t>{2999, 0, 1234, 0});
  store->retire(std::move(step));
  CHECK(store->counts().rows_read == 3);
  CHECK(store->counts().device_copies == 0);
}

TEST_CASE("slots beyond one allocation are split, and rows stay where they were put", "[device_tier]") {
  if (list_devices().empty()) {
    WARN("no device here: the VRAM tier was not tested");
    return;
  }
  DeviceLimits limits;
  limits.largest_allocation_bytes = 100;
  const auto device = open_device("opencl", limits);
  DeviceSlots slots(*device, 7, 48, "a test");
  CHECK(slots.buffer_count() == 4);
  std::vector<std::byte> rows(7 * 48), row(48);
  for (uint64_t id = 0; id < 7; ++id) write_id_row(id, &rows[id * 48], 48);
  for (const DeviceEvent& event : slots.write(0, rows)) event.wait();
  slots.copy_from(slots, 6, 1);
  for (uint64_t slot = 0; slot < 7; ++slot) {
    slots.read(slot, row.data());
    CHECK(is_id_row(slot == 1 ? 6 : slot, row.data(), 48));
  }
}
