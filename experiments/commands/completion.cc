#include "experiments/completion.h"

#include <fmt/format.h>

#include "experiments/commands/commands.h"
#include "experiments/registry.h"

namespace tierscope {

Command completion_command() {
  const auto run = [](const Arguments& arguments) {
    fmt::print("{}", completion_script(arguments.text("SHELL"), commands()));
    return 0;
  };
  return {"completion",
          "completion of commands and options for a shell",
          "Prints a script for bash, zsh or fish. An installed tierscope brings them along.",
          {{"SHELL", "bash, zsh or fish", true}},
          {},
          {{"source <(tierscope completion bash)", "complete in this shell"}},
          run};
}

}  // namespace tierscope
