// SPDX-License-Identifier: BSD-3-Clause
#include "regions/shell.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "regions/agent_socket.h"

namespace perun {

namespace {

using Kind = ShellMark::Kind;

Error wrong(std::string what) {
  return {Errc::invalid, std::move(what), "begin NAME, end [NAME], cancel [NAME], count NAME=N, or a text"};
}

Result<ShellMark> count(std::string_view text) {
  const auto sign = text.rfind('=');
  const auto n = sign == std::string_view::npos ? std::nullopt : text::number(text::trim(text.substr(sign + 1)));
  const auto name = text::trim(text.substr(0, sign));
  if (!n || name.empty()) return wrong(fmt::format("'{}' is not NAME=NUMBER", text::to_utf8(text)));
  return ShellMark{Kind::count, std::string(name), *n};
}

/// `rest` is nothing where no word followed.
Result<ShellMark> command(std::string_view verb, std::string_view rest) {
  if (verb == "begin" && rest.empty()) return wrong("begin needs the NAME of a region");
  if (verb == "begin") return ShellMark{Kind::begin, std::string(rest)};
  if (verb == "end") return ShellMark{Kind::end, std::string(rest)};
  if (verb == "cancel") return ShellMark{Kind::cancel, std::string(rest)};
  return count(rest);
}

bool is_verb(std::string_view word) noexcept {
  return word == "begin" || word == "end" || word == "cancel" || word == "count";
}

std::string joined(std::span<const std::string> words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace

Result<ShellMark> parse_mark(std::span<const std::string> words) {
  if (words.empty()) return wrong("there is nothing to mark");
  if (words[0] == "--") return ShellMark{Kind::moment, joined(words.subspan(1))};
  if (is_verb(words[0])) return command(words[0], joined(words.subspan(1)));
  return ShellMark{Kind::moment, joined(words)};
}

Result<ShellMark> parse_control_line(std::string_view line) {
  const auto trimmed = text::trim(line);
  const auto blank = trimmed.find(' ');
  const auto verb = trimmed.substr(0, blank);
  const auto rest = blank == std::string_view::npos ? std::string_view() : text::trim(trimmed.substr(blank + 1));
  if (verb == "mark" && !rest.empty()) return ShellMark{Kind::moment, std::string(rest)};
  if (is_verb(verb)) return command(verb, rest);
  return wrong(fmt::format("'{}' is not understood", text::to_utf8(trimmed.substr(0, 200))));
}

Result<ShellMarks> ShellMarks::open(const std::filesystem::path& marks) {
  ShellMarks shell;
  if (::perun_marks_map(&shell.map_, marks.c_str()) == 0) return shell;
  if (errno == EPROTO)
    return Error{Errc::format, fmt::format("{} is not a marks file of this version of perun", marks.string())};
  return Error{errno == ENOENT ? Errc::not_found : Errc::io,
               fmt::format("cannot open the marks file {}: {}", marks.string(), std::strerror(errno))};
}

ShellMarks::~ShellMarks() {
  ::perun_marks_unmap(&map_);
}
ShellMarks::ShellMarks(ShellMarks&& other) noexcept : map_(std::exchange(other.map_, {})) {}
ShellMarks& ShellMarks::operator=(ShellMarks&& other) noexcept {
  std::swap(map_, other.map_);
  return *this;
}

Status ShellMarks::set(const ShellMark& mark) {
  perun_block* const block = ::perun_marks_adopt(&map_, 0, 0);
  if (block == nullptr) return Error{Errc::io, "there is no more room for threads in the marks file"};
  const auto name = mark.name.empty() && (mark.kind == Kind::end || mark.kind == Kind::cancel)
                        ? PERUN_ANY
                        : ::perun_marks_name(&map_, mark.name.data(), mark.name.size());
  switch (mark.kind) {
    case Kind::begin:
      ::perun_marks_begin(block, name);
      break;
    case Kind::end:
      ::perun_marks_end(block, name);
      break;
    case Kind::cancel:
      ::perun_marks_cancel(block, name);
      break;
    case Kind::moment:
      ::perun_marks_moment(block, name);
      break;
    case Kind::count:
      ::perun_marks_count(block, name, mark.n);
      break;
  }
  ::perun_marks_park(block);
  __atomic_fetch_add(&::perun_header_of(&map_)->attached, 1, __ATOMIC_RELAXED);
  return Ok{};
}

void announce_marks(const std::filesystem::path& sock) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (sock.empty() || sock.native().size() >= sizeof address.sun_path) return;
  std::strcpy(address.sun_path, sock.c_str());
  const Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const perun_request request{1, perun_request_attached};
  if (socket && ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
    static_cast<void>(::send(socket.get(), &request, sizeof request, MSG_NOSIGNAL));
}

}  // namespace perun
