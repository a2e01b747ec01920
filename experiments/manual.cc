#include "experiments/manual.h"

#include <fmt/format.h>

#include <algorithm>

#include "experiments/topics.h"

namespace tierscope {
namespace {

// Text of a page: backslashes, hyphens and dots at a line's start have a meaning in roff.
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_start = c == '\n';
  }
  return out;
}

std::string heading(std::string_view page, std::string_view summary) {
  return fmt::format(".TH {} 1 \"\" \"tierscope\" \"tierscope\"\n.SH NAME\n{} \\- {}\n", roff(page), roff(page),
                     roff(summary));
}

std::string page_name(const Command& command) {
  std::string name = "tierscope-" + command.name;
  std::ranges::replace(name, ' ', '-');
  return name;
}

std::string options_section(const Command& command) {
  std::string text = command.options.empty() ? "" : ".SH OPTIONS\n";
  for (const OptionInfo& option : command.options) {
    text += ".TP\n.B ";
    if (option.short_name) text += roff(fmt::format("-{}, ", option.short_name));
    text += roff(fmt::format("--{} {}\n{}", option.name, option.argument, option.help));
    if (!option.default_value.empty()) text += roff(fmt::format(" (default: {})", option.default_value));
    text += option.repeatable ? "; may be repeated\n" : "\n";
  }
  return text;
}

std::string command_page(const Command& command) {
  std::string text = heading(page_name(command), command.summary);
  text += fmt::format(".SH SYNOPSIS\n.B tierscope {}\n", roff(command.name));
  for (const PositionalInfo& positional : command.positionals)
    text += roff(positional.required ? positional.name + "\n" : fmt::format("[{}]\n", positional.name));
  if (!command.options.empty()) text += "[options]\n";
  if (!command.description.empty()) text += ".SH DESCRIPTION\n.nf\n" + roff(command.description) + "\n.fi\n";
  if (!command.positionals.empty()) text += ".SH ARGUMENTS\n";
  for (const PositionalInfo& positional : command.positionals)
    text += fmt::format(".TP\n.I {}\n{}\n", roff(positional.name), roff(positional.help));
  text += options_section(command);
  if (!command.examples.empty()) text += ".SH EXAMPLES\n";
  for (const Example& example : command.examples)
    text += fmt::format(".TP\n.B {}\n{}\n", roff(example.line), roff(example.explains));
  return text + ".SH SEE ALSO\n.BR tierscope (1)\n";
}

std::string program_page(const std::vector<Command>& commands) {
  std::string text = heading("tierscope", "what does it cost to keep per-layer embedding tables in VRAM, RAM or NVMe?");
  text += ".SH SYNOPSIS\n.B tierscope\n.I COMMAND\n[arguments]\n.SH COMMANDS\n";
  for (const Command& command : commands)
    text += fmt::format(".TP\n.BR {} (1)\n{}\n", roff(page_name(command)), roff(command.summary));
  for (const Topic& topic : topics()) {
    std::string name = topic.name;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return char(std::toupper(c)); });
    text += fmt::format(".SH {}\n.nf\n{}.fi\n", name, roff(topic.text));
  }
  return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> manual_pages(const std::vector<Command>& commands) {
  std::vector<std::pair<std::string, std::string>> pages{{"tierscope.1", program_page(commands)}};
  for (const Command& command : commands) pages.emplace_back(page_name(command) + ".1", command_page(command));
  return pages;
}

}  // namespace tierscope
