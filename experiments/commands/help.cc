#include <fmt/format.h>

#include <algorithm>

#include "experiments/commands/commands.h"
#include "experiments/registry.h"
#include "experiments/topics.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {
namespace {

int run(const Arguments& arguments) {
  const std::string wanted = fmt::format("{}", fmt::join(arguments.all("TOPIC"), " "));
  if (wanted.empty()) {
    fmt::print("{}", overview_text());
    return 0;
  }
  const auto topic = std::ranges::find(topics(), wanted, &Topic::name);
  const auto command = std::ranges::find(commands(), wanted, &Command::name);
  if (topic != topics().end())
    fmt::print("{}", topic->text);
  else if (command != commands().end())
    fmt::print("{}", help_text(*command));
  else {
    std::vector<std::string> names;
    for (const Topic& known : topics()) names.push_back(known.name);
    for (const Command& known : commands()) names.push_back(known.name);
    throw UsageError(unknown_name("topic", wanted, names));
  }
  return 0;
}

}  // namespace

Command help_command() {
  std::string description = "Explains a command, or one of these topics:\n";
  for (const Topic& topic : topics()) description += fmt::format("  {:<14} {}\n", topic.name, topic.title);
  description.pop_back();
  return {"help",      "explain a command or a topic",
          description, {{"TOPIC", "a topic's or a command's name", false, true}},
          {},          {{"tierscope help placement", "the language of placements, with pictures"}},
          run};
}

}  // namespace tierscope
