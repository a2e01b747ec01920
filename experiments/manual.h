// Manual pages (roff, section 1), made from the commands' descriptions. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "experiments/command.h"

namespace tierscope {

// File names and contents: tierscope.1 about the program and its topics, tierscope-COMMAND.1 about each command.
std::vector<std::pair<std::string, std::string>> manual_pages(const std::vector<Command>& commands);

}  // namespace tierscope
