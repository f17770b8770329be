// SPDX-License-Identifier: BSD-3-Clause
#include "stream/sender.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>

#include "host/clock.hpp"
#include "stream/socket.hpp"

namespace perun::stream {

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr int each_ms = 500;       // for a connection
constexpr int patience_ms = 2000;  // for a word of the other side, or room for one of ours
constexpr int between_blocks_ms = 500, between_tries_ms = 1000, last_tries_ms = 20;
constexpr std::int64_t last_try_ns = 1000 * ms;  // which is not broken off
constexpr std::int64_t unreached_ns = 300 * ms, reached_ns = 6000 * ms;

}  // namespace

Sender::Sender(Ticket ticket, const std::filesystem::path& part, std::string name, std::function<bool()> wanted)
    : ticket_(std::move(ticket)),
      name_(std::move(name)),
      wanted_(std::move(wanted)),
      file_(::open(part.c_str(), O_RDONLY | O_CLOEXEC)),
      thread_([this] { run(); }) {}

Sender::~Sender() {
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool Sender::finish(const std::filesystem::path& part, int ranks) {
  std::unique_lock lock(mutex_);
  end_ = End{part, ranks};
  give_up_ns_ = monotonic_ns() + (reached_ ? reached_ns : unreached_ns);
  changed_.notify_all();
  while (!over_ && monotonic_ns() < give_up_ns_ + last_try_ns) changed_.wait_for(lock, std::chrono::milliseconds(100));
  return delivered_;
}

bool Sender::over() {
  const std::lock_guard guard(mutex_);
  return over_;
}

void Sender::run() noexcept {
  try {
    serve();
  } catch (const std::exception&) {  // out of memory: the part stays where it is
  }
  const std::lock_guard guard(mutex_);
  over_ = true;
  changed_.notify_all();
}

/// The end when there is one, at once; else nothing, after a while.
std::optional<Sender::End> Sender::wait(int for_ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(for_ms), [this] { return end_ || stop_; });
  return end_;
}

void Sender::serve() {
  int patience = 0;  // the first try comes at once
  for (bool ending = false; !refused_; patience = link_ ? between_blocks_ms : between_tries_ms) {
    const auto end = ending ? end_ : wait(patience);
    {
      const std::lock_guard guard(mutex_);
      if (stop_ || (end && monotonic_ns() >= give_up_ns_)) return;
    }
    if (end && !ending) {
      // By its last name and in its last place: it may have gone on in the spool.
      file_ = Fd(::open(end->part.c_str(), O_RDONLY | O_CLOEXEC));
      if (!file_) return;
      ending = true;
    }
    if (!link_ && (!wanted_() || !connect())) {
      if (ending) ::usleep(last_tries_ms * 1000);
      continue;
    }
    if (!send_new() || (ending && !send_end(end->ranks))) {
      link_.reset();
      continue;
    }
    if (!ending) continue;
    const std::lock_guard guard(mutex_);
    delivered_ = true;
    return;
  }
}

bool Sender::connect() {
  link_ = connect_next(ticket_, place_, each_ms, patience_ms);
  if (!link_) return false;
  const auto greet = [&] {
    std::array<char, hello_magic.size() + sizeof(Nonce)> hello{};
    if (!receive_all(link_, hello) || std::string_view(hello.data(), hello_magic.size()) != hello_magic) return false;
    Nonce theirs{};
    std::copy(hello.begin() + hello_magic.size(), hello.end(), theirs.begin());
    const Nonce ours = new_nonce();
    std::string words(hello_magic);
    words.append(ours.data(), ours.size()).append(bytes_of(proof(ticket_, theirs, ours, Role::sender)));
    put_number(words, name_.size(), 2);
    words += name_;
    std::array<char, sizeof(Digest) + 8> answer{};
    if (!send_all(link_, words) || !receive_all(link_, answer)) return false;
    const std::string_view text(answer.data(), answer.size());
    if (text.substr(0, sizeof(Digest)) != bytes_of(proof(ticket_, theirs, ours, Role::receiver))) return false;
    sent_ = get_number(text, sizeof(Digest), 8);
    return true;
  };
  if (!greet()) {
    link_.reset();
    return false;
  }
  place_ = 0;
  const std::lock_guard guard(mutex_);
  if (!reached_ && end_) give_up_ns_ += reached_ns;
  reached_ = true;
  return true;
}

bool Sender::send_new() {
  std::string block(4, '\0');
  for (;;) {
    block.resize(4 + longest_block);
    const ssize_t n = ::pread(file_.get(), block.data() + 4, longest_block, static_cast<off_t>(sent_));
    if (n < 0) return false;
    if (n == 0) return true;
    std::string length;
    put_number(length, static_cast<std::uint64_t>(n), 4);
    std::copy(length.begin(), length.end(), block.begin());
    if (!send_all(link_, std::string_view(block).substr(0, 4 + static_cast<std::size_t>(n)))) return false;
    sent_ += static_cast<std::uint64_t>(n);
    const std::lock_guard guard(mutex_);
    if (stop_) return false;
  }
}

bool Sender::send_end(int ranks) {
  std::string words;
  put_number(words, 0, 4);
  put_number(words, static_cast<std::uint64_t>(ranks), 4);
  std::array<char, 1> answer{};
  if (!send_all(link_, words) || !receive_all(link_, answer)) return false;
  refused_ = answer[0] != done;
  return !refused_;
}

}  // namespace perun::stream
