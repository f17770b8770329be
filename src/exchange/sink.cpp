// SPDX-License-Identifier: BSD-3-Clause
#include "exchange/sink.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace perun {

Sink& Sink::integer(std::int64_t value) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return text({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

Sink& Sink::number(double value) {
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return text({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void Sink::flush() {
  for (std::string_view rest = gathered_; !rest.empty() && why_ == 0;) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n > 0)
      rest.remove_prefix(static_cast<std::size_t>(n));
    else if (errno != EINTR)
      why_ = n == 0 ? EIO : errno;
  }
  gathered_.clear();
}

Status Sink::finish() {
  flush();
  if (why_ == 0 || why_ == EPIPE) return Ok{};  // a reader that closed its pipe has what it wanted
  return Error{Errc::io, fmt::format("cannot write {}: {}", name_, std::strerror(why_)), "choose another place with -o"};
}

}  // namespace perun
