// Which sanitizer watches the tests. Memory that it keeps or maps counts as theirs, and everything takes longer.
#pragma once

#ifdef __has_feature  // clang's way to say it
#define ORRERY_HAS_FEATURE(name) __has_feature(name)
#else
#define ORRERY_HAS_FEATURE(name) 0
#endif

namespace orrery {

#if defined(__SANITIZE_ADDRESS__) || ORRERY_HAS_FEATURE(address_sanitizer)
inline constexpr bool kAddressSanitized = true;
#else
inline constexpr bool kAddressSanitized = false;
#endif

#if defined(__SANITIZE_THREAD__) || ORRERY_HAS_FEATURE(thread_sanitizer)
inline constexpr bool kThreadSanitized = true;
#else
inline constexpr bool kThreadSanitized = false;
#endif

inline constexpr bool kSanitized = kAddressSanitized || kThreadSanitized;

}  // namespace orrery
