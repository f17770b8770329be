// SPDX-License-Identifier: BSD-3-Clause
#include "store/job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/text.hpp"
#include "store/datasets.hpp"
#include "store/layout.hpp"

namespace perun::h5 {

namespace {

namespace attr = layout::attr;

/// A column of whole numbers: its name in the file, and where a rank has it.
struct Column {
  const char* name;
  const char* units;
  const char* long_name;
  std::int64_t (*get)(const RankRecord&);
  void (*set)(RankRecord&, std::int64_t);
};

int small(std::int64_t value) noexcept {
  using Limits = std::numeric_limits<int>;
  return static_cast<int>(std::clamp<std::int64_t>(value, Limits::min(), Limits::max()));
}

std::int64_t in_us(double seconds) noexcept {
  return std::llround(seconds * 1e6);
}

constexpr const char* epoch = "nanoseconds since 1970-01-01 00:00:00";

using R = RankRecord;
constexpr std::array<Column, 12> columns{{
    {"node", "1", "index of its node in the run's attribute nodes", [](const R& r) -> std::int64_t { return r.node; },
     [](R& r, std::int64_t v) { r.node = small(v); }},
    {"status", "1", "0 unfinished, 1 lost, 2 failed, 3 ok", [](const R& r) { return static_cast<std::int64_t>(r.status); },
     [](R& r, std::int64_t v) { r.status = static_cast<RankStatus>(std::clamp<std::int64_t>(v, 0, 3)); }},
    {"exit_code", "1", "as a shell reports it", [](const R& r) -> std::int64_t { return r.exit_code; },
     [](R& r, std::int64_t v) { r.exit_code = small(v); }},
    {"signal_number", "1", "the signal that killed it, or 0", [](const R& r) -> std::int64_t { return r.signal; },
     [](R& r, std::int64_t v) { r.signal = small(v); }},
    {"pid", "1", "process id on its node", [](const R& r) -> std::int64_t { return r.pid; },
     [](R& r, std::int64_t v) { r.pid = small(v); }},
    {"begin_ns", epoch, "begin by its node's wall clock", [](const R& r) { return r.begin.real_ns; },
     [](R& r, std::int64_t v) { r.begin.real_ns = v; }},
    {"begin_mono_ns", "ns", "begin by CLOCK_MONOTONIC", [](const R& r) { return r.begin.mono_ns; },
     [](R& r, std::int64_t v) { r.begin.mono_ns = v; }},
    {"end_ns", epoch, "end by its node's wall clock", [](const R& r) { return r.end.real_ns; },
     [](R& r, std::int64_t v) { r.end.real_ns = v; }},
    {"end_mono_ns", "ns", "end by CLOCK_MONOTONIC; 0: not seen", [](const R& r) { return r.end.mono_ns; },
     [](R& r, std::int64_t v) { r.end.mono_ns = v; }},
    {"user_us", "us", "processor time in user mode", [](const R& r) { return in_us(r.user_s); },
     [](R& r, std::int64_t v) { r.user_s = static_cast<double>(v) * 1e-6; }},
    {"system_us", "us", "processor time in system mode", [](const R& r) { return in_us(r.system_s); },
     [](R& r, std::int64_t v) { r.system_s = static_cast<double>(v) * 1e-6; }},
    {"max_rss_bytes", "byte", "largest resident memory", [](const R& r) { return r.max_rss_bytes; },
     [](R& r, std::int64_t v) { r.max_rss_bytes = v; }},
}};

/// Programs of ranks that run another one than the run's first: {"3": {"app": ..., "command": [...]}}.
std::string programs_json(const JobRecord& job) {
  Json out = Json::object();
  for (const auto& r : job.ranks)
    if (!r.app.empty() || !r.command.empty()) out[std::to_string(r.rank)] = {{"app", r.app}, {"command", r.command}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void take_programs(const std::string& text, JobRecord& job) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return;
  for (auto& r : job.ranks) {
    const auto found = json.find(std::to_string(r.rank));
    if (found == json.end() || !found->is_object()) continue;
    try {
      r.app = found->value("app", std::string());
      r.command = found->value("command", std::vector<std::string>());
    } catch (const nlohmann::json::exception&) {  // of another type: as good as absent
    }
  }
}

}  // namespace

Status write_job(const Types& types, hid_t run_group, const JobRecord& job) {
  const Group group(H5Gcreate2(run_group, layout::ranks, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  if (!group) return failure(Errc::io, "cannot make the group 'ranks'");
  std::vector<std::int64_t> row(job.ranks.size());
  std::transform(job.ranks.begin(), job.ranks.end(), row.begin(), [](const auto& r) { return r.rank; });
  Scales scales;
  const auto axis = write_rows(group.get(), layout::rank, row);
  if (!axis) return axis.error();
  AttributeWriter about_axis(types, axis->get());
  about_axis.text(attr::units, "1").text(attr::long_name, "rank");
  if (auto written = about_axis.status(); !written) return written;
  const auto scale = scales.add(types, *axis, layout::rank);
  if (!scale) return scale.error();
  for (const Column& column : columns) {
    std::transform(job.ranks.begin(), job.ranks.end(), row.begin(), column.get);
    const auto dataset = write_rows(group.get(), column.name, row);
    if (!dataset) return dataset.error();
    AttributeWriter a(types, dataset->get());
    a.text(attr::units, column.units).text(attr::long_name, column.long_name).text(attr::coordinates, layout::rank);
    if (auto written = a.status(); !written) return written;
    if (auto attached = scales.attach(*dataset, std::array{*scale}); !attached) return attached;
  }
  if (auto finished = scales.finish(); !finished) return finished;
  Json scheduler = Json::object();
  for (const auto& [key, value] : job.scheduler) scheduler[text::to_utf8(key)] = text::to_utf8(value);
  AttributeWriter a(types, group.get());
  a.text(attr::nx_class, "NXcollection").text(attr::launcher, job.launcher).text(attr::job_key, job.key);
  a.integer(attr::job_size, job.size).text(attr::scheduler, scheduler.dump()).text(attr::programs, programs_json(job));
  return a.status();
}

Result<std::optional<JobRecord>> read_job(hid_t run_group) {
  if (H5Lexists(run_group, layout::ranks, H5P_DEFAULT) <= 0) return std::optional<JobRecord>();
  const Group group(H5Gopen2(run_group, layout::ranks, H5P_DEFAULT));
  if (!group) return failure(Errc::format, "the group 'ranks' cannot be read");
  const AttributeReader a(group.get());
  // A host may be called so too; only a job's has a size.
  const auto size = a.integer(attr::job_size);
  if (!size) return std::optional<JobRecord>();
  JobRecord job{.launcher = a.text_or(attr::launcher), .key = a.text_or(attr::job_key), .size = small(*size)};
  const auto scheduler = Json::parse(a.text_or(attr::scheduler, "{}"), nullptr, false);
  if (scheduler.is_object())
    for (const auto& [key, value] : scheduler.items())
      if (value.is_string()) job.scheduler.emplace_back(key, value.get<std::string>());
  const auto numbers = read_rows(group.get(), layout::rank);
  if (!numbers) return numbers.error();
  for (const auto number : *numbers) job.ranks.push_back({.rank = small(number)});
  for (const Column& column : columns) {
    const auto row = read_rows(group.get(), column.name);
    if (!row) return row.error();
    if (row->size() != job.ranks.size())
      return Error{Errc::format,
                   fmt::format("the dataset 'ranks/{}' has {} rows for {} ranks", column.name, row->size(), job.ranks.size())};
    for (std::size_t i = 0; i < row->size(); ++i) column.set(job.ranks[i], (*row)[i]);
  }
  take_programs(a.text_or(attr::programs, "{}"), job);
  return std::optional(std::move(job));
}

}  // namespace perun::h5
