// `--max-batch`, `--kv-budget` and arrivals of a command: whether sequences share steps, and how. Errors: UsageError.
#pragma once

#include <functional>

#include "experiments/command.h"
#include "runtime/model/decoder.h"
#include "runtime/placement/step_schedule.h"

namespace tierscope {

namespace options {
OptionInfo max_batch();
OptionInfo kv_budget();
}  // namespace options

uint32_t max_batch(const Arguments& arguments);
// Where requests arrive, or an option of batches is given.
bool in_batches(const Arguments& arguments, const TokenTrace& trace);
// `kv_bytes_of`: what a sequence of so many tokens keeps where the decoder is; asked only where there is a budget.
BatchOptions batch_options(const Arguments& arguments, std::function<uint64_t(uint32_t tokens)> kv_bytes_of);

}  // namespace tierscope
