// Completion scripts for shells, made from the commands' descriptions. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "experiments/command.h"

namespace tierscope {

// `shell`: bash, zsh or fish; UsageError with the nearest name.
std::string completion_script(std::string_view shell, const std::vector<Command>& commands);

}  // namespace tierscope
