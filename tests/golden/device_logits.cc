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

TEST_CASE("a batch of two sequences on a device equals each alone", "[device_logits]") {
  if (list_devices().empty()) {
    WARN("no device here: batches were not computed on one");
    return;
  }
  const auto device = open_device("opencl");
  DecoderOptions options;
  options.context_tokens = 64;
  options.sequences = 2;
  for (const char* name : {"micro-f32", "gqa-f32", "tiny-q8_0"}) {
    const GoldenModel model(name);
    const std::vector<std::vector<TokenId>> sequences{model.tokens(), {model.tokens().rbegin(), model.tokens().rend()}};
    const auto decoder = make_device_decoder(model.file(), options, *device);
    std::vector<std::vector<float>> alone, together(2);
    for (const auto& tokens : sequences) {
      decoder->reset(0);
      alone.push_back(model.forward_in_chunks(*decoder, tokens, 512));
    }
    decoder->reset(0);
    for (uint32_t at = 0; at < model.tokens().size(); ++at) {
      const std::vector<float> logits =
          model.forward(*decoder, {{sequences[0][at], 0, at, true}, {sequences[1][at], 1, at, true}});
      for (size_t s = 0; s < 2; ++s)
        together[s].insert(together[s].end(), logits.begin() + static_cast<long>(s * model.vocab()),
                           logits.begin() + static_cast<long>((s + 1) * model.vocab()));
    }
    for (size_t s = 0; s < 2; ++s) {
      INFO(name << ", sequence " << s);
      CHECK(nmse(together[s], alone[s]) <= logit_bounds()[name]);
    }
  }
}
