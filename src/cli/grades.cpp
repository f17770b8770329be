// SPDX-License-Identifier: BSD-3-Clause
#include "cli/grades.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "base/units.hpp"
#include "host/clock.hpp"
#include "host/machine.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view schema = "perun-qualify/1";

Json seconds(std::int64_t ns) {
  return ns > 0 ? Json(static_cast<double>(ns) * 1e-9) : Json(nullptr);
}
Json seconds(const std::optional<double>& s) {
  return s ? Json(*s) : Json(nullptr);
}

}  // namespace

fs::path grades_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  fs::path folder;
  if (state != nullptr && *state == '/')
    folder = state;
  else if (home != nullptr && *home == '/')
    folder = fs::path(home) / ".local/state";
  else
    return {};
  return folder / "perun" / fmt::format("sensors-{}.json", host_name());
}

Json grades_json(std::span<const Qualified> all, std::span<const Sensor> sensors) {
  Json out{{"schema", schema}, {"host", host_name()}, {"time", units::iso8601(now().real_ns)}, {"sensors", Json::array()}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Qualified& q = all[i];
    Json faults = Json::array();
    for (const Fault& f : q.faults) faults.push_back({{"defect", name(f.defect)}, {"text", f.text}});
    out["sensors"].push_back({{"id", q.id},
                              {"grade", std::string(1, q.grade())},
                              {"step", q.step > 0 ? Json(static_cast<double>(q.step) * sensors[i].scale) : Json(nullptr)},
                              {"step_raw", q.step},
                              {"update_period_s", seconds(q.update_ns)},
                              {"jitter_s", seconds(q.jitter_ns)},
                              {"read_s", seconds(q.read_ns)},
                              {"repeated", q.repeated},
                              {"lag_s", seconds(q.lag_s)},
                              {"window_s", seconds(q.window_s)},
                              {"faults", std::move(faults)}});
  }
  return out;
}

Status keep_grades(const fs::path& file, const Json& grades) {
  std::error_code failed;
  fs::create_directories(file.parent_path(), failed);
  const fs::path draft = fmt::format("{}.{}", file.string(), ::getpid());
  std::ofstream out(draft);
  out << grades.dump(1) << "\n";
  out.close();
  if (out) fs::rename(draft, file, failed);
  if (out && !failed) return Ok{};
  std::error_code ignored;
  fs::remove(draft, ignored);
  return Error{Errc::io, fmt::format("cannot keep the grades in {}", file.string()), "XDG_STATE_HOME names another folder"};
}

std::map<std::string, Proved, std::less<>> load_grades(const fs::path& file) {
  std::map<std::string, Proved, std::less<>> out;
  const Json all = Json::parse(sysfs::text(file, 4 << 20).value_or(""), nullptr, false);
  if (!all.is_object() || all.value("schema", Json()) != Json(schema) || all.value("host", Json()) != Json(host_name()))
    return out;
  const Json sensors = all.value("sensors", Json::array());
  for (const Json& s : sensors) {
    if (!s.is_object()) continue;
    const Json id = s.value("id", Json()), grade = s.value("grade", Json()), update = s.value("update_period_s", Json()),
               step = s.value("step_raw", Json()), faults = s.value("faults", Json::array());
    if (!id.is_string() || !grade.is_string()) continue;
    Proved proved;
    if (update.is_number() && update.get<double>() > 0 && update.get<double>() < 3600)
      proved.update_ns = std::llround(update.get<double>() * 1e9);
    proved.remark = "grade " + grade.get<std::string>();
    bool coarse = false;
    for (const Json& f : faults) {
      const Json defect = f.is_object() ? f.value("defect", Json()) : Json();
      if (!defect.is_string()) continue;
      coarse = coarse || defect.get<std::string>() == name(Defect::coarse);
      proved.remark += (proved.remark.ends_with(grade.get<std::string>()) ? ": " : ", ") + defect.get<std::string>();
    }
    if (coarse && step.is_number_integer()) proved.step = step.get<std::int64_t>();
    out.emplace(id.get<std::string>(), std::move(proved));
  }
  return out;
}

}  // namespace perun
