// SPDX-License-Identifier: BSD-3-Clause
#include "backends/select.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <utility>

#include "backends/chosen.hpp"
#include "backends/late.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

/// One backend to probe.
struct Request {
  const BackendInfo* info;
  std::string argument = {};
  bool asked = false;  ///< by the user
  bool own = false;    ///< a sensor of the user's own
  friend bool operator==(const Request&, const Request&) = default;
};

/// A probed backend and where its sensors stand in the common list.
struct Ready {
  std::unique_ptr<Backend> backend;
  std::vector<std::size_t> own;     ///< index in the backend
  std::vector<std::size_t> common;  ///< index in the list
};

/// All words of a list whose items may hold several, without empty ones.
std::vector<std::string_view> words(const std::vector<std::string>& list) {
  std::vector<std::string_view> out;
  for (const std::string& item : list)
    for (const auto part : text::split(item, ','))
      if (const auto word = text::trim(part); !word.empty()) out.push_back(word);
  return out;
}

bool matches(std::string_view pattern, const Sensor& s) {
  return text::glob(pattern, s.id) || text::glob(pattern, s.label);
}

/// What the user says of each sensor.
std::vector<Wish> wishes_of(const Selection& selection, const std::vector<Sensor>& sensors) {
  std::vector<Wish> out(sensors.size(), Wish::none);
  const auto set = [&](const std::vector<std::string>& patterns, Wish wish) {
    for (const auto pattern : words(patterns))
      for (std::size_t i = 0; i < sensors.size(); ++i)
        if (is_meter(sensors[i]) && matches(pattern, sensors[i])) out[i] = wish;
  };
  set(selection.no_count, Wish::leave_out);
  set(selection.count, Wish::count);
  return out;
}

/// "NAME" or "NAME:ARGUMENT".
Result<Request> request_of(std::string_view word, const Selection& selection) {
  std::vector<std::string_view> names;
  for (const BackendInfo* info : backends()) names.push_back(info->name);
  const auto colon = word.find(':');
  const auto name = word.substr(0, colon);
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end())
    return Error{Errc::not_found,
                 fmt::format("there is no backend '{}'{}", text::to_utf8(name), text::did_you_mean(name, names)),
                 fmt::format("backends: {}", fmt::join(names, ", "))};
  Request request{backends()[static_cast<std::size_t>(at - names.begin())],
                  colon == std::string_view::npos ? "" : std::string(word.substr(colon + 1)), true};
  if (request.info->use == BackendInfo::Use::fallback && selection.estimates == Estimates::off)
    return Error{Errc::invalid, fmt::format("the backend '{}' was asked for, and --no-estimate too", name),
                 "leave out one of them"};
  return request;
}

Result<std::vector<Request>> requests(const Selection& selection) {
  std::vector<Request> out;
  // First, so that of two meters of one thing the user's own counts.
  for (const std::string& word : selection.extra) {
    auto request = request_of(text::trim(word), selection);
    if (!request) return request.error();
    request->own = true;
    out.push_back(*std::move(request));
  }
  const auto known = [&](const BackendInfo* info) {
    return std::any_of(out.begin(), out.end(), [&](const Request& r) { return r.info == info; });
  };
  const auto asked = words(selection.backends);
  if (asked.empty()) {
    for (const BackendInfo* info : backends())
      if (info->use != BackendInfo::Use::on_request && !known(info)) out.push_back({info});
    return out;
  }
  for (const auto word : asked) {
    auto request = request_of(word, selection);
    if (!request) return request.error();
    if (request->info->use == BackendInfo::Use::on_request || std::find(out.begin(), out.end(), *request) == out.end())
      out.push_back(*std::move(request));
  }
  return out;
}

Fd any_file() {
  return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

/// Descriptors that probing cannot use up: what has thousands of sensors must leave some for journal and streams.
class Reserve {
 public:
  Reserve() {
    for (Fd& file : files_) file = any_file();
  }

 private:
  std::array<Fd, 16> files_;
};

/// Why nothing was found where every open fails; empty when that is not so.
std::string out_of_files() {
  if (any_file() || (errno != EMFILE && errno != ENFILE)) return {};
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return fmt::format("cannot be looked for: too many open files (the limit is {})", limit.rlim_cur);
}

/// Gathers the sensors of all backends.
class Collection {
 public:
  explicit Collection(const Selection& selection) noexcept : selection_(&selection) {}

  /// True when it is being started, and nobody waits for it.
  bool comes_later(const Request& request, std::size_t number, const Host& host) {
    if (!selection_->late || request.info->starts_slowly == nullptr || !request.info->starts_slowly({host, request.argument}))
      return false;
    if (!sources.late) sources.late = std::make_shared<Latecomers>();
    sources.late->begin(*request.info, host, request.argument, request.own ? number : Latecomers::not_own);
    return true;
  }

  Status probe(const Request& request, const Host& host) {
    const std::string name(request.info->name);
    Probe found = request.info->probe(
        {host, request.argument, selection_->cpu_tdp_W, selection_->gpu ? &*selection_->gpu : nullptr, gpus_measured()});
    if (auto* backend = std::get_if<std::unique_ptr<Backend>>(&found)) {
      if (const auto choice = (*backend)->choice(); !choice.empty()) sources.choices.push_back({name, std::string(choice)});
      return add(std::move(*backend), request.info->use);
    }
    if (const auto* invalid = std::get_if<Invalid>(&found))
      return Error{Errc::invalid, "--backends: " + invalid->reason, "perun sensors lists what is there"};
    if (const auto* blocked = std::get_if<Blocked>(&found))
      sources.blocked.push_back({name, blocked->reason, blocked->hint});
    else if (std::string why = out_of_files(); !why.empty())
      sources.blocked.push_back({name, std::move(why), "raise the limit (ulimit -n), or leave sensors out by --backends"});
    else if (request.asked)
      sources.blocked.push_back({name, "asked for, but there is no such source on this machine", ""});
    else if (request.info->use != BackendInfo::Use::fallback)
      sources.absent.push_back(name);
    return Ok{};
  }

  /// GPUs that something measures; those of one backend have numbers of their own.
  [[nodiscard]] int gpus_measured() const {
    std::set<std::pair<std::string_view, int>> found;
    for (const Sensor& s : sensors)
      if (is_meter(s) && s.kind == Kind::measured && (s.domain == Domain::gpu || s.domain == Domain::superchip))
        found.emplace(std::string_view(s.id).substr(0, s.id.find(':')), s.index);
    return static_cast<int>(found.size());
  }

  [[nodiscard]] Gaps gaps() const { return find_gaps(sensors, wishes_of(*selection_, sensors)); }

  Sources sources;
  std::vector<Sensor> sensors;
  std::vector<Ready> ready;

 private:
  Status add(std::unique_ptr<Backend> backend, BackendInfo::Use use) {
    for (const BlockedSource& b : backend->blocked()) sources.blocked.push_back(b);
    for (const auto& fact : backend->facts()) sources.attributes.push_back(fact);
    Ready r;
    const Gaps open = gaps();
    const auto all = backend->sensors();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (use == BackendInfo::Use::fallback && !(all[i].domain == Domain::dram ? open.dram : open.cpu)) continue;
      if (!ids_.insert(all[i].id).second)
        return Error{Errc::invalid, fmt::format("two sensors are called '{}'", all[i].id),
                     "give one another name, as in sim:const:5W:name=b"};
      r.own.push_back(i);
      r.common.push_back(sensors.size());
      sensors.push_back(as_proved(all[i], selection_->proved));
    }
    r.backend = std::move(backend);
    if (!r.own.empty()) ready.push_back(std::move(r));
    return Ok{};
  }

  const Selection* selection_;
  std::set<std::string> ids_;
};

Result<Collection> collect(const Host& host, const Selection& selection) {
  if (selection.gpu && selection.estimates == Estimates::off)
    return Error{Errc::invalid, "GPUs are to be estimated (--estimate) and nothing is to be (--no-estimate)",
                 "leave out one of them"};
  const auto asked = requests(selection);
  if (!asked) return asked.error();
  const Reserve reserve;
  Collection found(selection);
  std::map<std::string, std::size_t, std::less<>> own;  // sensors of the user's own, by which of them
  const auto is_fallback = [](const Request& r) { return r.info->use == BackendInfo::Use::fallback; };
  for (std::size_t i = 0; i < asked->size(); ++i) {
    const Request& request = (*asked)[i];
    if (is_fallback(request) || found.comes_later(request, i, host)) continue;
    const std::size_t before = found.sensors.size();
    if (const Status probed = found.probe(request, host); !probed) return probed.error();
    for (std::size_t k = before; request.own && k < found.sensors.size(); ++k) own.emplace(found.sensors[k].id, i);
  }
  if (found.sources.late) found.sources.late->know(std::move(own));
  // Last, because it depends on what the others have.
  for (const Request& request : *asked)
    if (is_fallback(request) && selection.estimates == Estimates::on && (found.gaps().cpu || found.gaps().dram))
      if (const Status probed = found.probe(request, host); !probed) return probed.error();
  if (selection.gpu) {
    const auto gpus = request_of("estimate_gpu", selection);
    if (!gpus) return gpus.error();
    if (const Status probed = found.probe(*gpus, host); !probed) return probed.error();
  }
  return found;
}

Error matches_nothing(std::string_view pattern, const Collection& found) {
  std::vector<std::string_view> ids;
  for (const Sensor& s : found.sensors) ids.push_back(s.id);
  std::string hint = ids.empty() ? "no sensor can be read here" : fmt::format("sensors here: {}", fmt::join(ids, ", "));
  for (const BlockedSource& b : found.sources.blocked) hint += fmt::format("; {} is blocked: {}", b.backend, b.reason);
  return {Errc::not_found, fmt::format("no sensor matches '{}'{}", text::to_utf8(pattern), text::did_you_mean(pattern, ids)),
          hint};
}

/// Sets every mark whose sensor matches one of the patterns.
Status mark(const std::vector<std::string>& patterns, const Collection& found, std::vector<bool>& marks) {
  for (const auto pattern : words(patterns)) {
    bool any = false;
    for (std::size_t i = 0; i < found.sensors.size(); ++i) {
      if (!matches(pattern, found.sensors[i])) continue;
      any = true;
      marks[i] = true;
    }
    if (!any) return matches_nothing(pattern, found);
  }
  return Ok{};
}

/// The final list: verdicts over the selected sensors, and for the others what they would be beside all.
std::vector<Listed> list(const std::vector<Sensor>& sensors, const std::vector<bool>& selected,
                         const std::vector<Wish>& wishes) {
  const auto among_all = judge_total(sensors, wishes);
  std::vector<Sensor> kept;
  std::vector<Wish> kept_wishes;
  for (std::size_t i = 0; i < sensors.size(); ++i) {
    if (!selected[i]) continue;
    kept.push_back(sensors[i]);
    kept_wishes.push_back(wishes[i]);
  }
  const auto among_kept = judge_total(kept, kept_wishes);
  std::vector<Listed> out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < sensors.size(); ++i) {
    const InTotal& verdict = selected[i] ? among_kept[next++] : among_all[i];
    out.push_back({sensors[i], selected[i], selected[i] || !verdict.counted ? verdict.why_not : "not selected"});
    out.back().sensor.counted = selected[i] && verdict.counted;
  }
  return out;
}

/// The user's wishes for the total, or why they cannot be met.
Result<std::vector<Wish>> checked_wishes(const Selection& selection, const Collection& found) {
  std::vector<bool> counted(found.sensors.size()), left_out(found.sensors.size());
  if (const Status marked = mark(selection.count, found, counted); !marked) return marked.error();
  if (const Status marked = mark(selection.no_count, found, left_out); !marked) return marked.error();
  for (std::size_t i = 0; i < counted.size(); ++i)
    if (counted[i] && left_out[i])
      return Error{Errc::invalid, fmt::format("--count and --no-count both name '{}'", found.sensors[i].id), "leave out one"};
  std::vector<Wish> wishes = wishes_of(selection, found.sensors);
  if (!words(selection.count).empty() && std::find(wishes.begin(), wishes.end(), Wish::count) == wishes.end())
    return Error{Errc::invalid, "--count names no sensor of energy or power", "perun sensors lists them"};
  const auto twice = counted_twice(found.sensors, wishes);
  if (!twice) return wishes;
  if (twice->both_wished)
    return Error{Errc::invalid,
                 fmt::format("--count would take joules twice: '{}' and '{}' overlap", twice->wished->id, twice->other->id),
                 "count one of them"};
  return Error{Errc::invalid,
               fmt::format("--count would take joules twice: '{}' is part of '{}', which counts already", twice->wished->id,
                           twice->other->id),
               fmt::format("to count it instead, add --no-count '{}'", twice->other->id)};
}

}  // namespace

Sensor as_proved(Sensor s, const std::map<std::string, Proved, std::less<>>& proved) {
  const auto at = proved.find(s.id);
  if (at == proved.end() || s.kind != Kind::measured) return s;
  if (s.refresh_ns > 0) s.refresh_ns = std::max(s.refresh_ns, at->second.update_ns);
  s.resolution = std::max(s.resolution, at->second.step);
  s.note += (s.note.empty() ? "" : "; ") + at->second.remark;
  return s;
}

Result<Sources> open_sources(const Host& host, const Selection& selection) {
  auto found = collect(host, selection);
  if (!found) return found.error();
  const auto wishes = checked_wishes(selection, *found);
  if (!wishes) return wishes.error();
  std::vector<bool> selected, excluded(found->sensors.size());
  for (const Sensor& s : found->sensors) selected.push_back(words(selection.sensors).empty() && read_unasked(s));
  if (const Status marked = mark(selection.sensors, *found, selected); !marked) return marked.error();
  if (const Status marked = mark(selection.exclude, *found, excluded); !marked) return marked.error();
  for (std::size_t i = 0; i < selected.size(); ++i) selected[i] = (selected[i] || (*wishes)[i] == Wish::count) && !excluded[i];

  Sources sources = std::move(found->sources);
  sources.listed = list(found->sensors, selected, *wishes);
  for (Ready& r : found->ready) {
    std::vector<std::size_t> index;
    std::vector<Sensor> sensors;
    for (std::size_t k = 0; k < r.own.size(); ++k) {
      const Listed& listed = sources.listed[r.common[k]];
      if (!listed.selected) continue;
      index.push_back(r.own[k]);
      sensors.push_back(listed.sensor);
    }
    if (!index.empty())
      sources.backends.push_back(std::make_unique<Chosen>(std::move(r.backend), std::move(index), std::move(sensors)));
  }
  return sources;
}

}  // namespace perun
