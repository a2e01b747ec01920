// What a device may do to a run: have too little memory, refuse a kernel, vanish. Each ends in one error that says
// which.
#include <catch2/catch.hpp>
#include <fstream>

#include "runtime/compute/kernel_sources.h"
#include "runtime/engine/model_table.h"
#include "runtime/engine/placed_decoder.h"
#include "runtime/model/device_decoder.h"
#include "tests/support/device_proxy.h"
#include "tests/support/golden_model.h"

using namespace tierscope;
using namespace tierscope::testing;

namespace {

bool no_device() {
  if (!list_devices().empty()) return false;
  WARN("no device here: its faults were not tested");
  return true;
}

DecoderOptions small_decoder() {
  DecoderOptions options;
  options.context_tokens = 64;
  options.max_batch_tokens = 16;
  return options;
}

// Sixteen tokens of a golden model under a placement, through a device.
std::vector<float> logits_of_sixteen(const GoldenModel& model, Device& device, const std::string& placement) {
  const auto decoder = make_device_decoder(model.file(), small_decoder(), device);
  StoreOptions store;
  store.max_step_rows = 8;
  store.device = &device;
  PlacedDecoder placed(*decoder, model_table(model.file()), parse_placement(placement), store, 1);
  std::vector<float> logits(decoder->hyperparameters().vocab);
  for (uint32_t first = 0; first < 16; first += 8) {
    std::vector<BatchToken> batch;
    for (uint32_t i = first; i < first + 8; ++i)
      batch.push_back({model.tokens()[i % model.tokens().size()], 0, i, i == 15});
    placed.forward(batch, logits.data());
  }
  return logits;
}

}  // namespace

TEST_CASE("what exceeds a device's memory is refused before a weight is read, with the sums", "[device_faults]") {
  if (no_device()) return;
  const GoldenModel model("micro-f32");
  const auto memory = device_decoder_memory(model.file(), small_decoder());
  DeviceLimits limits;
  limits.memory_bytes = memory.weight_bytes + memory.kv_bytes / 2;
  const auto device = open_device("opencl", limits);
  CHECK_THROWS_WITH(make_device_decoder(model.file(), small_decoder(), *device),
                    Catch::Contains("weights") && Catch::Contains("KV cache") && Catch::Contains("are free"));
  CHECK(device->allocated_bytes() == 0);
}

TEST_CASE("the memory known beforehand is what a decoder allocates", "[device_faults]") {
  if (no_device()) return;
  for (const char* name : {"micro-f32", "tiny-q4_k"}) {
    const GoldenModel model(name);
    const auto device = open_device("opencl");
    const auto memory = device_decoder_memory(model.file(), small_decoder());
    const auto decoder = make_device_decoder(model.file(), small_decoder(), *device);
    const uint64_t known = memory.weight_bytes + memory.kv_bytes + memory.scratch_bytes;
    CHECK(double(device->allocated_bytes()) == Approx(double(known)).epsilon(0.05));
  }
}

TEST_CASE("a matrix beyond the largest allocation is refused by its name", "[device_faults]") {
  if (no_device()) return;
  const GoldenModel model("micro-f32");
  DeviceLimits limits;
  limits.largest_allocation_bytes = 4096;
  const auto device = open_device("opencl", limits);
  CHECK_THROWS_WITH(make_device_decoder(model.file(), small_decoder(), *device),
                    Catch::Contains("weight") && Catch::Contains("largest allocation of 4.10 kB"));
}

TEST_CASE("a table beyond the largest allocation is split, and logits keep their bits", "[device_faults]") {
  if (no_device()) return;
  const GoldenModel model("micro-f32");
  const auto whole = open_device("opencl");
  const std::vector<float> expected = logits_of_sixteen(model, *whole, "vram");
  uint64_t largest = 0;
  for (const GgufTensor& tensor : model.file().tensors())
    if (tensor.name != "per_layer_token_embd.weight") largest = std::max(largest, tensor.bytes);
  DeviceLimits limits;
  limits.largest_allocation_bytes = std::max<uint64_t>(largest, 64 * model_table(model.file()).row_bytes);
  const uint64_t table_bytes = model_table(model.file()).rows * model_table(model.file()).row_bytes;
  REQUIRE(limits.largest_allocation_bytes < table_bytes);
  const auto small = open_device("opencl", limits);
  CHECK(logits_of_sixteen(model, *small, "vram") == expected);
  CHECK(logits_of_sixteen(model, *small, "nvme+vram:20rows:lru") == expected);
}

TEST_CASE("kernels that do not build are one error with the compiler's words", "[device_faults]") {
  if (no_device()) return;
  DeviceLimits limits;
  limits.kernel_options = "-Dget_group_id=no_such_function";
  const auto device = open_device("opencl", limits);
  const auto buffer = device->allocate(64, "a test");
  try {
    device->launch("softcap", std::nullopt, {1, 1, 1}, {buffer.get(), 1u, 1.0f});
    FAIL("it built");
  } catch (const Error& error) {
    const std::string text = error.what();
    INFO(text);
    CHECK(text.find("no_such_function") != std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
  }
}

TEST_CASE("a device lost at any operation ends the run in its error and nothing else", "[device_faults]") {
  if (no_device()) return;
  const GoldenModel model("micro-f32");
  for (const char* placement : {"vram", "ram+vram:8rows:lru", "nvme+ram:12rows:lru+vram:8rows:lru,prefetch=overlap"}) {
    CAPTURE(placement);
    const auto real = open_device("opencl");
    DeviceProxy counted(*real);
    logits_of_sixteen(model, counted, placement);
    REQUIRE(counted.operations > 100);
    // Some places in the load, many in the two passes, the last ones included.
    for (uint64_t share = 0; share < 24; ++share) {
      DeviceProxy lost(*real);
      lost.lost_after = share == 23 ? counted.operations - 2 : counted.operations * share / 23;
      CHECK_THROWS_WITH(logits_of_sixteen(model, lost, placement), Catch::Contains("the device is lost"));
    }
    // The real device is as good as before.
    CHECK_NOTHROW(logits_of_sixteen(model, *real, placement));
  }
}

TEST_CASE("no kernel computes in half precision, so that a device need not", "[device_faults]") {
  std::vector<std::optional<DType>> types{std::nullopt};
  for (const DTypeInfo& info : dtypes()) types.emplace_back(info.type);
  for (const auto& type : types) {
    std::string source = kernel_source(KernelDialect::opencl, type);
    CHECK(source.find("cl_khr_fp16") == std::string::npos);
    // OpenCL C 1.2 lets every device read halves through vload_half, which takes a pointer; anything else needs fp16.
    for (size_t at = 0; (at = source.find("half", at)) != std::string::npos; at += 4) {
      const std::string around = source.substr(at >= 6 ? at - 6 : 0, 30);
      INFO(around);
      CHECK((source.compare(at, 5, "half_") == 0 || source.compare(at, 5, "half*") == 0 ||
             source.compare(at >= 6 ? at - 6 : 0, 10, "vload_half") == 0));
    }
  }
}

TEST_CASE("copies beside kernels are counted by the device's clock", "[device_faults]") {
  if (no_device()) return;
  const auto device = open_device("opencl");
  const auto buffer = device->allocate(1 << 20, "a test");
  const std::vector<std::byte> host(1 << 20);
  CHECK(device->seconds_beside_kernels({}) == 0);
  // No kernel ran: nothing is hidden.
  const std::vector<DeviceEvent> alone{device->write(*buffer, 0, host)};
  CHECK(device->seconds_beside_kernels(alone) == 0);
  const auto x = device->allocate(1 << 20, "a test");
  for (int i = 0; i < 50; ++i) device->launch("scale", std::nullopt, {1024, 4, 64}, {x.get(), 65536u, 0.5f});
  device->flush();
  std::vector<DeviceEvent> copies;
  for (int i = 0; i < 20; ++i) copies.push_back(device->write(*buffer, 0, host));
  device->finish();
  double all = 0;
  for (const DeviceEvent& copy : copies) all += copy.seconds();
  const double hidden = device->seconds_beside_kernels(copies);
  CHECK(hidden >= 0);
  CHECK(hidden <= all * 1.0001);
}
