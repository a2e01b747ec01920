// All commands of the program, in the order of its help.
#pragma once

#include <vector>

#include "experiments/command.h"

namespace tierscope {

const std::vector<Command>& commands();
std::string overview_text();
// Finds the command that `words` begin with, parses the rest, runs it. Prints an error as one line; gives the exit
// code.
int run_program(const std::vector<std::string>& words);

}  // namespace tierscope
