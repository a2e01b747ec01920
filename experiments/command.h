// A command of the `tierscope` program: described once, from which parsing, help, completion and man pages come.
// To add one: a file in commands/ that returns its Command, and one line in registry.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tierscope {

struct OptionInfo {
  std::string name;      // without dashes
  std::string argument;  // "" for a flag; else what help shows, e.g. "FILE"
  std::string help;
  std::string default_value;  // shown and used where the option is absent; "" for none
  bool repeatable = false;
  char short_name = 0;
};

struct PositionalInfo {
  std::string name;  // "MODEL"
  std::string help;
  bool required = true;
  bool repeatable = false;  // the last one only
};

// Parsed arguments. Typed getters throw UsageError naming the option and its value.
class Arguments {
 public:
  bool has(std::string_view name) const;  // given, or has a default
  bool flag(std::string_view name) const { return has(name); }
  std::string text(std::string_view name) const;  // UsageError where absent
  std::string text_or(std::string_view name, std::string fallback) const;
  std::vector<std::string> all(std::string_view name) const;
  uint64_t number(std::string_view name) const;
  double real(std::string_view name) const;
  uint64_t bytes(std::string_view name) const;
  std::optional<uint64_t> number_if(std::string_view name) const;
  std::optional<uint64_t> bytes_if(std::string_view name) const;
  // Where the value came from: "default", "environment", "option".
  std::string origin(std::string_view name) const;

  void set(const std::string& name, std::string value, std::string origin);

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::map<std::string, std::string, std::less<>> origins_;
};

struct Example {
  std::string line, explains;
};

struct Command {
  std::string name;     // one word, or two: "trace info"
  std::string summary;  // one line
  std::string description;
  std::vector<PositionalInfo> positionals;
  std::vector<OptionInfo> options;
  std::vector<Example> examples;
  std::function<int(const Arguments&)> run;  // the exit code
  // What --dump-config prints after the options: the effective values of a file that the command reads, with origins.
  std::function<std::string(const Arguments&)> file_config = {};
};

// Options that several commands share, so that they are described once.
namespace options {
OptionInfo json();       // --json
OptionInfo quiet();      // -q, --quiet
OptionInfo threads();    // --threads N
OptionInfo chunk();      // --chunk N
OptionInfo context();    // --ctx N
OptionInfo backend();    // --backend B
OptionInfo requests();   // --requests N
OptionInfo trace();      // --trace FILE
OptionInfo placement();  // --placement P, repeatable
OptionInfo seed();       // --seed N
}  // namespace options

// --threads, or one for each core this process may use.
unsigned thread_count(const Arguments& arguments);

// "TIERSCOPE_THREADS": where an option's value comes from when it is not given.
std::string environment_name(const OptionInfo& option);
// Option, else environment, else default. UsageError where the words do not fit the command.
Arguments parse_arguments(const Command& command, const std::vector<std::string>& words);
std::string help_text(const Command& command);
// Each option's value with its origin, one a line; for --dump-config.
std::string config_text(const Command& command, const Arguments& arguments);

}  // namespace tierscope
