#include "experiments/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>

#include "experiments/commands/commands.h"
#include "experiments/topics.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {
namespace {

const Command& find_command(const std::vector<std::string>& words, size_t& used) {
  for (used = std::min<size_t>(2, words.size()); used > 0; --used) {
    const std::string name = used == 2 ? words[0] + " " + words[1] : words[0];
    const auto found = std::ranges::find(commands(), name, &Command::name);
    if (found != commands().end()) return *found;
  }
  std::vector<std::string> names, second;
  for (const Command& command : commands()) {
    names.push_back(command.name);
    if (command.name.starts_with(words[0] + " ")) second.push_back(command.name.substr(words[0].size() + 1));
  }
  if (!second.empty())
    throw UsageError(words.size() > 1 ? unknown_name("command of '" + words[0] + "'", words[1], second)
                                      : fmt::format("'{}' needs one of: {}", words[0], fmt::join(second, ", ")));
  throw UsageError(unknown_name("command", words[0], names));
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    fmt::print("{}", overview_text());
    return words.empty() ? 2 : 0;
  }
  size_t used = 0;
  const Command& command = find_command(words, used);
  std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(used), words.end());
  if (std::ranges::find(rest, "--help") != rest.end() || std::ranges::find(rest, "-h") != rest.end()) {
    fmt::print("{}", help_text(command));
    return 0;
  }
  if (std::erase(rest, "--dump-config") > 0) {
    fmt::print("{}", config_text(command, parse_arguments(command, rest)));
    return 0;
  }
  const int code = command.run(parse_arguments(command, rest));
  if (std::fflush(stdout) != 0) throw Error("cannot write the result", "stdout", "check the disk or the pipe");
  return code;
}

}  // namespace

const std::vector<Command>& commands() {
  // clang-format off
  static const std::vector<Command> all{
      completion_command(),
      cpu_command(),
      devices_command(),
      help_command(),
      inspect_command(),
      learn_command(),
      mrc_command(),
      policies_command(),
      logits_command(),
      manual_command(),
      report_command(),
      run_command(),
      generate_command(),
      probe_command(),
      pack_command(),
      replay_command(),
      simulate_command(),
      tune_command(),
      synth_command(),
      synth_ngram_command(),
      tokenize_command(),
      trace_compose_command(),
      trace_convert_command(),
      trace_info_command(),
      trace_record_command(),
      trace_rows_command(),
      verify_command(),
  };
  // clang-format on
  return all;
}

std::string overview_text() {
  std::string text =
      "tierscope: what does it cost to keep per-layer embedding tables in VRAM, RAM or NVMe?\n\n"
      "usage: tierscope COMMAND [arguments]      tierscope COMMAND --help explains one\n\n";
  size_t width = 0;
  for (const Command& command : commands()) width = std::max(width, command.name.size());
  for (const Command& command : commands()) text += fmt::format("  {:<{}}  {}\n", command.name, width, command.summary);
  text += "\ntopics of tierscope help:";
  for (const Topic& topic : topics()) text += " " + topic.name;
  return text + "\n";
}

int run_program(const std::vector<std::string>& words) {
  try {
    return dispatch(words);
  } catch (const UsageError& error) {
    fmt::print(stderr, "tierscope: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "tierscope: {}\n", error.what());
    return 1;
  }
}

}  // namespace tierscope
