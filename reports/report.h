// A report: one run, or two compared, and its renderings. A new rendering is a file in formats/ and a line in
// report.cc. Errors: Error naming the folder, the file and the line. Thread-safe.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/aggregate.h"
#include "reports/answer.h"
#include "reports/compare.h"

namespace tierscope {

struct Report {
  RunSummary run;  // the newer one of two
  std::vector<Answer> answers;
  std::optional<RunSummary> baseline;    // of two compared runs the first
  std::optional<Comparison> comparison;  // baseline -> run
};

enum class ManyFolders {
  guess,   // two folders that share a cell are compared, others merged
  merge,   // shards of one run
  compare  // the first is the baseline of the second
};
Report make_report(const std::vector<std::filesystem::path>& folders, ManyFolders many = ManyFolders::guess);

struct ReportFormat {
  const char* extension;  // ".csv"
  std::string (*render)(const Report& report);
};
std::span<const ReportFormat> report_formats();
// By the extension of `path`; UsageError with the known ones.
const ReportFormat& report_format_of(const std::filesystem::path& path);

std::string render_csv(const Report& report);       // one line a cell; figures are medians, with 95 % intervals
std::string render_json(const Report& report);      // schema/report.schema.json: what the page reads
std::string render_markdown(const Report& report);  // the answer and one table, aligned for a terminal
std::string render_html(const Report& report);      // the self-contained page

}  // namespace tierscope
