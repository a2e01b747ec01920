#include <fmt/format.h>

#include <atomic>
#include <csignal>

#include "experiments/child_process.h"
#include "experiments/commands/commands.h"
#include "experiments/plan.h"
#include "experiments/plan_config.h"
#include "experiments/runner.h"
#include "runtime/base/error.h"

namespace tierscope {
namespace {

std::atomic<bool> stop_requested{false};

// While it lives, Ctrl-C and SIGTERM ask the runner to stop rather than end the process.
class StopOnSignal {
 public:
  StopOnSignal() {
    struct sigaction action {};
    action.sa_handler = [](int) { stop_requested = true; };
    ::sigaction(SIGINT, &action, &interrupt_);
    ::sigaction(SIGTERM, &action, &terminate_);
  }
  ~StopOnSignal() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGTERM, &terminate_, nullptr);
  }
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

 private:
  struct sigaction interrupt_ {
  }, terminate_{};
};

std::string own_command(const Arguments& arguments) {
  std::vector<std::string> words{"run", arguments.text("PLAN"), "--out", arguments.text("out")};
  if (arguments.has("shard")) words.insert(words.end(), {"--shard", arguments.text("shard")});
  return command_text(words);
}

int run(const Arguments& arguments) {
  const Plan plan = Plan::read(arguments.text("PLAN"));
  RunOptions options;
  options.folder = arguments.text("out");
  options.resume = arguments.flag("resume");
  options.quiet = arguments.flag("quiet");
  if (arguments.has("shard")) options.shard = parse_shard(arguments.text("shard"));
  options.command = own_command(arguments);
  if (arguments.flag("dry-run")) {
    for (const PlannedCell& cell : cells_of(expand(plan), options.shard))
      fmt::print("{} x {}\n", cell.repeats, command_text(cell.words));
    return 0;
  }
  const StopOnSignal handler;
  const RunOutcome outcome = run_plan(plan, options, stop_requested);
  const std::string again = command_text({"run", arguments.text("PLAN"), "--out", arguments.text("out"), "--resume"});
  if (outcome.stopped)
    throw Error(fmt::format("stopped after {} cells", outcome.done), options.folder.string(), again + " continues");
  fmt::print("{}\n", (options.folder / "results.jsonl").string());
  if (outcome.failed > 0)
    throw Error(fmt::format("{} of {} cells failed", outcome.failed, outcome.done), options.folder.string(),
                "their lines in results.jsonl say why; " + again + " tries them again");
  return 0;
}

}  // namespace

Command run_command() {
  return {
      "run",
      "an experiment: models x traces x placements x devices, measured and/or simulated",
      "Runs each repeat of each cell of the plan in a process of its own, in shuffled order, and appends it to\n"
      "DIR/results.jsonl as it completes. DIR/manifest.json says where and from what. Ctrl-C or a crash loses\n"
      "nothing that was finished: --resume goes on. Every key of a plan: experiments/plans/default.toml.",
      {{"PLAN", "the plan (TOML)"}},
      {{"out", "DIR", "folder of the results", "", false, 0},
       {"resume", "", "go on in a folder that holds results; failed cells run again", "", false, 0},
       {"shard", "K/N", "only every N-th cell, beginning with the K-th; each shard needs its own DIR", "", false, 0},
       {"dry-run", "", "print the commands and run nothing", "", false, 0},
       options::quiet()},
      {{"tierscope run experiments/plans/demo.toml --out out/demo", "all cells of the demo"},
       {"tierscope run plan.toml --out out/2 --shard 2/8", "the second of eight machines; report merges them"}},
      run,
      [](const Arguments& arguments) { return plan_config(arguments.text("PLAN")); }};
}

}  // namespace tierscope
