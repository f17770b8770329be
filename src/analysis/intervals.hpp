// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "analysis/track.hpp"

namespace perun {

/// From readings to intervals: what read_track does for each behavior. `track` is empty and has room.
void read_counter(const Sensor& sensor, const Series& series, EnergyTrack& track);
void read_gauge(const Sensor& sensor, const Series& series, EnergyTrack& track);

}  // namespace perun
