// SPDX-License-Identifier: BSD-3-Clause
#include "report/yaml.hpp"

namespace perun {

extern const ReportWriter yml_writer{"yml", "another name for yaml", &write_yaml};

}  // namespace perun
