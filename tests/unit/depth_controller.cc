#include "runtime/store/depth_controller.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace tierscope;

namespace {

// Where the controller ends up on a device whose rate grows with depth until `knee`.
uint32_t settle(uint32_t max_depth, double knee) {
  DepthController controller(max_depth);
  for (int i = 0; i < 10; ++i) {
    const double rate = std::min<double>(controller.depth(), knee);
    controller.add(512, static_cast<uint64_t>(512 * 1e6 / rate));
  }
  return controller.depth();
}

}  // namespace

TEST_CASE("depth climbs while it pays and no further", "[depth_controller]") {
  CHECK(settle(128, 1000) == 128);
  CHECK(settle(128, 64) == 64);
  CHECK(settle(128, 8) == 64);
  CHECK(settle(20, 1000) == 20);
}
