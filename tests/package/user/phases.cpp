// SPDX-License-Identifier: BSD-3-Clause
#include <chrono>
#include <perun/perun.hpp>
#include <stdexcept>
#include <string>
#include <thread>

static void rest(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

static void step() {
  const perun::Region step("step");
  rest(50);
  static const perun::Name name("solve");
  const perun::Region solve(name);
  rest(100);
  throw std::runtime_error("leaves both regions");
}

int main() {
  {
    const perun::Region setup(std::string("setup"));
    rest(100);
  }
  for (int i = 0; i < 3; ++i) {
    try {
      step();
    } catch (const std::runtime_error&) {
    }
    perun::count("cells", 1000);
  }
  perun::mark("done");
}
