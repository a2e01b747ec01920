#include "reports/web_page.h"

#ifdef TIERSCOPE_WEB_PAGE
// Neither g++ 12 nor clang 14 has #embed.
asm(R"(
.section .rodata
.global tierscope_web_page_begin
.global tierscope_web_page_end
tierscope_web_page_begin:
.incbin ")" TIERSCOPE_WEB_PAGE R"("
tierscope_web_page_end:
.previous
)");
extern "C" const char tierscope_web_page_begin[], tierscope_web_page_end[];
#endif

namespace tierscope {

std::string_view web_page() {
#ifdef TIERSCOPE_WEB_PAGE
  return {tierscope_web_page_begin, tierscope_web_page_end};
#else
  return {};
#endif
}

}  // namespace tierscope
