#include "sim/storage_model.h"

#include <catch2/catch.hpp>

using namespace tierscope;

namespace {

// Bursts without chance but for what lies below the median.
StorageProfile measured_storage() {
  StorageProfile nvme;
  nvme.sequential_bytes_per_s.value = 1e9;
  const auto burst = [](uint32_t reads, double submit_us, double us) {
    return Burst{4096, reads, us, {us, us, us, us}, us + 20, submit_us, ""};
  };
  nvme.random_reads = {{4096, 1, 10000, {100, 100, 100, 100}, ""}, {4096, 8, 40000, {200, 200, 200, 200}, ""}};
  nvme.bursts = {burst(1, 10, 100), burst(9, 50, 500)};
  return nvme;
}

double mean_us(StorageModel& model, double pause_us, uint32_t reads, bool background = false) {
  LatencyHistogram latencies;
  double now = 1e6, sum = 0;
  for (int i = 0; i < 2000; ++i) {
    const double done = model.read_together(now, reads, reads * 4096, background, latencies);
    sum += i > 0 ? done - now : 0;
    now = done + pause_us;
  }
  return sum / 1999;
}

}  // namespace

TEST_CASE("bursts answer between their counts, and what sending them takes", "[storage_model]") {
  StorageModel model(measured_storage(), 32, 8, 1);
  CHECK(mean_us(model, 0, 5) == Approx(300).epsilon(0.02));
  CHECK(*model.submit_us(0, 5, 5 * 4096) == Approx(30));
  CHECK(*model.submit_us(0, 0, 0) == 0);
  StorageProfile described = measured_storage();
  described.bursts.clear();
  CHECK_FALSE(StorageModel(described, 32, 8, 1).submit_us(0, 5, 5 * 4096));
}

TEST_CASE("reads behind compute take as long as the profile says of such", "[storage_model]") {
  StorageModel waiting(measured_storage(), 32, 8, 1), behind(measured_storage(), 32, 8, 1);
  // Equal chances: the same share of 20 us more, which below the median is less.
  const double ratio = mean_us(behind, 0, 1, true) / mean_us(waiting, 0, 1);
  CHECK(ratio == Approx(1.2));
}

TEST_CASE("a thread sends what does not fit the queue: waking it costs the same, however many", "[storage_model]") {
  StorageProfile nvme = measured_storage();
  nvme.bursts[0].submit_us = 10;
  nvme.bursts[1].submit_us = 90;
  const auto burst = [&](uint32_t reads) { return Burst{4096, reads, 900, {900, 900, 900, 900}, 950, 7, ""}; };
  nvme.bursts.push_back(burst(18));
  nvme.bursts.push_back(burst(36));
  const StorageModel model(nvme, 9, 8, 1);
  CHECK(*model.submit_us(0, 9, 9 * 4096) == Approx(90));
  CHECK(*model.submit_us(0, 10, 10 * 4096) == Approx(7));
  CHECK(*model.submit_us(0, 30, 30 * 4096) == Approx(7));
  // It is the thread that then sends the read which a pause makes slower.
  nvme.idle_reads = {{100, 50, 30, ""}};
  const StorageModel slept(nvme, 9, 8, 1);
  CHECK(*slept.submit_us(100, 9, 9 * 4096) == Approx(90 + 30));
  CHECK(*slept.submit_us(100, 10, 10 * 4096) == Approx(7));
}

TEST_CASE("a pause before a burst adds what the profile says", "[storage_model]") {
  StorageProfile nvme = measured_storage();
  nvme.idle_reads = {{100, 0, 0, ""}, {300, 50, 30, ""}};
  StorageModel at_once(nvme, 32, 8, 1), later(nvme, 32, 8, 1), much_later(nvme, 32, 8, 1);
  const double busy_us = mean_us(at_once, 50, 1);
  CHECK(mean_us(later, 200, 1) - busy_us == Approx(25));
  CHECK(mean_us(much_later, 5000, 1) - busy_us == Approx(50));
  // Of it, what the sender feels.
  CHECK(*StorageModel(nvme, 32, 8, 1).submit_us(200, 1, 4096) == Approx(10 + 15));
}

TEST_CASE("described devices get more reads when a round of them is in", "[storage_model]") {
  StorageProfile nvme = measured_storage();
  nvme.bursts.clear();
  LatencyHistogram latencies;
  // Four channels of 100 us: 16 reads take four rounds, whether sent at once or eight at a time.
  StorageModel at_once(nvme, 16, 8, 1), in_rounds(nvme, 8, 8, 1);
  const double all_us = at_once.read_together(0, 16, 16 * 4096, false, latencies);
  CHECK(all_us <= 400.1);
  CHECK(in_rounds.read_together(0, 16, 16 * 4096, false, latencies) >= all_us * 0.99);
}
