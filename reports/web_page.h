// The built page of reports/web, embedded into the program.
#pragma once

#include <string_view>

namespace tierscope {

// Where the page expects the report's JSON.
inline constexpr std::string_view kWebPageDataMarker = "TIERSCOPE_REPORT_DATA";

std::string_view web_page();  // empty where the program was built without it

}  // namespace tierscope
