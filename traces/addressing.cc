#include "traces/addressing.h"

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {
namespace {

class TokenAddressing final : public Addressing {
 public:
  std::string text() const override { return "token"; }
  uint32_t rows_per_token() const override { return 1; }
  uint64_t table_rows() const override { return 0; }
  uint32_t history_tokens() const override { return 0; }
  void rows(std::span<const TokenId>, std::span<const TokenId> tokens, std::vector<RowId>& out) const override {
    out.insert(out.end(), tokens.begin(), tokens.end());
  }
};

}  // namespace

std::unique_ptr<Addressing> parse_addressing(std::string_view text) {
  if (text == "token") return std::make_unique<TokenAddressing>();
  const std::vector<std::string> known{"token", "ngram"};
  throw UsageError(unknown_name("addressing", split(text, ':')[0], known), "--addressing");
}

}  // namespace tierscope
