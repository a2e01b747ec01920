#include "sim/storage_clock.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <queue>

using namespace tierscope;

namespace {

// Reads per second with `depth` reads always in flight.
double closed_loop_iops(const StorageProfile& profile, uint32_t depth, uint64_t bytes) {
  StorageClock clock(profile, 7);
  std::priority_queue<double, std::vector<double>, std::greater<>> in_flight;
  for (uint32_t i = 0; i < depth; ++i) in_flight.push(clock.submit(0, bytes));
  double now = 0;
  constexpr int kReads = 20000;
  for (int i = 0; i < kReads; ++i) {
    now = in_flight.top();
    in_flight.pop();
    in_flight.push(clock.submit(now, bytes));
  }
  return kReads / now * 1e6;
}

}  // namespace

TEST_CASE("described storage meets both ends of its profile's depth curve", "[storage_clock]") {
  for (const std::string& name : profile_names()) {
    INFO(name);
    const StorageProfile nvme = find_profile(name).nvme;
    for (const RandomRead& read : nvme.random_reads) {
      if (read.block_bytes != 4096) continue;
      INFO("depth " << read.depth);
      const double iops = closed_loop_iops(nvme, read.depth, read.block_bytes);
      if (read.depth == 1) CHECK(iops == Approx(read.iops).epsilon(0.15));
      // The deepest point sets the channels; the link caps what they can do together.
      if (read.depth == nvme.random_reads.back().depth) CHECK(iops == Approx(read.iops).epsilon(0.2));
    }
  }
}

TEST_CASE("storage clocks are deterministic for a seed and never complete before they begin", "[storage_clock]") {
  const StorageProfile nvme = find_profile("phone-ufs4").nvme;
  StorageClock a(nvme, 3), b(nvme, 3), c(nvme, 4);
  bool differs = false;
  for (int i = 0; i < 1000; ++i) {
    const double now = i * 5.0, done = a.submit(now, 12288);
    CHECK(done > now);
    CHECK(done == b.submit(now, 12288));
    differs = differs || done != c.submit(now, 12288);
  }
  CHECK(differs);
}
