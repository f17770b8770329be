// SPDX-License-Identifier: BSD-3-Clause
#include "stream/receiver.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <vector>

#include "host/clock.hpp"
#include "stream/socket.hpp"

namespace perun::stream {

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t greeting_within_ns = 2 * second;
constexpr std::int64_t silence_ns = 30 * second;
constexpr std::size_t most_strangers = 64;  ///< that have not proved anything yet
constexpr int look_every_ms = 200;

}  // namespace

Receiver::Receiver(Ticket ticket, std::filesystem::path folder, Limits limits, std::function<bool()> wanted)
    : ticket_(ticket),
      intake_(std::move(ticket), std::move(folder), std::move(limits)),
      wanted_(std::move(wanted)),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { run(); }) {}

Receiver::~Receiver() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto told = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void Receiver::run() noexcept {
  try {
    serve();
  } catch (const std::exception&) {  // out of memory: the nodes keep their parts
  }
  for (const Guest& g : guests_) intake_.gone(g);
  guests_.clear();
  sending_ = 0;
}

void Receiver::accept_all(const Fd& listener) {
  for (;;) {
    Fd link(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!link) return;
    const auto strangers = std::ranges::count_if(guests_, [](const Guest& g) { return !g.file; });
    if (static_cast<std::size_t>(strangers) >= most_strangers) continue;  // closes it
    Guest guest{.link = std::move(link), .nonce = new_nonce(), .since_ns = monotonic_ns()};
    const std::string hello = std::string(hello_magic).append(guest.nonce.data(), guest.nonce.size());
    if (send_all(guest.link, hello)) guests_.push_back(std::move(guest));
  }
}

void Receiver::serve() {
  if (!wanted_()) return;
  const Fd listener = listen_at(ticket_);
  if (!listener) return;
  std::vector<pollfd> fds;
  std::array<char, longest_block> bytes{};
  for (;;) {
    fds.assign({{stop_.get(), POLLIN, 0}, {listener.get(), POLLIN, 0}});
    for (const Guest& g : guests_) fds.push_back({g.link.get(), POLLIN, 0});
    ::poll(fds.data(), fds.size(), look_every_ms);
    if (fds[0].revents != 0 || (guests_.empty() && !ever_ && !wanted_())) return;
    auto event = fds.begin() + 2;
    for (auto guest = guests_.begin(); guest != guests_.end(); ++event) {
      bool leave = monotonic_ns() - guest->since_ns > (guest->file ? silence_ns : greeting_within_ns);
      if (event->revents != 0) {
        // Once a round, so that nobody who sends without end keeps the others waiting.
        const ssize_t n = ::recv(guest->link.get(), bytes.data(), bytes.size(), 0);
        if (n > 0)
          leave = intake_.take(*guest, {bytes.data(), static_cast<std::size_t>(n)}) == Intake::Verdict::leave;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
          leave = true;
      }
      if (leave) intake_.gone(*guest);
      guest = leave ? guests_.erase(guest) : std::next(guest);
    }
    sending_ = static_cast<int>(std::ranges::count_if(guests_, [](const Guest& g) { return bool(g.file); }));
    if (sending_ > 0) ever_ = true;
    if (fds[1].revents != 0) accept_all(listener);
  }
}

}  // namespace perun::stream
