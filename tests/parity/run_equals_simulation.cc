// The run does what was planned: every consumed row is the one asked for, and what completed is what the simulation
// counts, for every policy, however steps are cut and completions come.
#include <catch2/catch.hpp>

#include "runtime/compute/device_rows.h"
#include "runtime/engine/replay.h"
#include "runtime/placement/hot_set.h"
#include "runtime/placement/policy.h"
#include "sim/count.h"
#include "tests/support/faulty_queue.h"
#include "tests/support/id_table.h"
#include "tests/support/temporary_folder.h"

using namespace tierscope;
using namespace tierscope::testing;

namespace {

constexpr uint64_t kRowBytes = 44;

const IdTable& gemma_table() {
  static const IdTable table(262144, kRowBytes);
  return table;
}

// Where VRAM tiers lie in these tests; null where the machine has no device.
Device* test_device() {
  static const std::unique_ptr<Device> device = list_devices().empty() ? nullptr : open_device("opencl");
  return device.get();
}

// Accesses whose row is not what its part of the device's memory holds.
uint64_t count_wrong_on_device(Device& device, const DeviceStepRows& rows, std::span<const RowId> ids) {
  std::vector<int> found(ids.size());
  std::vector<std::byte> row(kRowBytes);
  for (const DeviceRowPart& part : rows.device_parts()) {
    for (const DeviceEvent& event : part.ready) event.wait();
    for (size_t i = 0; i < ids.size(); ++i) {
      if (part.indices[i] == DeviceRowPart::kNotHere) continue;
      device.read(*part.slots, part.indices[i] * kRowBytes, row).wait();
      found[i] += is_id_row(ids[i], row.data(), kRowBytes) ? 1 : -1;
    }
  }
  return static_cast<uint64_t>(std::ranges::count_if(found, [](int count) { return count != 1; }));
}

void check_parity(const std::string& text, const TokenTrace& trace, uint32_t chunk, const QueueDecorator& decorate,
                  const std::string& addressed = "token", const IdTable& table = gemma_table()) {
  CAPTURE(text, trace.header.name, chunk, addressed);
  const Placement placement = parse_placement(text);
  const bool on_device = top_tier(placement) == Tier::vram;
  if (on_device && test_device() == nullptr) {
    WARN("no device here: " << text << " was not run");
    return;
  }
  const auto addressing = parse_addressing(addressed);
  ReplayOptions options;
  options.chunk_tokens = chunk;
  options.store.decorate = decorate;
  if (on_device) options.store.device = test_device();
  uint64_t wrong = 0, consumed = 0;
  options.on_rows = [&](std::span<const RowId> ids, const StepRows& rows) {
    for (size_t i = 0; i < ids.size(); ++i) wrong += !is_id_row(ids[i], rows.row(i), table.file().row_bytes);
    consumed += ids.size();
    if (rows.on_device()) wrong += count_wrong_on_device(*test_device(), *rows.on_device(), ids);
  };
  const auto compute = make_no_compute();
  const RunMetrics run = replay(table.file(), placement, trace, *addressing, *compute, options);
  const TableFile units = in_units(table.file(), placement.unit);
  const AccessStream rows = make_access_stream(trace, *addressing, chunk);
  TableShape shape = units.shape();
  shape.rows_per_token = rows.rows_per_token;
  Planner planner(placement, shape);
  const CountResult simulated = count_stream(units.pages ? in_pages(rows, *units.pages) : rows, planner, shape);
  CHECK(wrong == 0);
  CHECK(run.vram.has_value() == on_device);
  CHECK(consumed == rows.rows.size());
  CHECK(run.accesses == simulated.counts.accesses);
  CHECK(run.backing.reads == simulated.counts.reads);
  CHECK(run.prefetch_reads == simulated.counts.prefetch_reads);
  CHECK(run.prefetch_used == simulated.counts.prefetch_used);
  CHECK(run.compulsory_misses == simulated.compulsory_misses);
  REQUIRE(run.levels.size() == simulated.counts.levels.size());
  for (size_t i = 0; i < run.levels.size(); ++i) {
    CHECK(run.levels[i].hits == simulated.counts.levels[i].hits);
    CHECK(run.levels[i].misses == simulated.counts.levels[i].misses);
    CHECK(run.levels[i].evictions == simulated.counts.levels[i].evictions);
  }
}

TokenTrace bundled(const std::string& name, uint64_t requests) {
  return read_trace("traces/data/" + name + ".jsonl.zst", requests);
}

// Policies whose parameters have no default need a file; they are checked where they are made.
bool runs_without_parameters(const PolicyInfo& policy) {
  return std::ranges::none_of(policy.parameters, [](const PolicyParameter& p) { return p.default_value.empty(); });
}

}  // namespace

TEST_CASE("every policy's run equals its simulation", "[run_equals_simulation]") {
  const TokenTrace chat = bundled("mt_bench", 8);
  for (const PolicyInfo& policy : policies()) {
    if (!runs_without_parameters(policy)) continue;
    for (const uint32_t chunk : {1u, 7u, 512u})
      for (const char* capacity : {"64rows", "1000rows"})
        check_parity("nvme+ram:" + std::string(capacity) + ":" + policy.name, chat, chunk, {});
    for (const char* inclusion : {"inclusive", "exclusive"})
      check_parity("nvme+ram:300rows:" + policy.name + "+vram:40rows:" + policy.name + ",inclusion=" + inclusion, chat,
                   7, {});
  }
}

TEST_CASE("a hot set's run equals its simulation", "[run_equals_simulation]") {
  const TokenTrace chat = bundled("mt_bench", 8);
  const TemporaryFolder folder;
  const std::string path = (folder / "chat.hot").string();
  const TokenTrace code = bundled("humaneval", 20);
  const AccessStream learnt_from = make_access_stream(code, *parse_addressing("token"), 512);
  write_hot_set(path, learn_hot_set(learnt_from.rows, gemma_table().file().rows));
  for (const uint32_t chunk : {1u, 7u, 512u})
    for (const char* capacity : {"64rows", "1000rows"})
      for (const char* unit : {"", ",unit=page"})
        check_parity("nvme+ram:" + std::string(capacity) + ":pin-frequency:from=" + path + unit, chat, chunk, {});
}

TEST_CASE("chunks, traces, levels, inclusion and prefetch do not change what runs", "[run_equals_simulation]") {
  const uint32_t chunk = GENERATE(1u, 7u, 512u);
  for (const char* name : {"mt_bench", "humaneval", "gsm8k_test", "mgsm"}) {
    const TokenTrace trace = bundled(name, 3);
    for (const char* placement :
         {"nvme", "ram", "nvme+ram:64rows:lru", "nvme+ram:300rows:lru+vram:40rows:fifo", "ram+vram:100rows:lru",
          "nvme+ram:300rows:lru+vram:40rows:lru,inclusion=exclusive", "nvme+ram:100rows:lru,prefetch=prompt",
          "nvme,prefetch=prompt+overlap", "nvme+ram:100rows:fifo,access=pread", "nvme+ram:100rows:fifo,access=mmap",
          "nvme+ram:200rows:s3fifo+vram:50rows:sieve,prefetch=draft:2", "nvme+vram:64rows:lru,prefetch=prompt",
          "ram+vram:100rows:pin-rank", "nvme+ram:100rows:s3fifo,prefetch=draft:4",
          "nvme+ram:64rows:sieve,prefetch=prompt+overlap+draft:2"})
      check_parity(placement, trace, chunk, {});
  }
}

TEST_CASE("a cache of pages runs as it is simulated", "[run_equals_simulation]") {
  const TokenTrace chat = bundled("mt_bench", 6);
  const uint32_t chunk = GENERATE(1u, 7u, 512u);
  for (const char* placement :
       {"nvme,unit=page", "ram,unit=page", "nvme+ram:64rows:lru,unit=page", "nvme+ram:100KiB:s3fifo,unit=page",
        "nvme+ram:300rows:lru+vram:40rows:fifo,unit=page", "nvme+ram:64rows:belady,unit=page",
        "nvme+ram:100rows:lru,prefetch=prompt+overlap,unit=page", "nvme+ram:20rows:fifo,access=mmap,unit=page",
        "nvme+ram:20rows:pin-rank,access=pread,unit=page"})
    check_parity(placement, chat, chunk, {});
}

TEST_CASE("n-gram rows run as they are simulated, by row and by page", "[run_equals_simulation]") {
  const std::string addressing = "ngram:qwen4-exp:vocab=262144:eos=1:head-rows=4000";
  static const IdTable table(parse_addressing(addressing)->table_rows(), 90);
  const TokenTrace chat = bundled("mt_bench", 4);
  const uint32_t chunk = GENERATE(1u, 7u, 512u);
  for (const char* placement :
       {"nvme", "nvme+ram:900rows:lru", "nvme+ram:900rows:s3fifo,prefetch=draft:2", "nvme,unit=page",
        "nvme+ram:100rows:lru,unit=page", "nvme+ram:200rows:wtinylfu,prefetch=prompt+overlap,unit=page"})
    check_parity(placement, chat, chunk, {}, addressing, table);
}

TEST_CASE("completions may come late, in another order, short or be refused for a moment", "[run_equals_simulation]") {
  const TokenTrace trace = bundled("humaneval", 4);
  Faults faults;
  faults.result = [random = std::mt19937_64(7)](uint64_t, uint32_t, int32_t result) mutable -> int32_t {
    switch (random() % 8) {
      case 0:
        return -EAGAIN;
      case 1:
        return -EINTR;
      case 2:
        return -ECANCELED;
      case 3:
        return (result + 1) / 2;
      default:
        return result;
    }
  };
  for (const char* placement :
       {"nvme", "nvme+ram:64rows:lru,prefetch=prompt+overlap", "nvme+ram:64rows:arc,prefetch=overlap+draft:3",
        "nvme,access=pread", "nvme+ram:300rows:lru+vram:40rows:lru,inclusion=exclusive,prefetch=prompt",
        "nvme+ram:9rows:fifo,access=mmap"})
    check_parity(placement, trace, 64, with_faults(faults));
}
