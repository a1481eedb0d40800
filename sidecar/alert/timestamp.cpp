// SPDX-License-Identifier: Apache-2.0
#include "sidecar/alert/timestamp.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// 2262-04-11 is where signed nanoseconds end; whole years only.
constexpr int kLastYear = 2261;

struct Broken {
  int year, month, day, hour, minute, second;
  std::uint32_t nanosecond;
};

Broken break_down(std::uint64_t time_ns) {
  using std::chrono::days;
  const auto seconds =
      std::chrono::sys_seconds(std::chrono::seconds(time_ns / kSecond));
  const auto day = std::chrono::floor<days>(seconds);
  const std::chrono::year_month_day date(day);
  const auto in_day = (seconds - day).count();
  return {
      .year = static_cast<int>(date.year()),
      .month = static_cast<int>(static_cast<unsigned>(date.month())),
      .day = static_cast<int>(static_cast<unsigned>(date.day())),
      .hour = static_cast<int>(in_day / 3600),
      .minute = static_cast<int>(in_day / 60 % 60),
      .second = static_cast<int>(in_day % 60),
      .nanosecond = static_cast<std::uint32_t>(time_ns % kSecond),
  };
}

// Reads a text from its beginning; every step fails at the end of it.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool literal(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Exactly `digits` decimal digits.
  std::optional<int> number(std::size_t digits) {
    if (rest_.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(rest_[i])) return std::nullopt;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }

  // One digit or more; those past the ninth are read and not used.
  std::optional<std::uint32_t> fraction() {
    if (rest_.empty() || !is_digit(rest_.front())) return std::nullopt;
    std::uint32_t value = 0;
    std::uint32_t unit = 100'000'000;
    while (!rest_.empty() && is_digit(rest_.front())) {
      value += static_cast<std::uint32_t>(rest_.front() - '0') * unit;
      unit /= 10;
      rest_.remove_prefix(1);
    }
    return value;
  }

  bool done() const { return rest_.empty(); }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view rest_;
};

// Seconds east of UTC.
std::optional<int> scan_offset(Scanner& scanner) {
  if (scanner.literal('Z') || scanner.literal('z')) return 0;
  int sign = 1;
  if (scanner.literal('-')) {
    sign = -1;
  } else if (!scanner.literal('+')) {
    return std::nullopt;
  }
  const auto hours = scanner.number(2);
  scanner.literal(':');
  const auto minutes = scanner.number(2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

}  // namespace

std::uint64_t now_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

std::string format_timestamp(std::uint64_t time_ns) {
  const Broken at = break_down(time_ns);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ",
                at.year, at.month, at.day, at.hour, at.minute, at.second,
                at.nanosecond);
  return text;
}

std::string format_clock(std::uint64_t time_ns) {
  const Broken at = break_down(time_ns);
  char text[64];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d.%09u", at.hour, at.minute,
                at.second, at.nanosecond);
  return text;
}

std::optional<std::uint64_t> parse_timestamp(std::string_view text) {
  Scanner scanner(text);
  const auto year = scanner.number(4);
  if (!year || !scanner.literal('-')) return std::nullopt;
  const auto month = scanner.number(2);
  if (!month || !scanner.literal('-')) return std::nullopt;
  const auto day = scanner.number(2);
  if (!day) return std::nullopt;
  if (!scanner.literal('T') && !scanner.literal('t') && !scanner.literal(' ')) {
    return std::nullopt;
  }
  const auto hour = scanner.number(2);
  if (!hour || !scanner.literal(':')) return std::nullopt;
  const auto minute = scanner.number(2);
  if (!minute || !scanner.literal(':')) return std::nullopt;
  const auto second = scanner.number(2);
  if (!second) return std::nullopt;
  std::uint32_t nanosecond = 0;
  if (scanner.literal('.')) {
    const auto fraction = scanner.fraction();
    if (!fraction) return std::nullopt;
    nanosecond = *fraction;
  }
  const auto offset = scan_offset(scanner);
  if (!offset || !scanner.done()) return std::nullopt;

  const std::chrono::year_month_day date{
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(*month)),
      std::chrono::day(static_cast<unsigned>(*day))};
  // 60 is a leap second: it is the first of the next minute here.
  if (!date.ok() || *year < 1970 || *year > kLastYear || *hour > 23 ||
      *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const std::int64_t days =
      std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds =
      ((days * 24 + *hour) * 60 + *minute) * 60 + *second - *offset;
  if (seconds < 0) return std::nullopt;
  return static_cast<std::uint64_t>(seconds) * kSecond + nanosecond;
}

std::optional<std::uint64_t> parse_since(std::string_view text,
                                         std::uint64_t now) {
  std::uint64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || end - unit != 1) return parse_timestamp(text);
  std::uint64_t seconds = 0;
  switch (*unit) {
    case 's':
      seconds = 1;
      break;
    case 'm':
      seconds = 60;
      break;
    case 'h':
      seconds = 3600;
      break;
    case 'd':
      seconds = 86400;
      break;
    default:  // a char, not an enumeration
      return std::nullopt;
  }
  // Longer ago than 1970 is 1970: everything.
  if (count > now / kSecond / seconds) return 0;
  return now - count * seconds * kSecond;
}

}  // namespace bailiff::sidecar
