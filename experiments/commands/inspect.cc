#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "experiments/commands/commands.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/model/accounting.h"
#include "runtime/model/ngram_table.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

// What can be said of a file, and why not more: a model that cannot run here can still be looked at.
struct Inspection {
  GgufFile file;
  std::string architecture, name;
  std::optional<Hyperparameters> model;
  std::optional<PleTable> table;
  std::optional<NgramGeometry> ngram;
  std::string why_no_decoder, why_no_table, why_no_ngram;
  ModelAccount account;

  uint32_t rows_per_token() const { return ngram ? ngram->rows_per_token() : table ? 1 : 0; }
};

template <typename Read>
auto attempt(const Read& read, std::string& why_not) -> std::optional<std::decay_t<decltype(*read())>> {
  try {
    return read();
  } catch (const Error& error) {
    why_not = error.what();
    return std::nullopt;
  }
}

std::string text_value(const GgufFile& file, const char* key) {
  const GgufValue* value = file.value(key);
  const auto* text = value ? std::get_if<std::string>(value) : nullptr;
  return text ? printable(*text) : "";
}

size_t token_count(const GgufFile& file) {
  const GgufValue* value = file.value("tokenizer.ggml.tokens");
  const auto* array = value ? std::get_if<GgufArray>(value) : nullptr;
  return array ? array->size() : 0;
}

Inspection inspect(const std::string& path) {
  Inspection it{GgufFile::open(path), {}, {}, {}, {}, {}, {}, {}, {}, {}};
  it.architecture = text_value(it.file, "general.architecture");
  it.name = text_value(it.file, "general.name");
  it.model = attempt([&] { return std::optional(read_hyperparameters(it.file)); }, it.why_no_decoder);
  it.table = attempt([&] { return find_ple_table(it.file); }, it.why_no_table);
  it.ngram = attempt([&] { return read_ngram_geometry(it.file); }, it.why_no_ngram);
  it.account = account_parameters(it.file, it.rows_per_token());
  if (it.model && !it.account.unsupported.empty()) {
    const GgufTensor& tensor = it.file.tensor(it.account.unsupported.front());
    it.why_no_decoder = fmt::format("tensor '{}' is of type {}", printable(tensor.name), dtype_name(tensor.type));
    it.model.reset();
  }
  return it;
}

uint64_t file_bytes(const GgufFile& file) {
  uint64_t bytes = 0;
  for (const auto& path : file.paths()) bytes += std::filesystem::file_size(path);
  return bytes;
}

ordered_json table_json(const Inspection& it) {
  const PleTable& table = *it.table;
  const RowPages pages = row_pages(table);
  return {{"path", table.path.string()},
          {"offset", table.offset},
          {"type", dtype_name(table.type)},
          {"rows", table.rows},
          {"row_values", table.row_values},
          {"row_bytes", table.row_bytes},
          {"table_bytes", table.rows * table.row_bytes},
          {"rows_per_token", it.rows_per_token()},
          {"bytes_per_token", it.rows_per_token() * table.row_bytes},
          {"pages_per_row",
           {{"page_bytes", pages.page_bytes}, {"fewest", pages.fewest}, {"mean", pages.mean}, {"most", pages.most}}},
          {"read_amplification", pages.read_amplification}};
}

ordered_json ngram_json(const NgramGeometry& ngram) {
  ordered_json blocks = ordered_json::array();
  for (const NgramLayer& layer : ngram.layers) blocks.push_back(layer.block);
  return {{"orders", fmt::format("2 to {}", ngram.max_order)},
          {"heads_per_order", ngram.heads_per_order},
          {"rows_per_token", ngram.rows_per_token()},
          {"blocks", blocks},
          {"boundary_token", ngram.boundary},
          {"table_rows", ngram.table_rows}};
}

ordered_json groups_json(const ModelAccount& account) {
  ordered_json groups = ordered_json::array();
  for (const ParameterGroup& group : account.groups)
    groups.push_back(
        {{"name", group.name}, {"parameters", group.parameters}, {"bytes", group.bytes}, {"types", group.types}});
  return groups;
}

ordered_json to_json(const Inspection& it) {
  const ModelAccount& account = it.account;
  ordered_json out{
      {"path", it.file.paths().front().string()},
      {"files", it.file.paths().size()},
      {"file_bytes", file_bytes(it.file)},
      {"gguf_version", it.file.version()},
      {"architecture", it.architecture},
      {"name", it.name},
      {"tensors", it.file.tensors().size()},
      {"tokenizer", {{"model", text_value(it.file, "tokenizer.ggml.model")}, {"tokens", token_count(it.file)}}},
      {"parameters",
       {{"total", account.total},
        {"embedding", account.embedding},
        {"effective", account.effective},
        {"active_per_token", account.active_per_token}}},
      {"bytes_per_token", account.bytes_per_token},
      {"groups", groups_json(account)},
      {"unsupported_tensors", account.unsupported}};
  if (account.published)
    out["published"] = {{"model", account.published->model},
                        {"total", account.published->total},
                        {"embedding", account.published->embedding},
                        {"effective", account.published->effective}};
  out["ple"] = it.table ? table_json(it) : ordered_json(nullptr);
  out["ngram"] = it.ngram ? ngram_json(*it.ngram) : ordered_json(nullptr);
  out["can_run"] = it.model.has_value();
  std::vector<std::string> problems;
  for (const std::string* why : {&it.why_no_decoder, &it.why_no_table, &it.why_no_ngram})
    if (!why->empty() && std::ranges::find(problems, *why) == problems.end()) problems.push_back(*why);
  out["problems"] = problems;
  return out;
}

std::string billions(double parameters) {
  if (parameters >= 1e8) return fmt::format("{:.2f} B", parameters / 1e9);
  return parameters >= 1e5 ? fmt::format("{:.2f} M", parameters / 1e6) : fmt::format("{:.0f}", parameters);
}

void print_parameters(const ModelAccount& account) {
  const auto& published = account.published;
  const auto line = [&](const char* what, uint64_t own, std::optional<double> theirs, const char* meaning) {
    std::string text = fmt::format("  {:<17} {:>9}", what, billions(double(own)));
    if (published) text += fmt::format("  {:>9}", theirs ? fmt::format("{:.1f} B", *theirs / 1e9) : "");
    if (*meaning) text += fmt::format("  {}", meaning);
    fmt::print("{}\n", text);
  };
  fmt::print("\nparameters{:>18}{}\n", "this file", published ? "  published" : "");
  const auto of = [&](double PublishedCount::*field) {
    return published ? std::optional((*published).*field) : std::nullopt;
  };
  line("total", account.total, of(&PublishedCount::total), "");
  line("embedding", account.embedding, of(&PublishedCount::embedding),
       "token embedding and PLE table: looked up by token");
  line("effective", account.effective, of(&PublishedCount::effective), "the rest: must be near the compute");
  line("active per token", account.active_per_token, std::nullopt,
       "effective, the tied head, and the token's own rows of the tables");
  if (published)
    fmt::print(
        "  {}'s published figures count its vision and audio encoders too: {:.1f} - {:.2f} = {:.2f} B that a "
        "text-only\n"
        "  file leaves out. Its embeddings are the same tables: {:.2f} B, rounded.\n",
        published->model, published->total / 1e9, double(account.total) / 1e9,
        (published->total - double(account.total)) / 1e9, double(account.embedding) / 1e9);
}

void print_groups(const ModelAccount& account) {
  fmt::print("\n  {:<17} {:>9} {:>7} {:>10}  types\n", "where", "params", "share", "bytes");
  for (const ParameterGroup& group : account.groups)
    fmt::print("  {:<17} {:>9} {:>6.1f}% {:>10}  {}\n", group.name, billions(double(group.parameters)),
               100 * double(group.parameters) / double(account.total), format_bytes(group.bytes),
               fmt::join(group.types, ", "));
  fmt::print("  A decode step reads {} of weights.\n", format_bytes(account.bytes_per_token));
}

void print_table(const Inspection& it) {
  const PleTable& table = *it.table;
  const RowPages pages = row_pages(table);
  fmt::print("\nPLE table: {} rows of {} values as {}: {} bytes a row, {} in all\n", table.rows, table.row_values,
             dtype_name(table.type), table.row_bytes, format_bytes(table.rows * table.row_bytes));
  fmt::print("  at byte {} of {} ({} bytes into a page)\n", table.offset, table.path.string(),
             table.offset % pages.page_bytes);
  fmt::print("  a row touches {} to {} pages of {} bytes, {:.2f} on average: alone it is read {:.2f} times over\n",
             pages.fewest, pages.most, pages.page_bytes, pages.mean, pages.read_amplification);
  fmt::print("  a token needs {} row{}: {} bytes\n", it.rows_per_token(), it.rows_per_token() == 1 ? "" : "s",
             it.rows_per_token() * table.row_bytes);
}

void print_ngram(const NgramGeometry& ngram) {
  std::vector<uint32_t> blocks;
  for (const NgramLayer& layer : ngram.layers) blocks.push_back(layer.block);
  fmt::print(
      "  addressed by hashed n-grams: orders 2 to {}, {} heads each, so {} rows a token, used on entry to block {};\n"
      "  the window does not cross token {}. Heads name {} rows.\n",
      ngram.max_order, ngram.heads_per_order, ngram.rows_per_token(), fmt::join(blocks, ", "), ngram.boundary,
      ngram.layers.back().head_offsets.back() + ngram.layers.back().head_sizes.back());
}

void print_text(const Inspection& it) {
  const std::string tokenizer = text_value(it.file, "tokenizer.ggml.model");
  fmt::print("{}: {}{}\n", it.file.paths().front().string(),
             it.architecture.empty() ? "no architecture named" : it.architecture,
             it.name.empty() ? "" : ", \"" + it.name + "\"");
  fmt::print("  GGUF version {}, {} in {} file{}, {} tensors; tokenizer {} with {} entries\n", it.file.version(),
             format_bytes(file_bytes(it.file)), it.file.paths().size(), it.file.paths().size() == 1 ? "" : "s",
             it.file.tensors().size(), tokenizer.empty() ? "none" : tokenizer, token_count(it.file));
  if (it.model)
    fmt::print("  {} layers of {}, vocabulary {}, context {}\n", it.model->layers, it.model->hidden, it.model->vocab,
               it.model->context);
  else
    fmt::print("  cannot run here: {}\n", it.why_no_decoder);
  if (it.account.total > 0) {
    print_parameters(it.account);
    print_groups(it.account);
  }
  if (it.table)
    print_table(it);
  else if (it.why_no_table != it.why_no_decoder)
    fmt::print("\nPLE table: {}\n", it.why_no_table.empty() ? "none" : it.why_no_table);
  if (it.ngram) print_ngram(*it.ngram);
  if (!it.why_no_ngram.empty() && it.table) fmt::print("  its n-gram keys: {}\n", it.why_no_ngram);
}

int run(const Arguments& arguments) {
  const Inspection inspection = inspect(arguments.text("MODEL"));
  if (arguments.flag("json"))
    fmt::print("{}\n", to_json(inspection).dump(1, ' ', false, ordered_json::error_handler_t::replace));
  else
    print_text(inspection);
  return 0;
}

}  // namespace

Command inspect_command() {
  return {"inspect",
          "a model file's parameters and the geometry of its PLE table",
          "Counts where a GGUF file's parameters are: total, embedding, effective and active per token, and how the\n"
          "rows of its PLE table lie on the pages of a disk. Opens any GGUF file, also one that cannot run here.",
          {{"MODEL", "a GGUF file; of a split, its first part", true}},
          {options::json()},
          {{"tierscope inspect e2b.gguf", "why Gemma 4 E2B is called 5.1 B, 2.8 B and 2.3 B"}},
          run};
}

}  // namespace tierscope
