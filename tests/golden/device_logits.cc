// The decoder on a device beside the exact logits. With PoCL that is the host's own memory, but the same kernels.
#include <catch2/catch.hpp>

#include "runtime/model/device_decoder.h"
#include "tests/support/golden_model.h"

using namespace tierscope;

TEST_CASE("every golden model keeps its bound on a device, whatever the chunk", "[device_logits]") {
  if (list_devices().empty()) {
    WARN("no device here: golden logits were not computed on one");
    return;
  }
  const auto device = open_device("opencl");
  DecoderOptions options;
  options.context_tokens = 64;
  options.sequences = 2;
  for (const auto& [name, bound] : logit_bounds()) {
    const GoldenModel model(name);
    const std::vector<float> exact = model.exact_logits();
    const auto decoder = make_device_decoder(model.file(), options, *device);
    for (const uint32_t chunk : {1U, 7U, 512U}) {
      INFO(name << ", chunk " << chunk);
      decoder->reset(0);
      const std::vector<float> logits = model.forward_in_chunks(*decoder, model.tokens(), chunk);
      CHECK(nmse(logits, exact) <= bound);
      if (chunk != 7) continue;
      decoder->reset(0);
      CHECK(model.forward_in_chunks(*decoder, model.tokens(), chunk) == logits);
    }
  }
}
