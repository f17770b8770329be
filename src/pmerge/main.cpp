// SPDX-License-Identifier: BSD-3-Clause
// mpirun -n 8 perun-pmerge [--data_out DIR] PIECE...: joins the pieces of a job as `perun merge` does, with several processes.
#include <fmt/format.h>
#include <mpi.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/summarize.hpp"
#include "base/crc32c.hpp"
#include "journal/job_folder.hpp"
#include "journal/join.hpp"
#include "launch/job.hpp"
#include "pmerge/together.hpp"
#include "version.hpp"

namespace perun {

namespace {

namespace fs = std::filesystem;

constexpr const char* usage = "usage: mpirun -n N perun-pmerge [--data_out DIR] PIECE...\n";

int complain(const Error& error) {
  const auto hint = error.hint.empty() ? "" : "              " + error.hint + "\n";
  std::fputs(fmt::format("perun-pmerge: {}\n{}", error.what, hint).c_str(), stderr);
  return 1;
}

struct Words {
  fs::path data_out = "./results";
  std::vector<std::string> pieces;
};

bool read(int argc, char** argv, Words& words) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if ((word == "--data_out" || word == "--data-out") && i + 1 < argc)
      words.data_out = argv[++i];
    else if (word.starts_with("-"))
      return false;
    else
      words.pieces.emplace_back(word);
  }
  return !words.pieces.empty();
}

/// Folders of each job by the job's key.
using Jobs = std::map<std::string, std::vector<fs::path>>;

Result<Jobs> find_jobs(const std::vector<std::string>& pieces) {
  Jobs jobs;
  for (const fs::path piece : pieces) {
    std::error_code none;
    auto folders = fs::exists(piece / "run.json", none) ? std::vector{piece} : journal::job_folders(piece);
    if (folders.empty())
      return Error{Errc::not_found, fmt::format("{} holds no piece of a job", piece.string()),
                   "name a node's data_out, or the folder that its perun told"};
    for (auto& folder : folders)
      jobs[fs::absolute(folder, none).lexically_normal().filename().string()].push_back(std::move(folder));
  }
  return jobs;
}

/// The first process's text, in all of them. Empty ends the work.
std::string same_for_all(std::string text) {
  auto size = static_cast<unsigned>(text.size());
  MPI_Bcast(&size, 1, MPI_UNSIGNED, 0, MPI_COMM_WORLD);
  text.resize(size);
  MPI_Bcast(text.data(), static_cast<int>(size), MPI_BYTE, 0, MPI_COMM_WORLD);
  return text;
}

/// Whether all processes see the same parts: they must make the same calls.
bool same_run(const Run& run) {
  std::string facts = run.id;
  for (const auto& node : run.nodes) {
    facts += "\n" + node.host;
    for (const auto& sensor : node.sensors) facts += " " + sensor.id;
  }
  std::uint32_t mine = crc32c(std::as_bytes(std::span(facts))), least = 0, most = 0;
  MPI_Allreduce(&mine, &least, 1, MPI_UINT32_T, MPI_MIN, MPI_COMM_WORLD);
  MPI_Allreduce(&mine, &most, 1, MPI_UINT32_T, MPI_MAX, MPI_COMM_WORLD);
  return least == most;
}

Result<int> add(const Run& run, const fs::path& data_out, bool check_present) {
  if (!same_run(run))
    return Error{Errc::io, "the processes do not see the same parts",
                 "the folders must be on a file system that all of them share"};
  const Summarize figures = [](const Run& stored, std::span<Readings* const> readings) {
    RunSummary summary = summarize(stored, readings);
    summary.made_by = made_by(version);
    return summary;
  };
  return append_run_together(data_out / (run.app + ".hdf5"), run, figures, check_present);
}

/// Which parts to open, and whether the run may be in the file already, as the first process tells the others.
int lead(const Words& words) {
  const auto jobs = find_jobs(words.pieces);
  if (!jobs) return complain(jobs.error());
  for (const auto& [key, folders] : *jobs) {
    const auto store = [&](const Run& run, Presence presence) -> Result<Stored> {
      const bool check = presence == Presence::perhaps_there;
      same_for_all((check ? "?" : "!") + as_text(folders));
      const auto number = add(run, words.data_out, check);
      if (!number) return number.error();
      Stored stored;
      stored.number = *number;
      return stored;
    };
    const auto stored = merge_job(folders, store);
    if (!stored) return complain(stored.error());
    std::fputs(fmt::format("{}: {} {} joined as run {}\n", key, folders.size(), folders.size() == 1 ? "piece" : "pieces",
                           stored->number)
                   .c_str(),
               stdout);
  }
  return 0;
}

int follow(const Words& words) {
  for (;;) {
    const std::string order = same_for_all({});
    if (order.empty()) return 0;
    const auto job = journal::open_job(folders_in(order.substr(1)));
    if (!job) {
      complain(job.error());
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
    static_cast<void>(add(job->run, words.data_out, order[0] == '?'));  // the first process tells what goes wrong
  }
}

int work(int argc, char** argv) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Words words;
  if (!read(argc, argv, words)) {
    if (rank == 0) std::fputs(usage, stderr);
    return 2;
  }
  if (rank != 0) return follow(words);
  const int status = lead(words);
  same_for_all({});
  return status;
}

}  // namespace

}  // namespace perun

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const int status = perun::work(argc, argv);
  MPI_Finalize();
  return status;
}
