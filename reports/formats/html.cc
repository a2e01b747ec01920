#include "reports/report.h"
#include "reports/web_page.h"
#include "runtime/base/error.h"

namespace tierscope {

std::string render_html(const Report& report) {
  const std::string_view page = web_page();
  if (page.empty())
    throw Error("this program was built without the report's page", ".html",
                "build with npm present (TIERSCOPE_WEB=ON), or choose .md, .csv or .json");
  const size_t at = page.find(kWebPageDataMarker);
  if (at == std::string_view::npos) throw Error("the page has no place for its data", ".html", "build it again");
  const std::string data = render_json(report);
  std::string html;
  html.reserve(page.size() + data.size() + data.size() / 64);
  html += page.substr(0, at);
  // "</script>" in a name must not end the script element that carries the data; "<" may be escaped within JSON text.
  for (const char c : data) {
    if (c == '<')
      html += "\\u003c";
    else
      html += c;
  }
  html += page.substr(at + kWebPageDataMarker.size());
  return html;
}

}  // namespace tierscope
