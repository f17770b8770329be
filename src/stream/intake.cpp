// SPDX-License-Identifier: BSD-3-Clause
#include "stream/intake.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "host/clock.hpp"
#include "journal/job_folder.hpp"
#include "journal/journal.hpp"
#include "stream/socket.hpp"

namespace perun::stream {

namespace {

constexpr std::size_t before_name = hello_magic.size() + sizeof(Nonce) + sizeof(Digest) + 2;

/// Moves bytes to the front until there are `wanted` of them; whether there are.
bool gather(std::string& front, std::string_view& bytes, std::size_t wanted) {
  const std::size_t n = std::min(bytes.size(), wanted - std::min(wanted, front.size()));
  front.append(bytes.substr(0, n));
  bytes.remove_prefix(n);
  return front.size() >= wanted;
}

bool write_all(const Fd& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Intake::Verdict Intake::take(Guest& guest, std::string_view bytes) {
  if (guest.file) guest.since_ns = monotonic_ns();
  if (!guest.file)
    if (const auto verdict = greet(guest, bytes); verdict == Verdict::leave || !guest.file) return verdict;
  return store(guest, bytes);
}

Intake::Verdict Intake::greet(Guest& guest, std::string_view& bytes) {
  if (!gather(guest.words, bytes, before_name)) return Verdict::go_on;
  const std::size_t length = get_number(guest.words, before_name - 2, 2);
  if (length == 0 || length > longest_name || !guest.words.starts_with(hello_magic)) return Verdict::leave;
  if (!gather(guest.words, bytes, before_name + length)) return Verdict::go_on;
  Nonce theirs{};
  std::copy_n(guest.words.begin() + hello_magic.size(), theirs.size(), theirs.begin());
  const auto said = std::string_view(guest.words).substr(hello_magic.size() + sizeof(Nonce), sizeof(Digest));
  if (said != bytes_of(proof(ticket_, guest.nonce, theirs, Role::sender))) return Verdict::leave;
  if (!let_in(guest, guest.words.substr(before_name))) return Verdict::leave;
  guest.words.clear();
  std::string answer(bytes_of(proof(ticket_, guest.nonce, theirs, Role::receiver)));
  put_number(answer, parts_[guest.part.filename().string()], 8);
  return send_all(guest.link, answer) ? Verdict::go_on : Verdict::leave;
}

/// A part that nobody else brings just now: a new one, or one that goes on where a connection broke or a receiver died.
bool Intake::let_in(Guest& guest, const std::string& name) {
  if (name.find('/') != std::string::npos) return false;
  const auto part = journal::parse_part_name(folder_ / name);
  if (!part || part->ended || part->node == limits_.own_node) return false;
  const bool known = parts_.contains(name);
  if (!known && static_cast<int>(parts_.size()) >= limits_.most_parts) return false;
  Fd file(::open(part->path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (known ? 0 : O_CREAT), 0666));
  struct stat info {};
  if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(file.get(), &info) != 0) return false;
  parts_[name] = static_cast<std::uint64_t>(info.st_size);
  guest.part = part->path;
  guest.since_ns = monotonic_ns();
  guest.file = std::move(file);
  return true;
}

bool Intake::room_for(const Guest& guest, std::size_t bytes) const {
  struct statvfs disk {};
  if (bytes_ + bytes > limits_.most_bytes || ::fstatvfs(guest.file.get(), &disk) != 0) return false;
  return std::uint64_t{disk.f_bavail} * disk.f_frsize >= limits_.free_bytes + bytes;
}

Intake::Verdict Intake::store(Guest& guest, std::string_view bytes) {
  while (!bytes.empty()) {
    if (guest.left > 0) {
      const auto piece = bytes.substr(0, guest.left);
      if (!room_for(guest, piece.size()) || !write_all(guest.file, piece)) return Verdict::leave;
      bytes_ += piece.size();
      parts_[guest.part.filename().string()] += piece.size();
      guest.left -= piece.size();
      bytes.remove_prefix(piece.size());
      continue;
    }
    if (!gather(guest.words, bytes, 4)) return Verdict::go_on;
    const std::uint64_t number = get_number(guest.words, 0, 4);
    guest.words.clear();
    if (guest.ending) return end(guest, static_cast<int>(std::min<std::uint64_t>(number, 100'000'000)));
    guest.ending = number == 0;
    guest.left = number;
    if (number > longest_block) return Verdict::leave;
  }
  return Verdict::go_on;
}

void Intake::gone(const Guest& guest) {
  if (guest.part.empty() || journal::open(guest.part)) return;
  ::unlink(guest.part.c_str());
  parts_.erase(guest.part.filename().string());
}

/// Only what is a part of this job may bear the name of one that has ended: it would spoil the whole run else.
Intake::Verdict Intake::end(Guest& guest, int ranks) const {
  const auto contents = journal::open(guest.part);
  if (!contents || !contents->part || contents->part->job.key != limits_.key || (!contents->ended && ranks > 0)) {
    ::unlink(guest.part.c_str());
    static_cast<void>(send_all(guest.link, std::string_view(&refused, 1)));
    return Verdict::leave;
  }
  if (::fdatasync(guest.file.get()) != 0 || !journal::end_part(guest.part, ranks)) return Verdict::leave;
  guest.part.clear();
  static_cast<void>(send_all(guest.link, std::string_view(&done, 1)));
  return Verdict::leave;
}

}  // namespace perun::stream
