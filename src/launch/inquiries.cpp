// SPDX-License-Identifier: BSD-3-Clause
#include "launch/inquiries.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "regions/agent_socket.h"

namespace perun {

namespace {

constexpr std::size_t most_callers = 256;

void watch(const Fd& events, const Fd& fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(events.get(), EPOLL_CTL_ADD, fd.get(), &event);
}

}  // namespace

Result<Inquiries> Inquiries::listen(const std::filesystem::path& path) {
  const auto failed = [&](int why) {
    return Error{Errc::io, fmt::format("cannot listen at {}: {}", path.string(), std::strerror(why))};
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path) return failed(ENAMETOOLONG);
  std::strcpy(address.sun_path, path.c_str());
  Inquiries in;
  in.socket_ = Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  in.events_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  const mode_t mask = ::umask(0177);  // the owner's alone
  const int bound = in.socket_ ? ::bind(in.socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) : -1;
  const int why = errno;
  ::umask(mask);
  if (bound != 0) return failed(why);
  in.path_ = path;
  if (!in.events_ || ::listen(in.socket_.get(), 64) != 0) return failed(errno);
  watch(in.events_, in.socket_);
  return in;
}

Inquiries& Inquiries::operator=(Inquiries&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(events_, other.events_);
  std::swap(socket_, other.socket_);
  std::swap(callers_, other.callers_);
  std::swap(waiting_, other.waiting_);
  return *this;
}

Inquiries::~Inquiries() {
  if (socket_) ::unlink(path_.c_str());
}

Inquiries::News Inquiries::collect() {
  News news;
  while (callers_.size() + waiting_.size() < most_callers) {
    Fd caller(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!caller) break;
    watch(events_, caller);
    callers_.push_back(std::move(caller));
  }
  for (auto& caller : callers_) {
    perun_request request{};
    const ssize_t n = ::recv(caller.get(), &request, sizeof request, MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    const bool sound = n == ssize_t{sizeof request} && request.version == 1;
    news.attached = news.attached || (sound && request.type == perun_request_attached);
    const bool between = request.type == perun_request_between && request.from_ns <= request.to_ns;
    if (sound && (request.type == perun_request_energy || between)) {
      news.energy = true;
      ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, caller.get(), nullptr);
      waiting_.push_back({std::move(caller), between ? std::optional(Stretch{request.from_ns, request.to_ns}) : std::nullopt});
    } else {
      caller.reset();
    }
  }
  std::erase_if(callers_, [](const Fd& fd) { return !fd; });
  return news;
}

void Inquiries::answer(const std::function<perun_energy(const std::optional<Stretch>&)>& find) noexcept {
  for (const auto& [caller, stretch] : waiting_) {
    const perun_energy energy = find(stretch);
    static_cast<void>(::send(caller.get(), &energy, sizeof energy, MSG_NOSIGNAL | MSG_DONTWAIT));
  }
  waiting_.clear();
}

}  // namespace perun
