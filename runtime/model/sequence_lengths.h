// Checks a batch against a model and its context, the same for every decoder. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/model/decoder.h"

namespace tierscope {

// `lengths`: positions stored, per sequence. Gives what they are after the batch. Error where a token is outside the
// vocabulary or a context is full; std::logic_error where the caller broke the batch's order or size.
std::vector<uint32_t> lengths_after(std::span<const BatchToken> batch, std::vector<uint32_t> lengths,
                                    const Hyperparameters& model, const DecoderOptions& options);

}  // namespace tierscope
