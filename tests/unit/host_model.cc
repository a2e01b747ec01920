#include "sim/host_model.h"

#include <catch2/catch.hpp>

using namespace tierscope;

namespace {

DeviceProfile device_with(std::vector<HostStep> steps) {
  DeviceProfile device;
  device.nvme.cpu_us_per_read.value = 2;
  device.ram.threads = {{1, 1e10, 0.5, 1000, ""}};
  device.host = {{3, ""}, {0.1, ""}, std::move(steps)};
  return device;
}

std::vector<HostStep> measured_steps() {
  using enum HostStep::Kind;
  return {{cached, 1, 1, 0.1, 0.2, ""},  {cached, 101, 11, 1.1, 0.2, ""}, {read, 1, 15, 2, 0.2, ""},
          {read, 101, 115, 52, 0.2, ""}, {kept, 1, 16, 2, 1.2, ""},       {kept, 101, 126, 52, 101.2, ""}};
}

}  // namespace

TEST_CASE("without measured steps the host costs a sum per step, access, read and copied row", "[host_model]") {
  const HostModel host(device_with({}), 2000, 32);
  CHECK(host.begin_us({10, 4, 3, 0}) == Approx(3 + 1 + 3 * 2));
  CHECK(host.begin_us({100, 100, 100, 0}) == Approx(3 + 10 + 32 * 2));  // the rest goes out while somebody waits
  CHECK(host.prefetch_us(40) == Approx(64));
  CHECK(host.collect_us({10, 4, 3, 0}) == 0);
  CHECK(host.retire_us({10, 4, 3, 4}) == Approx(4 * 1.0));
}

TEST_CASE("measured steps answer, between their rows on straight lines", "[host_model]") {
  const HostModel host(device_with(measured_steps()), 2000, 32);
  CHECK(host.begin_us({1, 0, 0, 0}) == Approx(1));
  CHECK(host.begin_us({51, 0, 0, 0}) == Approx(6));
  CHECK(host.begin_us({201, 0, 0, 0}) == Approx(21));  // beyond the last on its line
  CHECK(host.begin_us({51, 51, 51, 0}) == Approx(65));
  CHECK(host.collect_us({51, 51, 51, 0}) == Approx(27));
  CHECK(host.deliver_us({51, 51, 51, 0}) == Approx(0.6));
  CHECK(host.retire_us({51, 51, 51, 0}) == Approx(0.2));
  CHECK(host.retire_us({51, 51, 51, 51}) == Approx(0.2 + 51));
}

TEST_CASE("a step of both kinds costs both, its own part once", "[host_model]") {
  const HostModel host(device_with(measured_steps()), 2000, 32);
  CHECK(host.begin_us({101, 51, 51, 0}) == Approx(65 + 50 * 0.1));
  CHECK(host.begin_us({101, 51, 51, 51}) == Approx(71 + 50 * 0.1));  // its rows are kept
}
