#include "traces/ngram.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "traces/addressings/addressings.h"

namespace tierscope {
namespace {

constexpr uint32_t kMostOrders = 8;

__extension__ using Wide = unsigned __int128;

// x mod size by one multiplication with floor(2^64 / size): the quotient is at most one too small.
struct Head {
  uint64_t reciprocal, size, offset;

  Head(uint64_t head_size, uint64_t head_offset)
      : reciprocal(static_cast<uint64_t>((Wide{1} << 64) / head_size)), size(head_size), offset(head_offset) {}
  RowId row(uint64_t mix) const {
    const uint64_t quotient = static_cast<uint64_t>((Wide{mix} * reciprocal) >> 64);
    const uint64_t rest = mix - quotient * size;
    return static_cast<RowId>((rest >= size ? rest - size : rest) + offset);
  }
};

class NgramAddressing final : public Addressing {
 public:
  explicit NgramAddressing(NgramGeometry geometry) : geometry_(std::move(geometry)) {
    check_geometry(geometry_, geometry_.text);
    for (const NgramLayer& layer : geometry_.layers) {
      multipliers_.insert(multipliers_.end(), layer.multipliers.begin(), layer.multipliers.end());
      for (size_t h = 0; h < layer.head_sizes.size(); ++h)
        heads_.emplace_back(layer.head_sizes[h], layer.head_offsets[h]);
    }
  }

  std::string text() const override { return geometry_.text; }
  uint32_t rows_per_token() const override { return geometry_.rows_per_token(); }
  uint64_t table_rows() const override { return geometry_.table_rows; }
  uint32_t history_tokens() const override { return geometry_.max_order - 1; }
  std::string caveat() const override { return geometry_.caveat; }
  uint32_t needed_at_block(uint32_t index) const override {
    return geometry_.layers[index / (rows_per_token() / geometry_.layers.size())].block;
  }

  void rows(std::span<const TokenId> history, std::span<const TokenId> tokens, std::vector<RowId>& out) const override {
    check_tokens(tokens);
    history = history.last(std::min<size_t>(history.size(), history_tokens()));
    check_tokens(history);
    Window window;
    window.fill(hashed(geometry_.boundary));
    for (const TokenId token : history) push(window, token);
    const size_t first = out.size();
    out.resize(first + tokens.size() * rows_per_token());
    RowId* to = out.data() + first;
    for (const TokenId token : tokens) {
      window[0] = hashed(token);
      to = rows_of(window, to);
      push(window, token);
    }
  }

 private:
  // [s]: the id to be hashed for the token s back; [0] is set just before use.
  using Window = std::array<uint64_t, kMostOrders>;

  uint64_t hashed(TokenId token) const { return geometry_.id_map.empty() ? token : geometry_.id_map[token]; }

  void push(Window& window, TokenId token) const {
    if (geometry_.reset_at_boundary && token == geometry_.boundary) return window.fill(hashed(token));
    for (uint32_t s = geometry_.max_order - 1; s > 1; --s) window[s] = window[s - 1];
    window[1] = hashed(token);
  }

  RowId* rows_of(const Window& window, RowId* to) const {
    const uint64_t* m = multipliers_.data();
    const Head* head = heads_.data();
    for (size_t layer = 0; layer < geometry_.layers.size(); ++layer, m += geometry_.max_order) {
      uint64_t mix = window[0] * m[0];
      for (uint32_t s = 1; s < geometry_.max_order; ++s) {
        mix ^= window[s] * m[s];
        for (const Head* end = head + geometry_.heads_per_order; head != end; ++head) *to++ = head->row(mix);
      }
    }
    return to;
  }

  void check_tokens(std::span<const TokenId> tokens) const {
    if (tokens.empty()) return;
    const TokenId largest = *std::ranges::max_element(tokens);
    if (largest >= geometry_.vocab)
      throw Error(fmt::format("token {} is outside the vocabulary of {}", largest, geometry_.vocab),
                  "addressing " + geometry_.text,
                  "for tokens of another model add its vocabulary, e.g. ngram:qwen4-exp:vocab=262144:eos=1");
  }

  NgramGeometry geometry_;
  std::vector<uint64_t> multipliers_;  // [layer][max order]
  std::vector<Head> heads_;            // [layer][order][head]
};

struct Interval {
  uint64_t first, size;
  size_t head;
};

void check_layer(const NgramGeometry& geometry, const NgramLayer& layer, const std::string& where) {
  const size_t heads = size_t{geometry.max_order - 1} * geometry.heads_per_order;
  if (layer.multipliers.size() != geometry.max_order || layer.head_sizes.size() != heads ||
      layer.head_offsets.size() != heads)
    throw Error(fmt::format("{} multipliers, {} head sizes and {} offsets do not fit orders 2 to {} with {} heads each",
                            layer.multipliers.size(), layer.head_sizes.size(), layer.head_offsets.size(),
                            geometry.max_order, geometry.heads_per_order),
                where, "check ngram_size and heads_per_ngram");
  const uint64_t ids =
      geometry.id_map.empty() ? geometry.vocab : uint64_t{*std::ranges::max_element(geometry.id_map)} + 1;
  for (const uint64_t multiplier : layer.multipliers)
    if (static_cast<Wide>(multiplier) * (ids - 1) > INT64_MAX)
      throw Error(fmt::format("multiplier {} overflows 63 bits with ids up to {}", multiplier, ids - 1), where,
                  "the constants belong to a smaller vocabulary");
}

}  // namespace

void check_geometry(const NgramGeometry& geometry, const std::string& where) {
  if (geometry.vocab == 0) throw Error("the vocabulary is empty", where);
  if (geometry.max_order < 2 || geometry.max_order > kMostOrders || geometry.heads_per_order == 0 ||
      geometry.layers.empty())
    throw Error(fmt::format("orders 2 to {} with {} heads in {} layers cannot be addressed", geometry.max_order,
                            geometry.heads_per_order, geometry.layers.size()),
                where, fmt::format("orders from 2 to {} are known", kMostOrders));
  if (geometry.boundary >= geometry.vocab)
    throw Error(fmt::format("EOS {} is outside the vocabulary of {}", geometry.boundary, geometry.vocab), where,
                "give the EOS of the trace's vocabulary, e.g. eos=1");
  if (!geometry.id_map.empty() && geometry.id_map.size() != geometry.vocab)
    throw Error(fmt::format("the id map has {} entries for a vocabulary of {}", geometry.id_map.size(), geometry.vocab),
                where, "it needs one id for each token");
  if (geometry.table_rows >= UINT32_MAX)
    throw Error(fmt::format("{} rows do not fit 32-bit row ids", geometry.table_rows), where, "use smaller heads");
  std::vector<Interval> heads;
  for (const NgramLayer& layer : geometry.layers) {
    check_layer(geometry, layer, where);
    for (size_t h = 0; h < layer.head_sizes.size(); ++h)
      heads.push_back({layer.head_offsets[h], layer.head_sizes[h], heads.size()});
  }
  std::ranges::sort(heads, {}, &Interval::first);
  for (size_t i = 0; i < heads.size(); ++i) {
    const auto& [first, size, head] = heads[i];
    if (size < 2 || size > geometry.table_rows || first > geometry.table_rows - size)
      throw Error(fmt::format("head {} (rows {} and the {} from there) is outside the table of {} rows", head, first,
                              size, geometry.table_rows),
                  where);
    if (i + 1 < heads.size() && first + size > heads[i + 1].first)
      throw Error(fmt::format("the rows of heads {} and {} overlap", head, heads[i + 1].head), where,
                  "each head needs its own range");
  }
}

std::unique_ptr<Addressing> make_ngram_addressing(NgramGeometry geometry) {
  return std::make_unique<NgramAddressing>(std::move(geometry));
}

namespace {

uint64_t number(std::string_view key, std::string_view value, uint64_t least, uint64_t most) {
  const auto parsed = parse_unsigned(value);
  if (!parsed || *parsed < least || *parsed > most)
    throw UsageError(fmt::format("'{}={}' must be a number from {} to {}", key, value, least, most), "--addressing");
  return *parsed;
}

std::unique_ptr<Addressing> make(std::span<const std::string> words) {
  if (words.empty())
    throw UsageError("'ngram' needs a preset", "--addressing", "write ngram:qwen4-exp or ngram:deepseek-engram");
  NgramChanges changes;
  for (const std::string& word : words.subspan(1)) {
    const size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (key == "vocab")
      changes.vocab = static_cast<uint32_t>(number(key, value, 2, INT32_MAX));
    else if (key == "eos")
      changes.boundary = static_cast<int64_t>(number(key, value, 0, INT32_MAX));
    else if (key == "head-rows")
      changes.head_rows = number(key, value, 2, UINT32_MAX);
    else if (key == "ids")
      changes.id_map_file = value;
    else
      throw UsageError(
          unknown_name("parameter of 'ngram'", key, std::vector<std::string>{"vocab", "eos", "head-rows", "ids"}),
          "--addressing");
  }
  return make_ngram_addressing(ngram_preset(words[0], changes));
}

}  // namespace

AddressingKind ngram_addressing() {
  return {"ngram", "ngram:PRESET[:vocab=N][:eos=ID][:head-rows=N][:ids=FILE]",
          "hashed rows of the last tokens (presets qwen4-exp, deepseek-engram)", make};
}

}  // namespace tierscope
