// SPDX-License-Identifier: BSD-3-Clause
#include "cli/runs.hpp"

#include <fmt/format.h>

#include <array>
#include <system_error>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/archive.hpp"
#include "cli/commands.hpp"
#include "cli/recovery.hpp"
#include "cli/terminal.hpp"
#include "cli/when.hpp"
#include "config/config.hpp"
#include "exchange/source.hpp"
#include "launch/program.hpp"
#include "report/document.hpp"
#include "store/edit.hpp"
#include "store/new_file.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

Result<RunFilter> filter_of(const CommandLine& line) {
  RunFilter filter;
  filter.app = line.app.value_or("");
  filter.tags = line.tags;
  const std::int64_t now_ns = now().real_ns;
  if (line.since) {
    const auto since = parse_when(*line.since, DayEnd::first, now_ns);
    if (!since) return Error{Errc::invalid, "--since: " + since.error().what, since.error().hint};
    filter.since_ns = *since;
  }
  if (line.until) {
    const auto until = parse_when(*line.until, DayEnd::last, now_ns);
    if (!until) return Error{Errc::invalid, "--until: " + until.error().what, until.error().hint};
    filter.until_ns = *until;
  }
  return filter;
}

StoredRun stored_run(const Run& run) {
  const auto summary = summarized(run);
  StoredRun out{run.number,  run.id,    run.begin.real_ns, summary.usage, summary.footprint,
                run.outcome, run.title, run.tags,          run.command};
  out.foreign = !run.origin.empty();
  for (const auto& node : run.nodes) out.nodes.push_back(node.host);
  return out;
}

Result<std::vector<StoredRun>> list(const Source& source) {
  if (source.store() != nullptr) return source.store()->list();
  const auto numbers = source.numbers();
  if (!numbers) return numbers.error();
  std::vector<StoredRun> out;
  for (const int number : *numbers) {
    const auto run = source.load(number);
    if (!run) return run.error();
    out.push_back(stored_run(*run));
  }
  return out;
}

/// The runs of a file that pass; nothing when its application does not.
Result<std::optional<ListedFile>> listed(const fs::path& file, const RunFilter& filter) {
  const auto source = Source::open(file);
  if (!source) return source.error();
  if (!filter.app.empty() && !text::glob(filter.app, source->app())) return std::optional<ListedFile>();
  auto runs = list(*source);
  if (!runs) return runs.error();
  ListedFile out{file, source->app(), static_cast<int>(runs->size()), {}};
  for (auto& run : *runs)
    if (filter.takes(run)) out.runs.push_back(std::move(run));
  return std::optional(std::move(out));
}

int fail(const Error& error, int status = 1) {
  complain(error);
  return status;
}

/// `place` is a data file, or a folder of them.
int list_runs(const CommandLine& line, const fs::path& place) {
  const auto filter = filter_of(line);
  if (!filter) return fail(filter.error(), 2);
  std::vector<fs::path> files{place};
  std::error_code none;
  if (fs::is_directory(place, none)) {
    auto found = data_files(place);
    if (!found) return fail(found.error());
    files = *std::move(found);
  }
  std::vector<ListedFile> all;
  int status = 0;
  for (const auto& file : files) {
    auto one = listed(file, *filter);
    if (!one)
      status = fail(one.error());  // the others are still worth seeing
    else if (*one && (!(*one)->runs.empty() || files.size() == 1))
      all.push_back(*std::move(*one));
  }
  if (line.json) return print(runs_json(all).dump(2) + "\n") ? status : 1;
  if (all.empty() && status == 0) say("no runs found");
  return print(runs_text(all)) ? status : 1;
}

/// What `perun runs ACTION FILE RUN WORDS...` is about.
struct Target {
  fs::path file;
  std::vector<int> numbers;
  std::vector<std::string> words;  ///< behind RUN
};

/// Only perun's own files are ever changed.
Status writable(const fs::path& file) {
  const auto source = Source::open(file);
  if (!source) return source.error();
  if (source->store() == nullptr)
    return Error{Errc::invalid, fmt::format("'{}' is not a data file of perun and is left as it is", file.string()),
                 "'perun export --format hdf5 -o NEW.hdf5' makes one of it"};
  return Ok{};
}

int show(const CommandLine& line, const Target& target) {
  if (line.json) {
    const auto which = fmt::format("{}", fmt::join(target.numbers, ","));
    const auto summary = summarize_file(target.file, which, own_factors);
    return !summary ? fail(summary.error()) : print(document(*summary).dump(2) + "\n") ? 0 : 1;
  }
  const auto source = Source::open(target.file);
  if (!source) return fail(source.error());
  std::string out;
  for (const int number : target.numbers) {
    const auto run = source->load(number);
    if (!run) return fail(run.error());
    out += (out.empty() ? "" : "\n") + run_text(*run, target.file);
  }
  return print(out) ? 0 : 1;
}

int edit(const Target& target, const RunEdit& edit) {
  const auto changed = edit_runs(target.file, target.numbers, edit);
  if (!changed) return fail(changed.error());
  return print(fmt::format("{}: {} of {} runs changed\n", target.file.string(), *changed, target.numbers.size())) ? 0 : 1;
}

int tag(const CommandLine& line, const Target& target) {
  for (const auto& word : target.words)
    if (!is_tag(word))
      return fail({Errc::invalid, fmt::format("'{}' cannot be a tag", text::to_utf8(word)),
                   "a tag is one line of at most 100 bytes, without a comma"},
                  2);
  RunEdit change;
  (line.action == "tag" ? change.add_tags : change.remove_tags) = target.words;
  return edit(target, change);
}

int rename(const Target& target) {
  const std::string title = target.words.front();
  if (!text::is_utf8(title) || title.size() > 500 || title.find_first_of("\r\n") != std::string::npos)
    return fail({Errc::invalid, "a title is one line of UTF-8 of at most 500 bytes"}, 2);
  return edit(target, {title, {}, {}});
}

int rename_app(const fs::path& file, const std::string& name) {
  if (const auto ok = check_app_name(name); !ok) return fail(ok.error(), 2);
  if (const auto ok = writable(file); !ok) return fail(ok.error());
  const auto renamed = rename_application(file, name);
  if (!renamed) return fail(renamed.error());
  return print(fmt::format("{} is now {}\n", file.string(), (file.parent_path() / renamed->filename()).string())) ? 0 : 1;
}

int compact(const fs::path& file) {
  const auto freed = compact_file(file, [](const RunInFile& run) { return summary_of(run); });
  if (!freed) return fail(freed.error());
  return print(fmt::format("{}: written anew, {} freed\n", file.string(),
                           units::si(static_cast<double>(std::max<std::int64_t>(*freed, 0)), "B")))
             ? 0
             : 1;
}

int remove(const CommandLine& line, const Target& target) {
  const auto which = fmt::format("{}", fmt::join(target.numbers, ", "));
  if (line.dry_run)
    return print(fmt::format("{}: would delete run {}; nothing written (--dry-run)\n", target.file.string(), which)) ? 0 : 1;
  if (const auto ok = delete_runs(target.file, target.numbers); !ok) return fail(ok.error());
  if (!print(fmt::format("{}: deleted run {}{}\n", target.file.string(), which,
                         line.compact ? "" : "; 'perun runs compact' gives the room back")))
    return 1;
  return line.compact ? compact(target.file) : 0;
}

/// The actions that work on runs of one file, with what must stand behind RUN.
enum class Words : unsigned char { none, one, some };
struct Action {
  std::string_view name;
  Words words;
  std::string_view usage;
};
constexpr std::array<Action, 5> actions{{{"show", Words::none, "show FILE [RUN]"},
                                         {"tag", Words::some, "tag FILE RUN NAME..."},
                                         {"untag", Words::some, "untag FILE RUN NAME..."},
                                         {"rename", Words::one, "rename FILE RUN TITLE, or rename FILE APP"},
                                         {"delete", Words::none, "delete FILE RUN"}}};

int act(const CommandLine& line, const Action& action) {
  const auto& words = line.words;
  const auto misused = [&] {
    return fail({Errc::invalid, fmt::format("perun runs {}: what to do is not clear", action.name),
                 fmt::format("usage: perun runs {}", action.usage)},
                2);
  };
  if (words.empty()) return misused();
  const fs::path file = words[0];
  if (action.name == "rename" && words.size() == 2) return rename_app(file, words[1]);
  if (words.size() == 1 && action.name != "show") return misused();
  Target target{file, {}, {}};
  if (words.size() > 2) target.words.assign(words.begin() + 2, words.end());
  const std::size_t count = target.words.size();
  if ((action.words == Words::none && count != 0) || (action.words == Words::one && count != 1) ||
      (action.words == Words::some && count == 0))
    return misused();
  auto numbers = choose_runs(file, words.size() > 1 ? words[1] : "last");
  if (!numbers) return fail(numbers.error());
  target.numbers = *std::move(numbers);
  if (action.name == "show") return show(line, target);
  if (const auto ok = writable(file); !ok) return fail(ok.error());
  if (action.name == "rename") return rename(target);
  if (action.name == "delete") return remove(line, target);
  return tag(line, target);
}

}  // namespace

int runs(const CommandLine& line, const Resolved& resolved) {
  const fs::path place = !line.words.empty() ? fs::path(line.words.front()) : resolved.config.data_out;
  std::error_code none;
  const auto folder = fs::is_directory(place, none) ? place : place.has_parent_path() ? place.parent_path() : fs::path(".");
  for (const auto& recovered : recover(folder, resolved.config)) say(recovered);
  for (const auto& action : actions)
    if (action.name == line.action) return act(line, action);
  if (line.words.size() > 1) {
    return fail({Errc::invalid, fmt::format("perun runs: unexpected word '{}'", text::to_utf8(line.words[1])),
                 "see 'perun runs --help'"},
                2);
  }
  if (line.action == "compact") {
    if (line.words.empty()) return fail({Errc::invalid, "the FILE to compact is missing", "usage: perun runs compact FILE"}, 2);
    if (const auto ok = writable(place); !ok) return fail(ok.error());
    return compact(place);
  }
  return list_runs(line, place);
}

}  // namespace perun
