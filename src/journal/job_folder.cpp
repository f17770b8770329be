// SPDX-License-Identifier: BSD-3-Clause
#include "journal/job_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/json.hpp"
#include "base/text.hpp"
#include "host/machine.hpp"
#include "host/sysfs.hpp"
#include "journal/journal.hpp"

namespace perun::journal {

namespace fs = std::filesystem;

namespace {

constexpr double older_than_the_job_s = 120;
constexpr int most_generations = 1000;
constexpr const char* run_file = "run.json";
constexpr std::string_view part_suffix = ".part";

Error failed(const fs::path& path, std::string_view doing) {
  const int why = errno;
  const auto code = why == EACCES || why == EPERM || why == EROFS ? Errc::denied : Errc::io;
  return {code, fmt::format("cannot {} {}: {}", doing, path.string(), std::strerror(why))};
}

/// A file beside `path` that nobody else makes.
fs::path beside(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.{}.{}", path.filename().string(), host_name(), ::getpid());
}

std::optional<std::string> run_id_in(const fs::path& file) {
  const auto text = sysfs::text(file);
  if (!text) return std::nullopt;
  const auto json = Json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("id") || !json["id"].is_string()) return std::nullopt;
  return json["id"].get<std::string>();
}

/// Names the run, unless somebody else was quicker.
Status name_run(const fs::path& file) {
  const auto mine = beside(file);
  {
    const Fd fd(::open(mine.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    const std::string text = Json{{"id", new_run_key()}}.dump() + "\n";
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      const auto error = failed(file, "write");
      ::unlink(mine.c_str());
      return error;
    }
  }
  // A link appears whole or not at all, on network file systems too.
  const bool linked = ::link(mine.c_str(), file.c_str()) == 0 || errno == EEXIST;
  const bool renamed = !linked && ::renameat2(AT_FDCWD, mine.c_str(), AT_FDCWD, file.c_str(), RENAME_NOREPLACE) == 0;
  const bool there = linked || renamed || errno == EEXIST;
  const auto error = failed(file, "make");
  if (!renamed) ::unlink(mine.c_str());
  return there ? Status(Ok{}) : error;
}

/// Whether a job was killed here some time ago, as a whole: nobody ended its parts, and nobody writes to any.
bool cut_off(const fs::path& folder) {
  bool unended = false;
  double youngest_s = older_than_the_job_s;
  for (const auto& part : parts_of(folder)) {
    if (alive(part)) return false;
    unended = unended || !part.ended;
    youngest_s = std::min(youngest_s, age_s(part.path).value_or(0));
  }
  return unended && youngest_s >= older_than_the_job_s;
}

/// The folder if it is this job's; nothing when an older job of the same key has left it.
Result<std::optional<JobFolder>> try_folder(const fs::path& folder, std::int64_t manager_age_ns) {
  const fs::path file = folder / run_file;
  std::error_code error;
  for (int attempt = 0; attempt < 5; ++attempt) {  // it may be removed at any time, by whoever ended the job before
    fs::create_directories(folder, error);
    if (error) continue;
    if (::access(file.c_str(), F_OK) != 0) {
      if (const auto named = name_run(file); !named) {
        if (::access(folder.c_str(), F_OK) != 0) continue;
        return named.error();
      }
    }
    const auto id = run_id_in(file);
    if (!id) {
      if (::access(file.c_str(), F_OK) != 0) continue;
      return std::optional<JobFolder>();  // not ours: leave it alone
    }
    const auto age = age_s(file);
    const double manager_s = static_cast<double>(manager_age_ns) * 1e-9;
    if (manager_age_ns > 0 ? age && *age > manager_s + older_than_the_job_s : cut_off(folder))
      return std::optional<JobFolder>();
    return std::optional(JobFolder{folder, *id});
  }
  if (error) errno = error.value();
  return failed(folder, "make the folder");
}

}  // namespace

std::optional<double> age_s(const fs::path& path) {
  struct stat then {};
  if (::stat(path.c_str(), &then) != 0) return std::nullopt;
  // A new file has the time of its file system's server, as `path` has: no two nodes' clocks are compared.
  const auto probe = beside(path);
  const Fd fd(::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  struct stat now {};
  if (!fd || ::write(fd.get(), "", 1) != 1 || ::fstat(fd.get(), &now) != 0) {
    ::unlink(probe.c_str());
    return std::nullopt;
  }
  ::unlink(probe.c_str());
  return static_cast<double>(now.st_mtim.tv_sec - then.st_mtim.tv_sec) +
         static_cast<double>(now.st_mtim.tv_nsec - then.st_mtim.tv_nsec) * 1e-9;
}

Result<JobFolder> enter_job(const fs::path& data_out, std::string_view key, std::int64_t manager_age_ns) {
  for (int k = 1; k < most_generations; ++k) {
    const auto folder = run_folder(data_out, k == 1 ? std::string(key) : fmt::format("{}.{}", key, k));
    auto found = try_folder(folder, manager_age_ns);
    if (!found) return found.error();
    if (*found) return **std::move(found);
  }
  return Error{Errc::io, fmt::format("{} holds too many jobs called {}", (data_out / ".perun").string(), key),
               "perun report stores those that were cut off"};
}

Result<std::string> job_run_id(const fs::path& folder) {
  auto id = run_id_in(folder / run_file);
  if (!id) return Error{Errc::format, fmt::format("{} does not name a run", (folder / run_file).string())};
  return *std::move(id);
}

std::vector<fs::path> job_folders(const fs::path& data_out) {
  std::vector<fs::path> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(data_out / ".perun", none))
    if (fs::exists(entry.path() / run_file, none)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

namespace {

/// Whether the job in a spool's folder belongs to `data_out`.
bool belongs(const fs::path& spooled, const fs::path& data_out) {
  std::error_code none;
  for (const auto& part : parts_of(spooled)) {
    const auto home = home_of(part.path);
    return home == data_out || fs::equivalent(home, data_out, none);
  }
  return false;
}

}  // namespace

std::vector<fs::path> folders_of_job(const fs::path& data_out, const fs::path& spool, std::string_view name) {
  std::vector<fs::path> found;
  std::error_code none;
  if (const auto here = run_folder(data_out, name); fs::exists(here / run_file, none)) found.push_back(here);
  if (spool.empty() || fs::equivalent(spool, data_out, none)) return found;
  const auto spooled = run_folder(spool, name);
  if (fs::exists(spooled / run_file, none) && belongs(spooled, fs::absolute(data_out, none).lexically_normal()))
    found.push_back(spooled);
  return found;
}

std::vector<std::string> names_of_jobs(const fs::path& data_out, const fs::path& spool) {
  std::vector<std::string> names;
  for (const auto& folder : job_folders(data_out)) names.push_back(folder.filename().string());
  if (!spool.empty())
    for (const auto& folder : job_folders(spool))
      if (!folders_of_job(data_out, spool, folder.filename().string()).empty()) names.push_back(folder.filename().string());
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<PartFile> parse_part_name(const fs::path& path) {
  std::string name = path.filename().string();
  if (!name.ends_with(part_suffix)) return std::nullopt;
  name.resize(name.size() - part_suffix.size());
  const auto tilde = name.rfind('~');
  if (tilde == std::string::npos || tilde == 0) return std::nullopt;
  PartFile part{.path = path, .node = name.substr(0, tilde), .segment = 0, .ended = {}};
  const auto numbers = text::split(std::string_view(name).substr(tilde + 1), '.');
  const auto number = [](std::string_view s) -> std::optional<int> {
    const auto n = text::integer(s);
    return n && *n >= 0 && *n < 1'000'000'000 ? std::optional(static_cast<int>(*n)) : std::nullopt;
  };
  const auto segment = number(numbers[0]);
  if (!segment || numbers.size() > 2) return std::nullopt;
  part.segment = *segment;
  if (numbers.size() == 2) {
    part.ended = number(numbers[1]);
    if (!part.ended) return std::nullopt;
  }
  return part;
}

std::vector<PartFile> parts_of(const fs::path& folder) {
  std::vector<PartFile> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none))
    if (auto part = parse_part_name(entry.path())) found.push_back(*std::move(part));
  std::sort(found.begin(), found.end(), [](const PartFile& a, const PartFile& b) {
    return std::pair(std::string_view(a.node), a.segment) < std::pair(std::string_view(b.node), b.segment);
  });
  return found;
}

fs::path part_path(const fs::path& folder, std::string_view node, int segment) {
  return folder / fmt::format("{}~{}{}", node, segment, part_suffix);
}

Result<fs::path> end_part(const fs::path& part, int ranks) {
  auto name = part.filename().string();
  name.resize(name.size() - part_suffix.size());
  auto to = part.parent_path() / fmt::format("{}.{}{}", name, ranks, part_suffix);
  if (::rename(part.c_str(), to.c_str()) != 0) return failed(part, "rename");
  return to;
}

bool on_this_machine_only(const fs::path& folder) {
  // Magic numbers of linux/magic.h: ext, XFS, Btrfs, tmpfs, overlayfs, F2FS; of ZFS from its own sources.
  constexpr std::array<long, 7> local{0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x794c7630, 0xF2F52010, 0x2FC12FC1};
  struct statfs info {};
  if (::statfs(folder.c_str(), &info) != 0) return false;
  return std::find(local.begin(), local.end(), static_cast<long>(info.f_type)) != local.end();
}

int ranks_ended(std::span<const fs::path> folders) {
  std::int64_t sum = 0;
  for (const auto& folder : folders)
    for (const auto& part : parts_of(folder)) sum += part.ended.value_or(0);
  return static_cast<int>(std::min<std::int64_t>(sum, 1'000'000'000));
}

bool alive(const PartFile& part) {
  return !part.ended && standing(part.path) != Standing::cut_off;
}

void discard_job(const fs::path& folder) noexcept {
  try {
    std::error_code none;
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(folder, none))
      if (entry.path().filename() != run_file) all.push_back(entry.path());
    for (const auto& path : all) ::unlink(path.c_str());
    ::unlink((folder / run_file).c_str());  // last: what it names is gone then
    if (::rmdir(folder.c_str()) == 0) ::rmdir(folder.parent_path().c_str());
  } catch (...) {  // out of memory: the next perun removes it
  }
}

std::optional<Fd> lock_job(const fs::path& folder) {
  Fd file(::open((folder / run_file).c_str(), O_RDWR | O_CLOEXEC));
  if (!file) return std::nullopt;
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return std::nullopt;
  // Whoever held it may have removed the folder, and another job made it anew.
  struct stat held {
  }, named{};
  if (::fstat(file.get(), &held) != 0 || ::stat((folder / run_file).c_str(), &named) != 0 || held.st_ino != named.st_ino)
    return std::nullopt;
  return file;
}

}  // namespace perun::journal
