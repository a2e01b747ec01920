#include "sim/block_clock.h"

#include <catch2/catch.hpp>

using namespace tierscope;

namespace {

// Two blocks of 10 million weights in 10 MB each; a device of 1 TFLOP/s and 10 GB/s: decode is bound by its bytes
// (1 ms a block), 1,000 tokens by arithmetic (20 ms a block).
ModelShape two_blocks() {
  ModelShape model;
  model.blocks.assign(2, BlockShape{10'000'000, 10'000'000, 0, 0, 0});
  model.head = {1'000'000, 1'000'000, 0, 0, 0};
  model.weight_bytes = 21'000'000;
  model.first_use_in_block = 1;
  return model;
}

ComputeProfile bound_by_bytes() {
  ComputeProfile profile;
  profile.flops_per_s.value = 1e12;
  profile.weight_bytes_per_s.value = 1e10;
  return profile;
}

MeasuredPass pass(uint32_t tokens, uint32_t context, double before, double block) {
  return {tokens, context, before, {block, block}, 50, "measured: test"};
}

}  // namespace

TEST_CASE("without a measurement, a block takes the larger of its bytes and its arithmetic", "[block_clock]") {
  const BlockClock clock(bound_by_bytes(), two_blocks());
  CHECK(clock.basis() == "derived");
  CHECK(clock.before_rows_us({1, 0, 0}) == Approx(1000));
  CHECK(clock.total_us({1, 0, 1}) == Approx(2000 + 100));
  CHECK(clock.total_us({1000, 0, 0}) == Approx(40000));
  CHECK(clock.block_ends_us({1, 0, 1}) == std::vector<double>{1000, 2000});
}

TEST_CASE("attention makes a longer context dearer, up to the window", "[block_clock]") {
  ModelShape model = two_blocks();
  for (BlockShape& block : model.blocks) block.kv_width = 1000, block.window = 512;
  const BlockClock clock(bound_by_bytes(), model);
  CHECK(clock.total_us({1, 400, 0}) > clock.total_us({1, 100, 0}));
  CHECK(clock.total_us({1, 4000, 0}) == Approx(clock.total_us({1, 600, 0})));
}

TEST_CASE("a measured model answers from its table, between its points on straight lines", "[block_clock]") {
  ComputeProfile profile = bound_by_bytes();
  MeasuredModel measured{"m", 21'000'000, 2, {}};
  measured.passes = {pass(1, 0, 100, 200), pass(1, 1000, 150, 300), pass(11, 0, 1100, 2200)};
  profile.models = {measured};
  const BlockClock clock(profile, two_blocks());
  CHECK(clock.basis() == "measured");
  CHECK(clock.before_rows_us({1, 0, 1}) == Approx(100));
  CHECK(clock.total_us({1, 0, 1}) == Approx(400 + 50));
  CHECK(clock.total_us({1, 500, 0}) == Approx(500));
  CHECK(clock.total_us({1, 2000, 0}) == Approx(800));  // on along the line
  CHECK(clock.total_us({6, 0, 0}) == Approx(2400));
  CHECK(clock.total_us({21, 0, 0}) == Approx(8400));
  CHECK(clock.total_us({6, 0, 1}) == Approx(2400 + 50));
  CHECK(clock.total_us({6, 0, 6}) == Approx(2400 + 50 * 2400 / 400.0));  // a batch: the head as the blocks
  CHECK(clock.block_ends_us({1, 500, 0}).back() == Approx(500));

  ModelShape other = two_blocks();
  other.weight_bytes = 1;
  CHECK(BlockClock(profile, other).basis() == "derived");
}
