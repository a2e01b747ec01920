// `simulate --device`: a placement priced by the timing model, as the JSON that the command prints.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "experiments/command.h"
#include "runtime/placement/planner.h"
#include "runtime/placement/request_steps.h"
#include "runtime/placement/step_schedule.h"
#include "traces/token_trace.h"

namespace tierscope {

// The options that it reads, beside those of `simulate`.
std::vector<OptionInfo> timed_simulation_options();

// One element of the command's array. `table`: the shape to assume where no model is given; then nothing computes.
// `stream`: the trace's steps where requests do not arrive.
nlohmann::ordered_json timed_simulation(const Arguments& arguments, const TokenTrace& trace,
                                        const Addressing& addressing, const AccessStream& stream,
                                        const TableShape& table, const Placement& placement);

// The schedule in `path`. UsageError where it was written for another trace.
StepSchedule schedule_of(const TokenTrace& trace, const std::string& path);

}  // namespace tierscope
