#include "reports/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/base/error.h"

namespace tierscope {
namespace {

constexpr std::array kFormats{
    ReportFormat{".html", render_html},
    ReportFormat{".csv", render_csv},
    ReportFormat{".json", render_json},
    ReportFormat{".md", render_markdown},
};

}  // namespace

Report make_report(const std::vector<std::filesystem::path>& folders, ManyFolders many) {
  if (many == ManyFolders::guess)
    many = folders.size() == 2 && share_a_cell(folders[0], folders[1]) ? ManyFolders::compare : ManyFolders::merge;
  Report report;
  if (many == ManyFolders::compare) {
    if (folders.size() != 2) throw UsageError(fmt::format("compare takes two folders, not {}", folders.size()));
    report.baseline = summarize_run({folders[0]});
    report.run = summarize_run({folders[1]});
    report.comparison = compare(*report.baseline, report.run);
  } else {
    report.run = summarize_run(folders);
  }
  if (report.run.cells.empty() && report.run.curves.empty() && report.run.failures.empty())
    throw Error("no result yet", folders.back().string(), "tierscope run PLAN.toml --out DIR makes some");
  report.answers = answer(report.run);
  return report;
}

std::span<const ReportFormat> report_formats() {
  return kFormats;
}

const ReportFormat& report_format_of(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  std::vector<std::string> known;
  for (const ReportFormat& format : kFormats) {
    if (extension == format.extension) return format;
    known.emplace_back(format.extension);
  }
  throw UsageError(fmt::format("no report has the extension '{}'", extension), path.string(),
                   fmt::format("choose one of {}", fmt::join(known, ", ")));
}

}  // namespace tierscope
