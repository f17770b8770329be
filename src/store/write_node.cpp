// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "base/json.hpp"
#include "store/datasets.hpp"
#include "store/lane_writer.hpp"
#include "store/lanes.hpp"
#include "store/layout.hpp"
#include "store/region_columns.hpp"
#include "store/stored_readings.hpp"
#include "store/times.hpp"
#include "store/transfer.hpp"
#include "store/write.hpp"

namespace perun::h5 {

namespace {

namespace attr = layout::attr;
constexpr const char* epoch_units = "nanoseconds since 1970-01-01 00:00:00";
constexpr std::array<std::string_view, 8> unit_names{"Joule", "Watt",           "Fraction", "Byte",  // by Quantity
                                                     "Hertz", "Degree Celsius", "Watt",     "Count"};
constexpr std::array<std::string_view, 8> symbols{"E", "P", "u", "B", "f", "T", "P_max", "n"};  // by Quantity

struct Prefix {
  double factor;
  std::string_view symbol, name;
};

/// The SI prefix that `scale` is, if it is one.
Prefix prefix(double scale) noexcept {
  constexpr std::array<Prefix, 8> all{{{1e-12, "p", "pico"},
                                       {1e-9, "n", "nano"},
                                       {1e-6, "u", "micro"},
                                       {1e-3, "m", "milli"},
                                       {1, "", "one"},
                                       {1e3, "k", "kilo"},
                                       {1e6, "M", "mega"},
                                       {1e9, "G", "giga"}}};
  for (const auto& p : all)
    if (std::abs(scale / p.factor - 1) < 1e-12) return p;
  return {scale, "", ""};
}

/// What is read back of a raw value.
std::int64_t as_stored(std::int64_t raw) noexcept {
  return std::min(raw, layout::fill_value - 1);
}

std::string lane_suffix(std::size_t k) {
  return k == 0 ? "" : "_" + std::to_string(k);
}

/// One node on its way into the file.
class NodeWriter {
 public:
  NodeWriter(const Types& types, hid_t group, const NodeRecord& node, Moment anchor, std::size_t& room)
      : types_(types), group_(group), node_(node), anchor_(anchor), room_(room), series_(node.series) {}

  Status write() {
    if (auto made = make_lanes(); !made) return made;
    if (auto written = write_readings(); !written) return written;
    for (std::size_t k = 0; k < lanes_.size(); ++k)
      if (auto described = describe_lane(k); !described) return described;
    if (auto found = find_readings(); !found) return found;
    if (auto written = write_total(); !written) return written;
    if (auto written = write_clock(); !written) return written;
    if (auto finished = scales_.finish(); !finished) return finished;
    return write_attributes();
  }
  [[nodiscard]] std::unique_ptr<Readings> readings() noexcept { return std::move(readings_); }

 private:
  [[nodiscard]] const Recording& recording() const { return node_.recording != nullptr ? *node_.recording : in_memory_; }
  Status make_lanes();
  Status write_readings();
  Status find_readings();
  Status describe_lane(std::size_t k);
  Status describe_tables(std::size_t k, std::size_t time_scale);
  Status write_total();
  Status write_clock();
  Status write_attributes();
  Result<std::size_t> keep_scale(Dataset dataset, const std::string& name);
  void describe_sensor(AttributeWriter& a, const Sensor& s, const RawRange& range, const std::string& axis) const;

  const Types& types_;
  hid_t group_;
  const NodeRecord& node_;
  Moment anchor_;
  std::size_t& room_;
  SeriesInMemory series_;
  ReadingsRecording in_memory_{series_};
  std::vector<Lane> lanes_;
  std::vector<LaneWriter> writers_;  // one per lane
  std::vector<Series> kept_;         // all readings, where they are few
  std::unique_ptr<Readings> readings_;
  Scales scales_;
  std::vector<Dataset> scale_datasets_;  // open until scales_.finish()
  std::size_t main_time_ = 0;
  std::vector<std::string> devices_ = std::vector<std::string>(node_.sensors.size());
  std::set<std::string> taken_{layout::total_power, layout::clock, layout::clock_mono, layout::regions::group};
  bool has_total_ = false;
};

Result<std::size_t> NodeWriter::keep_scale(Dataset dataset, const std::string& name) {
  scale_datasets_.push_back(std::move(dataset));
  return scales_.add(types_, scale_datasets_.back(), name);
}

Status NodeWriter::make_lanes() {
  LaneFinder finder(node_.sensors.size());
  if (auto seen = recording().replay([&](std::span<const Sample> samples) { finder.add(samples); }); !seen) return seen;
  lanes_ = finder.lanes();
  for (std::size_t k = 0; k < lanes_.size(); ++k)
    for (const auto* name : {layout::time, layout::sensor, layout::offset, layout::halfwidth})
      taken_.insert(name + lane_suffix(k));
  writers_.reserve(lanes_.size());
  for (std::size_t k = 0; k < lanes_.size(); ++k) {
    std::vector<std::string> names;
    for (const auto i : lanes_[k].members) names.push_back(devices_[i] = link_name(node_.sensors[i].id, "_", taken_));
    if (auto made = writers_.emplace_back(lanes_[k], anchor_).make(group_, lane_suffix(k), names); !made) return made;
  }
  std::size_t readings = 0;
  for (const Lane& lane : lanes_) readings += lane.rows * lane.members.size();
  if (readings <= room_ && readings <= layout::plain_rows * node_.sensors.size()) {
    room_ -= readings;
    kept_.resize(node_.sensors.size());
  }
  return Ok{};
}

/// To read back what was just written takes longer than all the rest where it is little.
Status NodeWriter::find_readings() {
  if (!kept_.empty()) {
    readings_ = std::make_unique<OwnSeries>(std::move(kept_));
    return Ok{};
  }
  if (!settle(group_)) return failure(Errc::io, "cannot write the readings");
  auto stored = StoredReadings::open(group_, devices_, anchor_);
  if (!stored) return stored.error();
  readings_ = std::move(*stored);
  return Ok{};
}

Status NodeWriter::write_readings() {
  std::vector<std::pair<LaneWriter*, std::size_t>> places(node_.sensors.size());
  for (std::size_t k = 0; k < lanes_.size(); ++k)
    for (std::size_t m = 0; m < lanes_[k].members.size(); ++m) places[lanes_[k].members[m]] = {&writers_[k], m};
  Status status = Ok{};
  const auto read = recording().replay([&](std::span<const Sample> samples) {
    for (const Sample& s : samples) {
      if (!status || s.sensor >= places.size()) continue;
      status = places[s.sensor].first->add(places[s.sensor].second, s.reading);
      if (!kept_.empty()) kept_[s.sensor].push({s.reading.t_ns, as_stored(s.reading.raw), s.reading.halfwidth_ns});
    }
  });
  if (!read || !status) return read ? status : read;
  for (LaneWriter& writer : writers_)
    if (auto finished = writer.finish(); !finished) return finished;
  return Ok{};
}

Status NodeWriter::describe_lane(std::size_t k) {
  LaneWriter& writer = writers_[k];
  const std::string axis = layout::time + lane_suffix(k);
  AttributeWriter a(types_, writer.time().get());
  a.text(attr::units, epoch_units).text(attr::calendar, "proleptic_gregorian").text(attr::standard_name, "time");
  a.text(attr::axis, "T").text(attr::long_name, "time of reading").text(attr::mag, "nano");
  if (auto written = a.status(); !written) return written;
  const auto time = keep_scale(std::move(writer.time()), axis);
  if (!time) return time.error();
  if (k == 0) main_time_ = *time;
  const auto& members = lanes_[k].members;
  for (std::size_t m = 0; m < members.size(); ++m) {
    AttributeWriter b(types_, writer.device(m).get());
    describe_sensor(b, node_.sensors[members[m]], writer.range(m), axis);
    if (auto written = b.status(); !written) return written;
    if (auto attached = scales_.attach(writer.device(m), std::array{*time}); !attached) return attached;
  }
  return members.empty() ? Status(Ok{}) : describe_tables(k, *time);
}

Status NodeWriter::describe_tables(std::size_t k, std::size_t time_scale) {
  const std::string sensors = layout::sensor + lane_suffix(k);
  std::vector<std::string> ids;
  for (const auto i : lanes_[k].members) ids.push_back(node_.sensors[i].id);
  auto names = write_texts(types_, group_, sensors, ids);
  if (!names) return names.error();
  if (auto written = AttributeWriter(types_, names->get()).text(attr::long_name, "sensor id").status(); !written)
    return written;
  const auto sensor_scale = keep_scale(std::move(*names), sensors);
  if (!sensor_scale) return sensor_scale.error();

  const auto describe = [&](const Dataset& table, const char* long_name) -> Status {
    AttributeWriter a(types_, table.get());
    a.text(attr::units, "ns").text(attr::long_name, long_name);
    if (auto written = a.status(); !written) return written;
    return scales_.attach(table, std::array{*sensor_scale, time_scale});
  };
  if (auto written = describe(writers_[k].offset(), "time of this sensor's reading, after t_ns"); !written) return written;
  return describe(writers_[k].halfwidth(), "half width of the time bracket around the reading");
}

void NodeWriter::describe_sensor(AttributeWriter& a, const Sensor& s, const RawRange& range, const std::string& axis) const {
  const auto of_quantity = static_cast<std::size_t>(s.quantity);
  const auto si = prefix(s.scale);
  const std::int64_t most = std::max(s.wraps_at > 0 ? s.wraps_at : layout::fill_value - 1, range.most);
  a.text(attr::id, s.id).text(attr::long_name, s.label).text(attr::symbol, symbols[of_quantity]);
  a.text(attr::units, unit(s.quantity)).text(attr::unit_name, unit_names[of_quantity]);
  a.text(attr::scale_prefix, si.symbol).text(attr::mag, si.name);
  a.number(attr::scale_factor, s.scale).number(attr::add_offset, 0).integer(attr::fill, layout::fill_value);
  a.integer(attr::valid_min, range.least).integer(attr::valid_max, most).text(attr::coordinates, axis);
  a.text(attr::cell_methods, axis + (s.behavior == Behavior::counter ? ": sum" : s.averaging_ns > 0 ? ": mean" : ": point"));
  a.text(attr::quantity, name(s.quantity)).text(attr::behavior, name(s.behavior)).text(attr::domain, name(s.domain));
  a.integer(attr::index, s.index).text(attr::kind, name(s.kind)).text(attr::source, s.source);
  a.integer(attr::resolution, s.resolution).integer(attr::wrap, s.wraps_at).integer(attr::refresh, s.refresh_ns);
  if (s.averaging_ns > 0) a.integer(attr::averaging, s.averaging_ns);
  a.integer(attr::counted, s.counted ? 1 : 0);
  if (!s.part_of.empty()) a.text(attr::part_of, s.part_of);
  if (!s.note.empty()) a.text(attr::note, s.note);
  if (s.max_power_W != 0) a.number(attr::device_max_power, s.max_power_W);
  if (s.systematic_percent != 0) a.number(attr::systematic, s.systematic_percent);
}

Status NodeWriter::write_total() {
  const Kind kind = counted_kind(node_);
  if (kind == Kind::unavailable) return Ok{};
  has_total_ = true;
  const auto dataset = make_dataset<double>(group_, layout::total_power, {}, lanes_.front().rows, layout::chunk_rows);
  if (!dataset) return dataset.error();
  TotalPower power(node_, *readings_, lanes_);
  std::vector<double> watts;
  for (std::size_t row = 0; row < lanes_.front().rows; row += watts.size()) {
    watts.resize(std::min<std::size_t>(layout::chunk_rows, lanes_.front().rows - row));
    power.next(watts);
    if (auto written = write_piece<double>(*dataset, layout::total_power, {}, row, watts); !written) return written;
  }
  if (auto read = readings_->status(); !read) return read;
  AttributeWriter a(types_, dataset->get());
  a.text(attr::units, "W").text(attr::unit_name, "Watt").text(attr::symbol, "P").text(attr::kind, name(kind));
  a.text(attr::long_name, "power of all counted sensors, mean since the row before").text(attr::coordinates, layout::time);
  a.text(attr::cell_methods, std::string(layout::time) + ": mean").number(attr::fill, std::numeric_limits<double>::quiet_NaN());
  if (auto written = a.status(); !written) return written;
  return scales_.attach(*dataset, std::array{main_time_});
}

Status NodeWriter::write_clock() {
  std::vector<std::int64_t> mono, real;
  for (const auto& moment : node_.clock) {
    mono.push_back(moment.mono_ns);
    real.push_back(moment.real_ns);
  }
  auto axis = write_rows(group_, layout::clock_mono, mono);
  if (!axis) return axis.error();
  AttributeWriter a(types_, axis->get());
  a.text(attr::units, "ns").text(attr::long_name, "CLOCK_MONOTONIC");
  if (auto written = a.status(); !written) return written;
  const auto scale = keep_scale(std::move(*axis), layout::clock_mono);
  if (!scale) return scale.error();
  const auto dataset = write_rows(group_, layout::clock, real);
  if (!dataset) return dataset.error();
  AttributeWriter b(types_, dataset->get());
  b.text(attr::units, epoch_units).text(attr::calendar, "proleptic_gregorian");
  b.text(attr::long_name, "CLOCK_REALTIME at the same moment").text(attr::coordinates, layout::clock_mono);
  if (auto written = b.status(); !written) return written;
  return scales_.attach(*dataset, std::array{*scale});
}

Status NodeWriter::write_attributes() {
  AttributeWriter a(types_, group_);
  a.text(attr::nx_class, "NXdata").text(attr::axes, layout::time).text(attr::host, node_.host);
  std::vector<std::string> on_main_axis;
  for (const auto i : lanes_.front().members) on_main_axis.push_back(devices_[i]);
  if (has_total_)
    a.text(attr::signal, layout::total_power);
  else if (!on_main_axis.empty())
    a.text(attr::signal, on_main_axis.front());
  if (!on_main_axis.empty()) a.texts(attr::auxiliary_signals, on_main_axis);
  a.text(attr::devices, json_texts(devices_));

  std::vector<std::string> names;
  for (const auto& [key, value] : node_.attributes) {
    if (key.empty() || std::find(names.begin(), names.end(), key) != names.end()) continue;
    names.push_back(key);
    a.text((std::string(layout::attr::machine_prefix) + key).c_str(), value);
  }
  a.text(attr::machine, json_texts(names));
  Json blocked = Json::array();
  for (const auto& b : node_.blocked) blocked.push_back({{"backend", b.backend}, {"reason", b.reason}, {"hint", b.hint}});
  a.text(attr::blocked, blocked.dump(-1, ' ', false, Json::error_handler_t::replace));

  const auto& q = node_.quality;
  a.integer(attr::ticks, static_cast<std::int64_t>(q.ticks)).integer(attr::late, static_cast<std::int64_t>(q.late));
  a.integer(attr::lost, static_cast<std::int64_t>(q.lost));
  a.integer(attr::reading, q.reading_ns).integer(attr::agent_cpu, q.agent_cpu_ns);
  a.integer(attr::launcher_cpu, q.launcher_cpu_ns);
  a.integer(attr::latency_p50, q.latency_p50_ns).integer(attr::latency_p99, q.latency_p99_ns);
  a.integer(attr::period, q.period_ns).integer(attr::period_begin, q.period_begin_ns);
  if (node_.begin.mono_ns != 0) {
    a.integer(attr::begin_mono, node_.begin.mono_ns).integer(attr::begin_real, node_.begin.real_ns);
    a.integer(attr::end_mono, node_.end.mono_ns).integer(attr::end_real, node_.end.real_ns);
  }
  if (node_.clock_error_s) a.number(attr::clock_error, *node_.clock_error_s);
  if (const auto& ahead = node_.clock_ahead) {
    a.number(attr::clock_ahead, ahead->s).number(attr::clock_ahead_error, ahead->error_s);
    a.number(attr::clock_drift, ahead->drift_s);
  }
  if (node_.scope) a.text(attr::scope, encode(*node_.scope));
  if (node_.baseline) a.text(attr::baseline, encode(*node_.baseline));
  return a.status();
}

}  // namespace

void write_figures(AttributeWriter& a, const NodeSummary& s) {
  write_usage(a, s.usage);
  a.number(attr::node_runtime, s.usage.duration_s).number(attr::overhead, s.overhead_J);
  a.integer(attr::repeated, static_cast<std::int64_t>(s.repeated)).number(attr::achieved, s.frequency_achieved_hz);
  if (s.own_energy_J) a.number(attr::own_energy, *s.own_energy_J);
  if (s.usage.energy.kind != Kind::unavailable)
    a.number(attr::node_power, s.usage.power_mean_W / 1e3).number(attr::node_energy, s.usage.energy.joules() / 3.6e6);
  write_related(a, s.net, s.attributed);
}

Result<std::unique_ptr<Readings>> write_node(const Types& types, hid_t run_group, const std::string& name,
                                             const NodeRecord& node, Moment run_begin, std::size_t& room) {
  const Group group(H5Gcreate2(run_group, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  if (!group) return failure(Errc::io, "cannot make the group '" + name + "'");
  const Moment anchor = node.clock.empty() ? run_begin : node.clock.front();
  NodeWriter writer(types, group.get(), node, anchor, room);
  if (auto written = writer.write(); !written) return written.error();
  return writer.readings();
}

}  // namespace perun::h5
