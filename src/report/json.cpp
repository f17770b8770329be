// SPDX-License-Identifier: BSD-3-Clause
#include "base/json.hpp"

#include "report/document.hpp"
#include "report/writer.hpp"

namespace perun {

namespace {

std::string write(const Summary& summary, const Style&) {
  return document(summary).dump(2) + "\n";
}

}  // namespace

extern const ReportWriter json_writer{"json", "JSON, schema perun-report/1", &write};

}  // namespace perun
