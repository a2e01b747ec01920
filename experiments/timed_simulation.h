// `simulate --device`: a placement priced by the timing model, as the JSON that the command prints.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "experiments/command.h"
#include "runtime/placement/planner.h"
#include "runtime/placement/request_steps.h"
#include "traces/token_trace.h"

namespace tierscope {

// The options that it reads, beside those of `simulate`.
std::vector<OptionInfo> timed_simulation_options();

// One element of the command's array. `table`: the shape to assume where no model is given; then nothing computes.
nlohmann::ordered_json timed_simulation(const Arguments& arguments, const TokenTrace& trace, const AccessStream& stream,
                                        const TableShape& table, const Placement& placement);

}  // namespace tierscope
