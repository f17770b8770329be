// SPDX-License-Identifier: BSD-3-Clause
// A library that is there and has none of the functions that are looked for.
extern "C" __attribute__((visibility("default"))) int fake_nothing() {
  return 0;
}
