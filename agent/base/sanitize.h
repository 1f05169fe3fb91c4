/* Whether this build has a sanitizer: it reads its process through ptrace, maps terabytes, and reports on stderr. */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define SG_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SG_SANITIZED 1
#endif
#endif
#ifndef SG_SANITIZED
#define SG_SANITIZED 0
#endif
