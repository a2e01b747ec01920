#include "runtime/base/toml_table.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <set>
#include <sstream>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {

struct TomlTable::State {
  std::shared_ptr<const toml::table> document;
  const toml::table* table = nullptr;
  std::string file, path;  // path: "nvme.random_read[2]", empty at the root
  std::set<std::string, std::less<>> asked;

  std::string name(std::string_view key) const {
    if (path.empty()) return std::string(key);
    return key.empty() ? path : fmt::format("{}.{}", path, key);
  }
  const toml::node* find(std::string_view key) {
    asked.emplace(key);
    return table->get(key);
  }
};

TomlTable::TomlTable(std::shared_ptr<State> state) : state_(std::move(state)) {}

TomlTable TomlTable::parse(std::string_view text, const std::string& name) try {
  auto state = std::make_shared<State>();
  state->document = std::make_shared<const toml::table>(toml::parse(text, name));
  state->table = state->document.get();
  state->file = name;
  return TomlTable(std::move(state));
} catch (const toml::parse_error& error) {
  throw Error(std::string(error.description()), fmt::format("{}:{}", name, error.source().begin.line),
              "it is not valid TOML there");
}

TomlTable TomlTable::read(const std::filesystem::path& file) {
  return parse(read_text_file(file), file.string());
}

std::string TomlTable::where(std::string_view key) const {
  const toml::node* node = key.empty() ? nullptr : state_->table->get(key);
  const auto line = (node ? node : static_cast<const toml::node*>(state_->table))->source().begin.line;
  const std::string name = state_->name(key);
  const std::string at = line > 0 ? fmt::format("{}:{}", state_->file, line) : state_->file;
  return name.empty() ? at : fmt::format("{}: {}", at, name);
}

bool TomlTable::has(std::string_view key) const {
  return state_->find(key) != nullptr;
}

namespace {

template <class T>
T required(const toml::node* node, const std::string& where, std::string_view kind) {
  if (!node) throw Error("is missing", where, fmt::format("give it {}", kind));
  const auto value = node->value<T>();
  if (!value) throw Error(fmt::format("must be {}", kind), where);
  return *value;
}

template <class T>
std::vector<T> required_list(const toml::node* node, const std::string& where, std::string_view kind) {
  const toml::array* array = node ? node->as_array() : nullptr;
  if (!array) throw Error(node ? "must be a list" : "is missing", where, fmt::format("write [ {}, ... ]", kind));
  std::vector<T> values;
  for (const toml::node& element : *array) values.push_back(required<T>(&element, where, kind));
  return values;
}

}  // namespace

std::string TomlTable::text(std::string_view key) const {
  return required<std::string>(state_->find(key), where(key), "a text");
}

double TomlTable::number(std::string_view key) const {
  return required<double>(state_->find(key), where(key), "a number");
}

uint64_t TomlTable::whole(std::string_view key) const {
  const toml::node* node = state_->find(key);
  const auto value = required<int64_t>(node, where(key), "a whole number");
  if (value < 0) throw Error(fmt::format("{} is negative", value), where(key));
  return static_cast<uint64_t>(value);
}

bool TomlTable::boolean(std::string_view key) const {
  return required<bool>(state_->find(key), where(key), "true or false");
}

std::vector<double> TomlTable::numbers(std::string_view key) const {
  return required_list<double>(state_->find(key), where(key), "numbers");
}

std::vector<std::string> TomlTable::texts(std::string_view key) const {
  return required_list<std::string>(state_->find(key), where(key), "texts");
}

TomlTable TomlTable::table(std::string_view key) const {
  const toml::node* node = state_->find(key);
  if (!node) throw Error("is missing", where(key), "give it a table");
  if (!node->is_table()) throw Error("must be a table", where(key));
  auto state = std::make_shared<State>();
  *state = {state_->document, node->as_table(), state_->file, state_->name(key), {}};
  return TomlTable(std::move(state));
}

std::vector<TomlTable> TomlTable::tables(std::string_view key) const {
  const toml::node* node = state_->find(key);
  if (!node) return {};
  const toml::array* array = node->as_array();
  if (!array) throw Error("must be a list of tables", where(key), fmt::format("write [[{}]]", state_->name(key)));
  std::vector<TomlTable> all;
  for (const toml::node& element : *array) {
    if (!element.is_table()) throw Error("must be a list of tables", where(key));
    auto state = std::make_shared<State>();
    *state = {
        state_->document, element.as_table(), state_->file, fmt::format("{}[{}]", state_->name(key), all.size()), {}};
    all.push_back(TomlTable(std::move(state)));
  }
  return all;
}

void TomlTable::finish() const {
  const std::vector<std::string> known(state_->asked.begin(), state_->asked.end());
  for (const auto& [key, value] : *state_->table)
    if (!state_->asked.contains(key.str())) throw Error(unknown_name("key", key.str(), known), where(key.str()));
}

}  // namespace tierscope
