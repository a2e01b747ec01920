#include "experiments/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {
namespace {

// Commands by first word: "trace" -> {"info", "rows"}; one-word commands have no second words.
std::map<std::string, std::vector<std::string>> second_words(const std::vector<Command>& commands) {
  std::map<std::string, std::vector<std::string>> words;
  for (const Command& command : commands) {
    const auto parts = split(command.name, ' ');
    auto& seconds = words[parts[0]];
    if (parts.size() > 1) seconds.push_back(parts[1]);
  }
  return words;
}

std::vector<std::string> first_words(const std::vector<Command>& commands) {
  std::vector<std::string> words;
  for (const auto& [word, seconds] : second_words(commands)) words.push_back(word);
  return words;
}

// For a text between single quotes of a shell.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  return out;
}

std::string bash_script(const std::vector<Command>& commands) {
  std::string script =
      "# bash completion of tierscope\n"
      "_tierscope() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words=\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n";
  script += fmt::format("    COMPREPLY=($(compgen -W '{}' -- \"$current\"))\n    return\n  fi\n  case $command in\n",
                        fmt::join(first_words(commands), " "));
  for (const auto& [word, seconds] : second_words(commands))
    if (!seconds.empty())
      script += fmt::format(
          "    {}) if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "        COMPREPLY=($(compgen -W '{}' -- \"$current\"))\n        return\n      fi\n"
          "      case ${{COMP_WORDS[2]}} in {}) command=\"{} ${{COMP_WORDS[2]}}\" ;; esac ;;\n",
          word, fmt::join(seconds, " "), fmt::join(seconds, "|"), word);
  script += "  esac\n  case $command in\n";
  for (const Command& command : commands) {
    std::vector<std::string> options;
    for (const OptionInfo& option : command.options) options.push_back("--" + option.name);
    options.push_back("--help");
    script += fmt::format("    '{}') words='{}' ;;\n", command.name, fmt::join(options, " "));
  }
  script +=
      "  esac\n"
      "  case $current in\n"
      "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n"
      "    *) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
      "  esac\n"
      "}\n"
      "complete -o filenames -F _tierscope tierscope\n";
  return script;
}

// In _arguments and _describe a colon separates fields and brackets hold the help.
std::string zsh_escaped(std::string_view text) {
  std::string out;
  for (const char c : quoted(text)) {
    if (c == ':' || c == '[' || c == ']') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_script(const std::vector<Command>& commands) {
  std::string script = "#compdef tierscope\n_tierscope() {\n  local -a first=(";
  const auto words = second_words(commands);
  for (const auto& [word, seconds] : words) {
    const auto command = std::ranges::find(commands, word, &Command::name);
    script += fmt::format(
        "\n    '{}:{}'", word,
        command == commands.end() ? fmt::format("{}", fmt::join(seconds, ", ")) : zsh_escaped(command->summary));
  }
  script += ")\n  if (( CURRENT == 2 )); then _describe command first; return; fi\n  local name=$words[2]\n";
  for (const auto& [word, seconds] : words)
    if (!seconds.empty())
      script += fmt::format(
          "  if [[ $name == {} ]]; then\n    local -a second=({})\n"
          "    if (( CURRENT == 3 )); then _describe command second; return; fi\n"
          "    (( $second[(Ie)$words[3]] )) && name=\"{} $words[3]\"\n  fi\n",
          word, fmt::join(seconds, " "), word);
  script += "  case $name in\n";
  for (const Command& command : commands) {
    script += fmt::format("    '{}') _arguments", command.name);
    for (const OptionInfo& option : command.options)
      script += fmt::format(" \\\n      '{}--{}{}[{}]{}'", option.repeatable ? "*" : "", option.name,
                            option.argument.empty() ? "" : "=", zsh_escaped(option.help),
                            option.argument.empty() ? "" : fmt::format(":{}:_files", option.argument));
    script += " \\\n      '*:file:_files' ;;\n";
  }
  return script + "  esac\n}\n_tierscope \"$@\"\n";
}

std::string fish_script(const std::vector<Command>& commands) {
  std::string script = "# fish completion of tierscope\n";
  for (const auto& [word, seconds] : second_words(commands)) {
    const auto command = std::ranges::find(commands, word, &Command::name);
    script += fmt::format("complete -c tierscope -n __fish_use_subcommand -a {} -d '{}'\n", word,
                          command == commands.end() ? "" : quoted(command->summary));
    if (!seconds.empty())
      script += fmt::format(
          "complete -c tierscope -n '__fish_seen_subcommand_from {0}; and not __fish_seen_subcommand_from {1}' -a "
          "'{1}'\n",
          word, fmt::join(seconds, " "));
  }
  for (const Command& command : commands) {
    std::string condition;
    for (const std::string& word : split(command.name, ' '))
      condition += fmt::format("{}__fish_seen_subcommand_from {}", condition.empty() ? "" : "; and ", word);
    for (const OptionInfo& option : command.options)
      script += fmt::format("complete -c tierscope -n '{}' -l {}{}{} -d '{}'\n", condition, option.name,
                            option.short_name ? fmt::format(" -s {}", option.short_name) : "",
                            option.argument.empty() ? "" : " -r", quoted(option.help));
  }
  return script;
}

struct Shell {
  std::string_view name;
  std::string (*script)(const std::vector<Command>&);
};
constexpr std::array kShells{Shell{"bash", bash_script}, Shell{"zsh", zsh_script}, Shell{"fish", fish_script}};

}  // namespace

std::string completion_script(std::string_view shell, const std::vector<Command>& commands) {
  const auto found = std::ranges::find(kShells, shell, &Shell::name);
  if (found != kShells.end()) return found->script(commands);
  std::vector<std::string> names;
  for (const Shell& known : kShells) names.emplace_back(known.name);
  throw UsageError(unknown_name("shell", shell, names));
}

}  // namespace tierscope
