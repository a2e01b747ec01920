// Carries out a plan: each repeat of each cell in a process of its own, repeats interleaved and shuffled so that a slow
// minute of the machine does not fall on one cell; every finished one is on disk before the next starts.
// Errors: Error where the folder or a file of the plan cannot be used. Not thread-safe; one runner a folder.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "experiments/plan.h"

namespace tierscope {

struct RunOptions {
  std::filesystem::path folder;
  bool resume = false;  // else the folder may not hold results
  bool quiet = false;
  Shard shard;
  std::string command;  // of the run itself, for the manifest
};

struct RunOutcome {
  size_t done = 0;     // now
  size_t failed = 0;   // of these
  size_t earlier = 0;  // were there already
  bool stopped = false;
};

// A failed cell is recorded and does not end the run; `stop` does, without recording the cell it interrupts.
RunOutcome run_plan(const Plan& plan, const RunOptions& options, const std::atomic<bool>& stop);

}  // namespace tierscope
