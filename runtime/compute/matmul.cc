#include "runtime/compute/matmul.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "runtime/compute/block_codes.h"
#include "runtime/compute/kernels.h"

namespace tierscope {
namespace {

// Two panels of this size, a tile and its results share the L1 cache.
constexpr size_t kPanelBytes = 14 << 10;
// Tiles that pass by one panel; their activations stay in the L2 cache from panel to panel.
constexpr size_t kTokensAtOnce = 576;  // a multiple of all tile sizes
// Weights that a worker has brought to its L2 cache with each piece of the token that it converts.
constexpr size_t kBytesPerPiece = 4096;

size_t divide_up(size_t value, size_t by) {
  return (value + by - 1) / by;
}

// Consecutive numbers over the row groups (or pairs of them) of several matrices.
struct GroupRange {
  size_t output, first, last;  // groups [first, last) of one output
};

template <class Visit>
void visit_groups(std::span<const MatmulOutput> outputs, size_t grain, size_t first, size_t last, Visit&& visit) {
  size_t begin = 0;
  for (size_t index = 0; index < outputs.size(); ++index) {
    const size_t groups = outputs[index].weights->groups();
    const size_t units = divide_up(groups, grain);
    const size_t from = std::max(first, begin), to = std::min(last, begin + units);
    if (from < to) visit(GroupRange{index, (from - begin) * grain, std::min(groups, (to - begin) * grain)});
    begin += units;
  }
}

size_t count_groups(std::span<const MatmulOutput> outputs, size_t grain) {
  size_t count = 0;
  for (const MatmulOutput& output : outputs) count += divide_up(output.weights->groups(), grain);
  return count;
}

// The row groups that a worker multiplies, one after the other, over all outputs.
class WorkerGroups {
 public:
  WorkerGroups(std::span<const MatmulOutput> outputs, SharedRange& range, unsigned worker)
      : outputs_(outputs), range_(range), worker_(worker) {}

  struct Group {
    const MatmulOutput* output = nullptr;
    size_t index = 0;
    const std::byte* data() const { return output->weights->group(index); }
  };

  bool next(Group& group) {
    if (at_ == last_ && !range_.take(worker_, at_, last_)) return false;
    group.index = at_++;
    group.output = outputs_.data();
    for (; group.index >= group.output->weights->groups(); ++group.output)
      group.index -= group.output->weights->groups();
    return true;
  }

 private:
  std::span<const MatmulOutput> outputs_;
  SharedRange& range_;
  unsigned worker_;
  size_t at_ = 0, last_ = 0;
};

// One token or a few, each weight read once for all of them.
class TokensProduct {
 public:
  TokensProduct(std::span<const MatmulOutput> outputs, const float* x, size_t tokens, ThreadPool& pool)
      : outputs_(outputs), x_(x), tokens_(tokens), pool_(pool), level_(kernels(pool.level())) {}

  void run() {
    const std::byte* shared = tokens_ > 1 ? convert_shared() : nullptr;
    pool_.share(count_groups(outputs_, 1), 32, [&](unsigned worker, SharedRange& groups) {
      WorkerGroups own(outputs_, groups, worker);
      WorkerGroups::Group group, next;
      if (!own.next(group)) return;
      const std::byte* converted = shared != nullptr ? shared : convert(group, worker);
      for (bool more = true; more; group = next) {
        more = own.next(next);
        multiply(group, converted, more ? next.data() : group.data());
      }
    });
  }

 private:
  const ActivationKernel& form() const { return level_.activations[static_cast<size_t>(ActivationForm::int8_token)]; }
  size_t cols() const { return outputs_[0].weights->cols(); }
  size_t units() const { return divide_up(cols(), form().unit_cols); }
  bool wants_int8() const {
    return std::ranges::any_of(outputs_, [&](const MatmulOutput& output) {
      return product_kernel(level_, output.weights->type()).token_form == ActivationForm::int8_token;
    });
  }

  // Several tokens take longer to convert than waiting for another does: each worker converts its share of the columns.
  const std::byte* convert_shared() const {
    if (!wants_int8()) return nullptr;
    std::byte* converted = pool_.scratch(pool_.size(), units() * tokens_ * form().unit_bytes);
    pool_.split(units(), 1, [&](size_t first, size_t last, unsigned) {
      const size_t col = first * form().unit_cols;
      form().convert(x_ + col, cols(), tokens_, std::min(cols(), last * form().unit_cols) - col,
                     converted + first * tokens_ * form().unit_bytes);
    });
    return converted;
  }

  // Each worker converts the token for itself: that takes less time than waiting for another to do it. RAM would idle
  // meanwhile, so the worker's first weights are brought to its L2 cache piece by piece.
  const std::byte* convert(const WorkerGroups::Group& first, unsigned worker) const {
    std::byte* converted = pool_.scratch(worker, units() * form().unit_bytes);
    const std::byte* weights = first.data();
    prefetch_to_l2(weights, kBytesPerPiece);
    if (!wants_int8()) return converted;
    const size_t piece_cols = 8 * form().unit_cols;
    for (size_t col = 0; col < cols(); col += piece_cols) {
      weights += kBytesPerPiece;
      prefetch_to_l2(weights, kBytesPerPiece);
      form().convert(x_ + col, cols(), 1, std::min(piece_cols, cols() - col),
                     converted + col / form().unit_cols * form().unit_bytes);
    }
    return converted;
  }

  static void prefetch_to_l2(const std::byte* at, size_t bytes) {
    constexpr size_t kLine = 64;
    for (size_t offset = 0; offset < bytes; offset += kLine) __builtin_prefetch(at + offset, 0, 2);
  }

  void multiply(const WorkerGroups::Group& group, const std::byte* converted, const std::byte* next) const {
    const WeightMatrix& weights = *group.output->weights;
    const ProductKernel& kernel = product_kernel(level_, weights.type());
    const TokensKernel multiply_tokens = kernel.multiply_tokens[tokens_ - 1];
    const std::byte* x =
        kernel.token_form == ActivationForm::int8_token ? converted : reinterpret_cast<const std::byte*>(x_);
    const size_t first_row = group.index * kGroupRows;
    float* y = group.output->y + first_row;
    const size_t rows = weights.rows() - first_row;
    if (rows >= kGroupRows) return multiply_tokens(group.data(), weights.cols(), x, y, weights.rows(), next);
    std::array<float, kFewTokens * kGroupRows> sums;
    multiply_tokens(group.data(), weights.cols(), x, sums.data(), kGroupRows, next);
    for (size_t token = 0; token < tokens_; ++token)
      std::copy_n(sums.data() + token * kGroupRows, rows, y + token * weights.rows());
  }

  std::span<const MatmulOutput> outputs_;
  const float* x_;
  size_t tokens_;
  ThreadPool& pool_;
  const Kernels& level_;
};

// The tokens in one form, tile after tile.
struct Tiles {
  const ActivationKernel* form = nullptr;
  size_t units = 0;
  std::byte* data = nullptr;

  size_t tile_bytes() const { return units * form->unit_bytes; }
  const std::byte* at(size_t first_token, size_t first_unit) const {
    return data + first_token / form->tokens * tile_bytes() + first_unit * form->unit_bytes;
  }
};

class TilesProduct {
 public:
  TilesProduct(std::span<const MatmulOutput> outputs, const float* x, size_t tokens, ThreadPool& pool)
      : outputs_(outputs), tokens_(tokens), pool_(pool), level_(kernels(pool.level())) {
    convert(x);
  }

  void run() {
    pool_.share(count_groups(outputs_, kPanelGroups), 8, [&](unsigned worker, SharedRange& pairs) {
      std::byte* panels = pool_.scratch(worker, kPanelGroups * kPanelBytes);
      for (size_t first = 0, last = 0; pairs.take(worker, first, last);)
        visit_groups(outputs_, kPanelGroups, first, last,
                     [&](const GroupRange& range) { multiply(outputs_[range.output], range, panels); });
      if (level_.end_tiles != nullptr) level_.end_tiles();
    });
  }

 private:
  void convert(const float* x) {
    const size_t cols = outputs_[0].weights->cols();
    size_t bytes = 0;
    std::array<size_t, kActivationForms> begin{};
    for (const MatmulOutput& output : outputs_) {
      const auto form = static_cast<size_t>(product_kernel(level_, output.weights->type()).tile_form);
      Tiles& tiles = tiles_[form];
      if (tiles.form != nullptr) continue;
      tiles.form = &level_.activations[form];
      tiles.units = divide_up(cols, tiles.form->unit_cols);
      begin[form] = bytes;
      bytes += divide_up(divide_up(tokens_, tiles.form->tokens) * tiles.tile_bytes(), 64) * 64;
    }
    std::byte* data = pool_.scratch(pool_.size(), bytes);
    for (size_t form = 0; form < kActivationForms; ++form) {
      Tiles& tiles = tiles_[form];
      if (tiles.form == nullptr) continue;
      tiles.data = data + begin[form];
      const size_t per_tile = tiles.form->tokens;
      pool_.split(divide_up(tokens_, per_tile), 1, [&](size_t first, size_t last, unsigned) {
        for (size_t tile = first; tile < last; ++tile)
          tiles.form->convert(x + tile * per_tile * cols, cols, std::min(per_tile, tokens_ - tile * per_tile), cols,
                              tiles.data + tile * tiles.tile_bytes());
      });
    }
  }

  void multiply(const MatmulOutput& output, const GroupRange& range, std::byte* panels) const {
    const ProductKernel& kernel = product_kernel(level_, output.weights->type());
    const Tiles& tiles = tiles_[static_cast<size_t>(kernel.tile_form)];
    const size_t units_at_once = panel_units(kernel, tiles.units);
    for (size_t token = 0; token < tokens_; token += kTokensAtOnce)
      for (size_t unit = 0; unit < tiles.units; unit += units_at_once) {
        const size_t units = std::min(units_at_once, tiles.units - unit);
        for (size_t group = range.first; group < range.last; group += kPanelGroups) {
          unpack(*output.weights, kernel, group, unit, units, panels);
          for (size_t first = token; first < std::min(tokens_, token + kTokensAtOnce); first += tiles.form->tokens) {
            const TileOutput out{output.y + first * output.weights->rows() + group * kGroupRows, output.weights->rows(),
                                 std::min(kPanelRows, output.weights->rows() - group * kGroupRows),
                                 std::min(tiles.form->tokens, tokens_ - first), unit > 0};
            kernel.multiply_tile(panels, units, tiles.at(first, unit), out);
          }
        }
      }
  }

  // Whole super-blocks, of which formats may hold the scales together.
  static size_t panel_units(const ProductKernel& kernel, size_t units) {
    const size_t fitting = kPanelBytes / kernel.panel_unit_bytes;
    return std::min(units, std::max(fitting / kSuperBlocks, size_t{1}) * kSuperBlocks);
  }

  static void unpack(const WeightMatrix& weights, const ProductKernel& kernel, size_t group, size_t unit, size_t units,
                     std::byte* panels) {
    const size_t panel_bytes = units * kernel.panel_unit_bytes;
    kernel.unpack_panel(weights.group(group), weights.cols(), unit, units, panels);
    if (group + 1 < weights.groups())
      kernel.unpack_panel(weights.group(group + 1), weights.cols(), unit, units, panels + panel_bytes);
    else
      std::memset(panels + panel_bytes, 0, panel_bytes);
  }

  std::span<const MatmulOutput> outputs_;
  size_t tokens_;
  ThreadPool& pool_;
  const Kernels& level_;
  std::array<Tiles, kActivationForms> tiles_{};
};

}  // namespace

void matmul(std::span<const MatmulOutput> outputs, const float* x, size_t tokens, ThreadPool& pool) {
  if (outputs.empty() || tokens == 0) return;
  assert(std::ranges::all_of(
      outputs, [&](const MatmulOutput& output) { return output.weights->cols() == outputs[0].weights->cols(); }));
  if (tokens <= kFewTokens) return TokensProduct(outputs, x, tokens, pool).run();
  TilesProduct(outputs, x, tokens, pool).run();
}

void matmul(const WeightMatrix& weights, const float* x, size_t tokens, float* y, ThreadPool& pool) {
  const MatmulOutput output{&weights, y};
  matmul(std::span(&output, 1), x, tokens, pool);
}

}  // namespace tierscope
