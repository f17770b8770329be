// SPDX-License-Identifier: BSD-3-Clause
// The journals of a data folder, and whose they are.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "journal/files.hpp"
#include "journal/journal.hpp"

namespace perun::journal {

namespace fs = std::filesystem;

namespace {

/// Longer than any living writer is silent: it writes a pair of clocks every 10 s.
constexpr std::int64_t longest_silence_ns = 60'000'000'000;

/// What a journal says of its writer, behind its header and, in a job, its part.
WriterFacts writer_of(const Fd& file) {
  constexpr std::size_t enough = 1 << 20;  // a header with some thousand sensors
  WriterFacts facts;
  std::vector<std::byte> bytes(4096);
  for (;;) {
    const ssize_t n = ::pread(file.get(), bytes.data(), bytes.size(), 0);
    if (n < static_cast<ssize_t>(magic.size())) return facts;
    auto rest = std::span(bytes).first(static_cast<std::size_t>(n)).subspan(magic.size());
    Frame frame{};
    while (const std::size_t length = parse_frame(rest, frame)) {
      const std::string_view text(reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size());
      if (frame.type == FrameType::writer) static_cast<void>(decode_writer(text, facts));
      if (frame.type != FrameType::header && frame.type != FrameType::part) return facts;
      rest = rest.subspan(length);
    }
    if (static_cast<std::size_t>(n) < bytes.size() || bytes.size() >= enough) return facts;
    bytes.resize(std::min(bytes.size() * 4, enough));
  }
}

Fd open_to_look(const fs::path& path) noexcept {
  return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
}

/// What a perun that was killed while it began left: a folder that it did not come to fill.
void remove_if_empty(const fs::path& folder) {
  std::error_code none;
  if (fs::is_empty(folder, none) && age_ns(folder) > longest_silence_ns && ::rmdir(folder.c_str()) == 0)
    ::rmdir(folder.parent_path().c_str());
}

/// A journal that never got its name holds no reading. Its maker is gone when nobody locks it, or when it is old.
void remove_if_unborn(const fs::path& hidden) {
  const Fd file = open_to_look(hidden);
  if (!file || try_flock(file.get(), LOCK_SH) == Flock::busy || age_ns(hidden) < longest_silence_ns) return;
  forget(hidden);
}

}  // namespace

Standing standing_of(Flock lock, const Owner& owner, const fs::path& journal) {
  if (lock == Flock::busy) return Standing::written;
  const auto by_silence = [&] { return age_ns(journal) < longest_silence_ns ? Standing::elsewhere : Standing::cut_off; };
  // Among the processes of one kernel flock is never wrong. Journals of an older perun do not say who writes them.
  if (lock == Flock::taken) return owner == Owner{} || same_boot(owner) ? Standing::cut_off : by_silence();
  const Life life = life_of(owner);
  return life == Life::alive ? Standing::written : life == Life::dead ? Standing::cut_off : by_silence();
}

Standing standing(const fs::path& journal) {
  const Fd file = open_to_look(journal);
  if (!file) return Standing::written;  // not ours to judge, or just removed
  return standing_of(try_flock(file.get(), LOCK_SH), writer_of(file).owner, journal);
}

Standing standing_after_kill(const fs::path& journal) {
  constexpr int most_looks = 500;
  constexpr std::chrono::milliseconds between{20};
  Standing now = standing(journal);
  for (int look = 1; look < most_looks && now == Standing::written; ++look) {
    const Fd file = open_to_look(journal);
    if (!file || !is_dying(writer_of(file).owner)) break;
    std::this_thread::sleep_for(between);
    now = standing(journal);
  }
  return now;
}

std::vector<Found> journals(const fs::path& folder) {
  std::vector<Found> found;
  std::error_code none;
  for (const auto& run : fs::directory_iterator(folder / ".perun", none)) {
    for (const auto& entry : fs::directory_iterator(run.path(), none)) {
      if (entry.path().extension() == ".journal") found.push_back({entry.path(), standing(entry.path())});
      if (entry.path().extension() == ".new") remove_if_unborn(entry.path());
    }
    remove_if_empty(run.path());
  }
  std::ranges::sort(found, {}, &Found::path);
  return found;
}

std::vector<fs::path> abandoned(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (auto& [path, standing] : journals(folder))
    if (standing == Standing::cut_off) paths.push_back(std::move(path));
  return paths;
}

fs::path home_of(const fs::path& journal) {
  const Fd file = open_to_look(journal);
  return file ? fs::path(writer_of(file).data_out) : fs::path();
}

void discard(const fs::path& journal) noexcept {
  ::unlink(journal.c_str());
  const fs::path folder = journal.parent_path();
  if (::rmdir(folder.c_str()) == 0) {
    ::rmdir(folder.parent_path().c_str());
    return;
  }
  ::unlink(lock_file_of(journal).c_str());
  forget(journal);
}

}  // namespace perun::journal
