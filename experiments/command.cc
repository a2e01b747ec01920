#include "experiments/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cctype>
#include <cstdlib>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/compute/cpu.h"

namespace tierscope {
namespace po = boost::program_options;

bool Arguments::has(std::string_view name) const {
  return values_.find(name) != values_.end();
}

std::string Arguments::text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw UsageError(fmt::format("--{} is missing", name), "", "see --help");
  return found->second.front();
}

std::string Arguments::text_or(std::string_view name, std::string fallback) const {
  return has(name) ? text(name) : std::move(fallback);
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

uint64_t Arguments::number(std::string_view name) const {
  const auto value = parse_unsigned(text(name));
  if (!value) throw UsageError(fmt::format("'{}' is not a whole number", text(name)), fmt::format("--{}", name));
  return *value;
}

double Arguments::real(std::string_view name) const {
  const auto value = parse_double(text(name));
  if (!value) throw UsageError(fmt::format("'{}' is not a number", text(name)), fmt::format("--{}", name));
  return *value;
}

uint64_t Arguments::bytes(std::string_view name) const {
  const auto value = parse_bytes(text(name));
  if (!value) throw UsageError(fmt::format("'{}' is not a size; write 64MiB", text(name)), fmt::format("--{}", name));
  return *value;
}

std::optional<uint64_t> Arguments::number_if(std::string_view name) const {
  return has(name) ? std::optional(number(name)) : std::nullopt;
}

std::optional<uint64_t> Arguments::bytes_if(std::string_view name) const {
  return has(name) ? std::optional(bytes(name)) : std::nullopt;
}

std::string Arguments::origin(std::string_view name) const {
  const auto found = origins_.find(name);
  return found == origins_.end() ? "" : found->second;
}

void Arguments::set(const std::string& name, std::string value, std::string origin) {
  values_[name].push_back(std::move(value));
  origins_[name] = std::move(origin);
}

namespace options {
OptionInfo json() {
  return {"json", "", "print one JSON value and nothing else", "", false, 0};
}
OptionInfo quiet() {
  return {"quiet", "", "no progress on stderr", "", false, 'q'};
}
OptionInfo threads() {
  return {"threads", "N", "threads that compute and read (default: the machine's cores)", "", false, 0};
}
OptionInfo chunk() {
  return {"chunk", "N", "tokens of a prefill step", "512", false, 0};
}
OptionInfo backend() {
  return {"backend", "B",   "what computes and holds vram tiers: host, or opencl[:N] (see: tierscope devices)",
          "host",    false, 0};
}
OptionInfo context() {
  return {"ctx", "N", "tokens a sequence may hold (default: as many as are needed)", "", false, 0};
}
OptionInfo requests() {
  return {"requests", "N", "only the first N requests of the trace", "", false, 0};
}
OptionInfo trace() {
  return {"trace", "FILE", "token trace (JSON Lines, optionally zstd)", "", false, 0};
}
OptionInfo placement() {
  return {"placement", "P",  "where the table lives, e.g. nvme+ram:64MiB:s3fifo (see: tierscope help placement)",
          "",          true, 0};
}
OptionInfo seed() {
  return {"seed", "N", "seed of everything random", "1", false, 0};
}
}  // namespace options

unsigned thread_count(const Arguments& arguments) {
  constexpr uint64_t kMost = 1024;
  const uint64_t threads = arguments.number_if("threads").value_or(usable_core_count());
  if (threads == 0 || threads > kMost)
    throw UsageError(fmt::format("{} is outside 1 to {}", threads, kMost), "--threads");
  return static_cast<unsigned>(threads);
}

std::string environment_name(const OptionInfo& option) {
  std::string name = "TIERSCOPE_" + option.name;
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return c == '-' ? '_' : char(std::toupper(c)); });
  return name;
}

namespace {
void set_unless_given(Arguments& arguments, const OptionInfo& option) {
  if (arguments.has(option.name) || option.argument.empty()) return;
  const char* environment = std::getenv(environment_name(option).c_str());
  if (environment && *environment)
    arguments.set(option.name, environment, "environment");
  else if (!option.default_value.empty())
    arguments.set(option.name, option.default_value, "default");
}
}  // namespace

Arguments parse_arguments(const Command& command, const std::vector<std::string>& words) {
  po::options_description description;
  for (const OptionInfo& option : command.options) {
    const std::string spelled = option.short_name ? fmt::format("{},{}", option.name, option.short_name) : option.name;
    if (option.argument.empty())
      description.add_options()(spelled.c_str(), "");
    else
      description.add_options()(spelled.c_str(), po::value<std::vector<std::string>>(), "");
  }
  std::vector<std::string> known, positional;
  for (const OptionInfo& option : command.options) known.push_back("--" + option.name);

  Arguments arguments;
  const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    const auto parsed = po::command_line_parser(words).options(description).style(style).allow_unregistered().run();
    for (const auto& option : parsed.options) {
      if (option.unregistered) {
        const std::string spelled = option.original_tokens.empty() ? option.string_key : option.original_tokens.front();
        throw UsageError(unknown_name("option", split(spelled, '=')[0], known), "tierscope " + command.name);
      }
      if (option.position_key >= 0) {
        positional.insert(positional.end(), option.value.begin(), option.value.end());
        continue;
      }
      const auto info = std::ranges::find(command.options, option.string_key, &OptionInfo::name);
      if (arguments.has(info->name) && !info->repeatable)
        throw UsageError(fmt::format("--{} is given twice", info->name), "tierscope " + command.name);
      if (info->argument.empty()) arguments.set(info->name, "", "option");
      for (const std::string& value : option.value) arguments.set(info->name, value, "option");
    }
  } catch (const po::error& error) {
    throw UsageError(error.what(), "tierscope " + command.name, "see --help");
  }
  size_t required = 0;
  for (const PositionalInfo& info : command.positionals) required += info.required ? 1 : 0;
  if (positional.size() < required)
    throw UsageError(fmt::format("{} is missing", command.positionals[positional.size()].name),
                     "tierscope " + command.name, "see --help");
  const bool repeats = !command.positionals.empty() && command.positionals.back().repeatable;
  if (positional.size() > command.positionals.size() && !repeats)
    throw UsageError(fmt::format("'{}' is one argument too many", positional[command.positionals.size()]),
                     "tierscope " + command.name, "see --help");
  for (size_t i = 0; i < positional.size(); ++i)
    arguments.set(command.positionals[std::min(i, command.positionals.size() - 1)].name, positional[i], "option");
  for (const OptionInfo& option : command.options) set_unless_given(arguments, option);
  return arguments;
}

std::string config_text(const Command& command, const Arguments& arguments) {
  const auto line = [&](const std::string& written, const std::string& origin) {
    return fmt::format("{:<50} # {}\n", written, origin);
  };
  std::string text = fmt::format("# tierscope {}\n", command.name);
  for (const PositionalInfo& positional : command.positionals)
    for (const std::string& value : arguments.all(positional.name))
      text += line(fmt::format("{} = \"{}\"", positional.name, value), "argument");
  for (const OptionInfo& option : command.options) {
    if (option.argument.empty())
      text += line(fmt::format("{} = {}", option.name, arguments.flag(option.name)),
                   arguments.flag(option.name) ? "option" : "default");
    else if (!arguments.has(option.name))
      text += line(fmt::format("# {} is not set", option.name), "default");
    for (const std::string& value : option.argument.empty() ? std::vector<std::string>{} : arguments.all(option.name))
      text += line(fmt::format("{} = \"{}\"", option.name, value), arguments.origin(option.name) == "environment"
                                                                       ? "environment " + environment_name(option)
                                                                       : arguments.origin(option.name));
  }
  return command.file_config ? text + "\n" + command.file_config(arguments) : text;
}

std::string help_text(const Command& command) {
  std::string text =
      fmt::format("tierscope {}: {}\n\nusage: tierscope {}", command.name, command.summary, command.name);
  for (const PositionalInfo& positional : command.positionals)
    text += (positional.required ? " " + positional.name : " [" + positional.name + "]") +
            (positional.repeatable ? " ..." : "");
  text += command.options.empty() ? "\n" : " [options]\n";
  if (!command.description.empty()) text += "\n" + command.description + "\n";
  size_t width = 0;
  const auto spelled = [](const OptionInfo& option) {
    std::string left =
        option.short_name ? fmt::format("-{}, --{}", option.short_name, option.name) : "--" + option.name;
    return option.argument.empty() ? left : left + " " + option.argument;
  };
  for (const OptionInfo& option : command.options) width = std::max(width, spelled(option).size());
  for (const PositionalInfo& positional : command.positionals) width = std::max(width, positional.name.size());
  if (!command.positionals.empty()) text += "\narguments:\n";
  for (const PositionalInfo& positional : command.positionals)
    text += fmt::format("  {:<{}}  {}\n", positional.name, width, positional.help);
  if (!command.options.empty()) text += "\noptions:\n";
  for (const OptionInfo& option : command.options) {
    text += fmt::format("  {:<{}}  {}", spelled(option), width, option.help);
    if (!option.default_value.empty()) text += fmt::format(" (default: {})", option.default_value);
    text += option.repeatable ? "; may be repeated\n" : "\n";
  }
  if (!command.examples.empty()) text += "\nexamples:\n";
  for (const Example& example : command.examples)
    text += fmt::format("  {}\n      {}\n", example.line, example.explains);
  return text;
}

}  // namespace tierscope
