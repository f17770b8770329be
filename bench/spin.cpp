// SPDX-License-Identifier: BSD-3-Clause
// A program that keeps all cores busy with the same work each time: spin WORK FILE appends to FILE how many seconds
// that took, so that starting and ending are not part of it.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: spin MILLIONS_OF_STEPS FILE\n";
    return 2;
  }
  const std::uint64_t steps = std::strtoull(argv[1], nullptr, 10) * 1'000'000;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  std::vector<std::uint64_t> results(std::thread::hardware_concurrency());
  for (auto& result : results)
    threads.emplace_back([&result, steps] {
      std::uint64_t x = 88172645463325252ULL;
      for (std::uint64_t i = 0; i < steps; ++i) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
      }
      result = x;
    });
  for (auto& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::ofstream(argv[2], std::ios::app) << took.count() << "\n";
  return results[0] == 0 ? 1 : 0;
}
