// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/archive.hpp"
#include "cli/commands.hpp"
#include "cli/recovery.hpp"
#include "cli/terminal.hpp"
#include "cli/timelines.hpp"
#include "exchange/json.hpp"
#include "exchange/table.hpp"
#include "report/gzip.hpp"
#include "report/trace/trace.hpp"
#include "store/new_file.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

using WriteText = std::function<Status(const Source&, std::span<const int>, Sink&)>;
using WritePlain = Status (*)(const Source&, std::span<const int>, Sink&);
using Draw = std::string (*)(const RunSummary&, const Timeline&);
using WriteRegions = Status (*)(const Source&, std::span<const int>, const SummarizeRun&, Sink&);

struct ExportFormat {
  std::string_view name;
  WritePlain write;                ///< null: a data file, made by the store
  WriteRegions regions = nullptr;  ///< null: has none
  Draw draw = nullptr;             ///< a timeline for a viewer, of one run
};
constexpr std::array<ExportFormat, 8> formats{{{"csv", write_csv_long, write_csv_regions},
                                               {"json", write_json},
                                               {"jsonl", write_jsonl, write_jsonl_regions},
                                               {"hdf5", nullptr},
                                               {"h5", nullptr},
                                               {"firefox", nullptr, nullptr, trace::firefox},
                                               {"chrome", nullptr, nullptr, trace::chrome},
                                               {"perfetto", nullptr, nullptr, trace::chrome}}};

constexpr std::uint64_t most_readings = 2'000'000;  // of a drawn run; more are thinned out

int fail(const Error& error, int status = 1) {
  complain(error);
  return status;
}

/// By --format, else by the suffix of -o. Errors: invalid.
Result<const ExportFormat*> format_of(const CommandLine& line) {
  std::string name = line.format.value_or("");
  if (name.empty() && !line.outputs.empty()) {
    name = fs::path(line.outputs.front()).extension().string();
    if (!name.empty()) name.erase(0, 1);
  }
  std::vector<std::string_view> known;
  for (const auto& format : formats) {
    if (format.name == name) return &format;
    known.push_back(format.name);
  }
  if (name.empty())
    return Error{
        Errc::invalid, "which format to export is not said",
        "--format csv, json, jsonl, hdf5, firefox, chrome or perfetto, or -o FILE with the suffix of one of the first four"};
  return Error{Errc::invalid,
               fmt::format("'{}' is not a format to export{}", text::to_utf8(name), text::did_you_mean(name, known)),
               "there are csv, json, jsonl, hdf5, firefox, chrome and perfetto; 'perun report' has txt and yaml"};
}

/// A regular file appears under its name when it is complete; a pipe or device is written as it is.
class Output {
 public:
  static Result<Output> open(const std::string& name) {
    Output out;
    out.name_ = name;
    struct stat facts {};
    const bool there = ::stat(name.c_str(), &facts) == 0;
    out.beside_ = !there || S_ISREG(facts.st_mode);
    const std::string path = out.beside_ ? name + ".part" : name;
    out.fd_ = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, there ? facts.st_mode & 0777 : 0666));
    if (!out.fd_)
      return Error{Errc::io, fmt::format("cannot write {}: {}", name, std::strerror(errno)), "choose another place with -o"};
    return out;
  }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  Status keep() {
    if (beside_ && ::rename((name_ + ".part").c_str(), name_.c_str()) != 0)
      return Error{Errc::io, fmt::format("cannot write {}: {}", name_, std::strerror(errno))};
    return Ok{};
  }
  void give_up() const noexcept {
    if (beside_) ::unlink((name_ + ".part").c_str());
  }

 private:
  std::string name_;
  Fd fd_;
  bool beside_ = false;
};

Status write_to(int fd, const std::string& name, const WriteText& write, const Source& source, std::span<const int> numbers) {
  Sink sink(fd, name);
  if (auto written = write(source, numbers, sink); !written) return written;
  return sink.finish();
}

Status write_text_file(const CommandLine& line, const WriteText& write, const Source& source, std::span<const int> numbers) {
  if (line.outputs.empty() || line.outputs.front() == "-") return write_to(STDOUT_FILENO, "to stdout", write, source, numbers);
  auto output = Output::open(line.outputs.front());
  if (!output) return output.error();
  auto written = write_to(output->fd(), line.outputs.front(), write, source, numbers);
  if (written) written = output->keep();
  if (!written) output->give_up();
  return written;
}

Status write_data_file(const fs::path& file, const Source& source, std::span<const int> numbers) {
  std::size_t at = 0;
  return make_file(file, source.app(), [&](Run& run, RunSummary& summary) -> Result<bool> {
    if (at == numbers.size()) return false;
    auto loaded = source.load(numbers[at++]);
    if (!loaded) return loaded.error();
    run = *std::move(loaded);
    summary = summarized(run);
    return true;
  });
}

/// A run as a viewer's timeline, in gzip where the name of the file says so.
WriteText drawer_of(const CommandLine& line, Draw draw) {
  const bool packed = !line.outputs.empty() && line.outputs.front().ends_with(".gz");
  return [=](const Source& source, std::span<const int> numbers, Sink& out) -> Status {
    const auto run = drawn_run(source, numbers.front(), most_readings);
    if (!run) return run.error();
    const std::string text = draw(run->summary, run->timeline);
    out.text(packed ? gzip(text) : text);
    return Ok{};
  };
}

/// What the words ask for of a format that is text.
WriteText writer_of(const CommandLine& line, const ExportFormat& format) {
  if (format.draw != nullptr) return drawer_of(line, format.draw);
  if (line.regions)
    return [&](const Source& source, std::span<const int> numbers, Sink& out) {
      return format.regions(
          source, numbers, [](const Run& run) { return summarized(run); }, out);
    };
  return line.wide ? write_csv_wide : format.write;
}

}  // namespace

int export_runs(const CommandLine& line, const Resolved& resolved) {
  const fs::path file = *line.file;
  const auto format = format_of(line);
  if (!format) return fail(format.error(), 2);
  if (line.wide && (*format)->name != "csv") return fail({Errc::invalid, "--wide is for csv"}, 2);
  if (line.regions && (line.wide || (*format)->regions == nullptr))
    return fail({Errc::invalid, "--regions is for csv and jsonl, and not for --wide"}, 2);
  const bool to_stdout = line.outputs.empty() || line.outputs.front() == "-";
  const bool data_file = (*format)->write == nullptr && (*format)->draw == nullptr;
  if (data_file && to_stdout)
    return fail({Errc::invalid, "a data file cannot be written to stdout", "name it with -o FILE.hdf5"}, 2);
  for (const auto& recovered : recover(file.has_parent_path() ? file.parent_path() : ".", resolved.config)) say(recovered);
  const auto source = Source::open(file);
  if (!source) return fail(source.error());
  const auto numbers = choose_runs(*source, file, line.run.value_or((*format)->draw == nullptr ? "all" : "last"));
  if (!numbers) return fail(numbers.error());
  if ((*format)->draw != nullptr && numbers->size() != 1)
    return fail({Errc::invalid, fmt::format("a timeline is of one run, not of {}", numbers->size()), "choose one with --run"},
                2);
  const auto written = data_file ? write_data_file(line.outputs.front(), *source, *numbers)
                                 : write_text_file(line, writer_of(line, **format), *source, *numbers);
  return written ? 0 : fail(written.error());
}

}  // namespace perun
