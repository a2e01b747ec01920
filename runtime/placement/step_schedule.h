// The steps that a run formed, as a file: `replay` writes it and `simulate --schedule F` repeats its steps, so that
// counts agree exactly although which steps form depends on time. JSON Lines, optionally zstd: a header object
// (`tierscope_schedule: 1`, the trace's name and number of requests), then one step a line:
// ["prefill",[REQUEST,FIRST,COUNT]] or ["decode",[REQUEST,FIRST,1],...], positions from the prompt's first token on.
// Errors: Error with file and line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "runtime/placement/batch_scheduler.h"
#include "runtime/placement/request_steps.h"
#include "traces/token_trace.h"

namespace tierscope {

// How several sequences share the steps of a run, measured or predicted.
struct BatchOptions {
  uint32_t sequences = 1;
  uint64_t kv_bytes = UINT64_MAX;
  std::function<uint64_t(uint32_t tokens)> kv_bytes_of;  // what a request of so many tokens needs; null: nothing
};

// A trace's requests as the scheduler sees them; those without an arrival time are there from the start.
std::vector<BatchRequest> batch_requests(const TokenTrace& trace, const BatchOptions& options);

struct StepSchedule {
  std::string trace;  // the trace's name
  uint32_t requests = 0;
  std::vector<BatchStep> steps;  // sequences are not kept: all 0 after reading
};

StepSchedule read_schedule(const std::filesystem::path& path);
void write_schedule(const std::filesystem::path& path, const StepSchedule& schedule);

// The access stream of `trace` in the order of `steps`. Error naming `where` unless every token of every request occurs
// exactly once and in order.
AccessStream make_access_stream(const TokenTrace& trace, const Addressing& addressing,
                                const std::vector<BatchStep>& steps, const std::string& where);

}  // namespace tierscope
