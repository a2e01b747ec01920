// Arrival traces (when requests came and how long they were, without their tokens) and how a token trace is given them.
// Source of the bundled ones: Azure LLM inference traces 2023. Errors: Error with file and line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "traces/token_trace.h"

namespace tierscope {

struct Arrival {
  double arrival_s = 0;  // since the first one
  uint32_t prompt_tokens = 0, output_tokens = 0;
};

// CSV with the columns TIMESTAMP (date and time, or seconds), ContextTokens, GeneratedTokens; times never go back.
std::vector<Arrival> read_arrivals(const std::filesystem::path& path, uint64_t most = UINT64_MAX);

struct ComposeOptions {
  double speed = 1;             // arrivals come this many times as fast
  uint32_t context_tokens = 0;  // longer requests are cut, prompts first; 0: never
};

// One request for each arrival, of exactly its lengths: whole requests of `trace` in turn, joined until they suffice,
// the last one cut. The header says so.
TokenTrace compose(const TokenTrace& trace, std::span<const Arrival> arrivals, const ComposeOptions& options);

}  // namespace tierscope
