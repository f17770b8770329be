// SPDX-License-Identifier: BSD-3-Clause
#include "report/mpi.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.hpp"
#include "report/document.hpp"
#include "report/wording.hpp"

namespace perun {

namespace {

constexpr std::array<std::string_view, mpi_kind_names.size()> in_words{"collectives", "point-to-point", "one-sided",
                                                                       "shared files", "start and end"};

Json use_of(const MpiUse& use, bool energy) {
  Json out;
  out["calls"] = use.calls;
  out["time_s"] = json_number(use.seconds);
  out["energy_J"] = energy ? json_number(use.joules) : Json(nullptr);
  return out;
}

template <class Uses>
Json uses_of(const Uses& uses, bool energy) {
  Json out;
  for (std::size_t i = 0; i < mpi_kind_names.size(); ++i) out[std::string(mpi_kind_names[i])] = use_of(uses[i], energy);
  return out;
}

bool has_energy(const RunSummary& run) {
  return run.usage.energy.kind != Kind::unavailable;
}

double share_of(const RunSummary& run, double joules) {
  const double total = run.usage.energy.joules();
  return total > 0 ? joules / total : 0;
}

/// One line: how long ranks were at something, and what it took them together.
template <class Seconds>
void add_line(layout::Table& table, std::string_view name, const MpiReport& mpi, const RunSummary& run, const Seconds& seconds,
              double joules) {
  const auto [least, most] = std::ranges::minmax_element(mpi.ranks, {}, seconds);
  double sum_s = 0;
  for (const MpiRank& r : mpi.ranks) sum_s += seconds(r);
  table.add({std::string(name), units::si(seconds(*least), "s", 3),
             units::si(sum_s / static_cast<double>(mpi.ranks.size()), "s", 3), units::si(seconds(*most), "s", 3),
             fmt::format("({})", run.job ? most->rank : most->pid), has_energy(run) ? wording::joules(joules) : "n/a",
             has_energy(run) ? wording::percent(share_of(run, joules)) : ""});
}

}  // namespace

Json mpi_document(const MpiReport& mpi, const RunSummary& run) {
  const bool energy = has_energy(run);
  const auto figure = [&](double value) { return energy ? json_number(value) : Json(nullptr); };
  Json waiting;
  waiting["kind"] =
      name(energy ? mpi.waiting.kind == Kind::unavailable ? run.usage.energy.kind : mpi.waiting.kind : Kind::unavailable);
  waiting["time_s"] = json_number(mpi.waiting_s);
  waiting["energy_J"] = figure(mpi.waiting.joules());
  waiting["uncertainty_J"] = figure(mpi.waiting.uncertainty_J);
  waiting["share"] = figure(share_of(run, mpi.waiting.joules()));
  waiting["imbalance_J"] = figure(mpi.imbalance_J);
  Json out;
  out["waiting"] = std::move(waiting);
  out["load_balance"] = mpi.load_balance > 0 ? json_number(mpi.load_balance) : Json(nullptr);
  out["calls"] = uses_of(mpi.in, energy);
  out["spawned_processes"] = mpi.spawned;
  out["ranks"] = Json::array();
  for (const MpiRank& r : mpi.ranks) {
    Json one;
    one["rank"] = r.rank;
    one["pid"] = r.pid;
    one["time_s"] = json_number(r.whole.seconds);
    one["energy_J"] = figure(r.whole.joules);
    one["outside_s"] = json_number(r.outside_s);
    one["waiting_s"] = json_number(r.waiting.seconds);
    one["waiting_J"] = figure(r.waiting.joules);
    one["calls"] = uses_of(r.in, energy);
    out["ranks"].push_back(std::move(one));
  }
  return out;
}

tables::Block tables::mpi(const RunSummary& run) {
  const auto mpi = mpi_of(run.regions);
  if (!mpi) return {};
  using layout::Align;
  layout::Table table({{"MPI by rank", Align::left, 16},
                       {"Time: least"},
                       {"mean"},
                       {"most"},
                       {run.job ? "(rank)" : "(pid)", Align::left},
                       {"Energy: all"},
                       {"Share"}});
  double whole_J = 0, in_J = 0;
  for (const MpiRank& r : mpi->ranks) whole_J += r.whole.joules;
  for (std::size_t i = 0; i < in_words.size(); ++i) {
    in_J += mpi->in[i].joules;
    if (mpi->in[i].calls > 0)
      add_line(
          table, in_words[i], *mpi, run, [i](const MpiRank& r) { return r.in[i].seconds; }, mpi->in[i].joules);
  }
  add_line(
      table, "outside of it", *mpi, run, [](const MpiRank& r) { return r.outside_s; }, std::max(0.0, whole_J - in_J));
  return {std::move(table)};
}

std::string wording::mpi(const RunSummary& run) {
  const auto mpi = mpi_of(run.regions);
  if (!mpi) return "";
  if (mpi->waiting_s <= 0) return "no call in which ranks wait for others";
  std::string out;
  if (has_energy(run)) {
    const Amount& w = mpi->waiting;
    out = fmt::format("{}{}{} ({} of the energy) by ranks waiting for others", joules(w.joules()),
                      w.kind == Kind::measured ? " +- " + units::si(w.uncertainty_J, "J", 2) : "", tag(run.usage.energy.kind),
                      percent(share_of(run, w.joules())));
    if (mpi->ranks.size() > 1) out += fmt::format(", of it {} by load imbalance", joules(mpi->imbalance_J));
  } else {
    out = fmt::format("ranks waited for others {} in all", units::si(mpi->waiting_s, "s", 3));
  }
  if (mpi->load_balance > 0) out += fmt::format("; load balance {}", percent(mpi->load_balance));
  return out;
}

}  // namespace perun
