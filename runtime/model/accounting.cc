#include "runtime/model/accounting.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace tierscope {
namespace {

constexpr std::string_view kTokenTable = "token_embd.weight", kPleTable = "per_layer_token_embd.weight";

struct GroupRule {
  std::string_view part;  // of a tensor's name
  std::string_view group;
};
// The first rule that fits counts. Names are llama.cpp's; what it would call otherwise is "other".
constexpr std::array kRules{
    GroupRule{"per_layer_token_embd.", "PLE table"},
    GroupRule{"per_layer_", "PLE projections"},
    GroupRule{".inp_gate.", "PLE projections"},
    GroupRule{".post_norm.", "PLE projections"},
    GroupRule{"_exps.", "experts"},
    GroupRule{"token_embd.", "token embedding"},
    GroupRule{"output_norm.", "norms and scales"},
    GroupRule{".layer_output_scale.", "norms and scales"},
    GroupRule{"rope_freqs.", "norms and scales"},
    GroupRule{"output.", "output head"},
    GroupRule{"ssm", "recurrent"},
    GroupRule{"attn", "attention"},
    GroupRule{"attention", "attention"},
    GroupRule{"ffn", "feed-forward"},
    GroupRule{"ffw", "feed-forward"},
    GroupRule{".proj.", "PLE projections"},
};

std::string_view group_of(std::string_view name) {
  // "attn_output." is no output head: rules of whole-model tensors match at the name's start only.
  const auto fits = [&](const GroupRule& rule) {
    return rule.part.starts_with("output") ? name.starts_with(rule.part)
                                           : name.find(rule.part) != std::string_view::npos;
  };
  const auto rule = std::ranges::find_if(kRules, fits);
  return rule == kRules.end() ? "other" : rule->group;
}

void add_to_group(ModelAccount& account, const GgufTensor& tensor) {
  const std::string_view name = group_of(tensor.name);
  auto group = std::ranges::find(account.groups, name, &ParameterGroup::name);
  if (group == account.groups.end()) group = account.groups.insert(group, {std::string(name), 0, 0, {}});
  group->parameters += tensor.values();
  group->bytes += tensor.bytes;
  const std::string type = dtype_name(tensor.type);
  if (std::ranges::find(group->types, type) == group->types.end()) group->types.push_back(type);
}

// The share of a file's experts that a token goes through; 1 where it has none.
double expert_share(const GgufFile& file) {
  const std::string prefix = file.string_value("general.architecture", "");
  const auto* count = file.value(prefix + ".expert_count");
  const auto* used = file.value(prefix + ".expert_used_count");
  const auto* count_number = count ? std::get_if<uint64_t>(count) : nullptr;
  const auto* used_number = used ? std::get_if<uint64_t>(used) : nullptr;
  if (!count_number || !used_number || *count_number == 0) return 1;
  return std::min(1.0, double(*used_number) / double(*count_number));
}

struct Touched {
  double parameters, bytes;
};
Touched touched_by_token(const GgufFile& file, const GgufTensor& tensor, uint32_t rows_per_token) {
  const auto share = [&](double part) { return Touched{part * double(tensor.values()), part * double(tensor.bytes)}; };
  if (tensor.name == kPleTable) return share(double(rows_per_token) / double(tensor.rows()));
  const bool head_too = !file.find("output.weight");
  if (tensor.name == kTokenTable && !head_too) return share(1 / double(tensor.rows()));
  return share(group_of(tensor.name) == "experts" ? expert_share(file) : 1);
}

struct KnownShape {
  uint64_t layers, hidden, ple_dim;
  PublishedCount published;
};
constexpr std::array kPublished{KnownShape{35, 1536, 256, {"Gemma 4 E2B", 5.1e9, 2.8e9, 2.3e9}}};

std::optional<PublishedCount> find_published(const GgufFile& file) {
  const auto number = [&](const char* key) -> uint64_t {
    const GgufValue* value = file.value(key);
    const auto* whole = value ? std::get_if<uint64_t>(value) : nullptr;
    return whole ? *whole : 0;
  };
  for (const KnownShape& known : kPublished)
    if (number("gemma4.block_count") == known.layers && number("gemma4.embedding_length") == known.hidden &&
        number("gemma4.embedding_length_per_layer_input") == known.ple_dim)
      return known.published;
  return std::nullopt;
}

}  // namespace

ModelAccount account_parameters(const GgufFile& file, uint32_t rows_per_token) {
  ModelAccount account;
  double active = 0, bytes_read = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    add_to_group(account, tensor);
    account.total += tensor.values();
    account.bytes += tensor.bytes;
    if (tensor.name == kTokenTable || tensor.name == kPleTable) account.embedding += tensor.values();
    if (!dtype_info(tensor.type)) account.unsupported.push_back(tensor.name);
    const Touched touched = touched_by_token(file, tensor, rows_per_token);
    active += touched.parameters;
    bytes_read += touched.bytes;
  }
  account.effective = account.total - account.embedding;
  account.active_per_token = static_cast<uint64_t>(active);
  account.bytes_per_token = static_cast<uint64_t>(bytes_read);
  account.published = find_published(file);
  return account;
}

RowPages row_pages(const PleTable& table, uint64_t page_bytes) {
  RowPages pages;
  pages.page_bytes = page_bytes;
  // Where rows begin within a page repeats after this many of them.
  const uint64_t period = std::min(table.rows, page_bytes / std::gcd(page_bytes, table.row_bytes));
  uint64_t sum = 0;
  for (uint64_t row = 0; row < period; ++row) {
    const uint64_t first = table.offset + row * table.row_bytes, last = first + table.row_bytes - 1;
    const uint64_t touched = last / page_bytes - first / page_bytes + 1;
    pages.fewest = row == 0 ? touched : std::min(pages.fewest, touched);
    pages.most = std::max(pages.most, touched);
    sum += touched;
  }
  pages.mean = double(sum) / double(period);
  pages.read_amplification = pages.mean * double(page_bytes) / double(table.row_bytes);
  return pages;
}

}  // namespace tierscope
