// Strict reading of TOML: plans, device profiles. Every key that a reader does not ask for is an error naming the
// nearest known one, so that a mistyped key never passes in silence. Errors: Error with file, line and key.
// A TomlTable is a cheap view that keeps its document alive; not thread-safe (it remembers what was asked for).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tierscope {

class TomlTable {
 public:
  static TomlTable read(const std::filesystem::path& file);
  // `name` stands for the file in messages.
  static TomlTable parse(std::string_view text, const std::string& name);

  bool has(std::string_view key) const;
  // Typed access; Error where the key is missing or of another type.
  std::string text(std::string_view key) const;
  double number(std::string_view key) const;  // integer or float
  uint64_t whole(std::string_view key) const;
  bool boolean(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  TomlTable table(std::string_view key) const;
  std::vector<TomlTable> tables(std::string_view key) const;  // [[key]]; empty where absent

  // All keys present must have been asked for; call it when the table is read.
  void finish() const;
  // "file:line: key" of a key, or of the table itself where the key is "" or missing.
  std::string where(std::string_view key = "") const;

 private:
  struct State;
  explicit TomlTable(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace tierscope
