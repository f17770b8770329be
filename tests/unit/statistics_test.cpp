// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

// Expected values: scipy 1.10.1 (stats.t, stats.norm, stats.ttest_ind(equal_var=False), stats.bootstrap(method="BCa") with
// 200,000 resamples and three seeds), printed with all digits.

namespace perun::statistics {
namespace {

const std::vector<double> logs(std::initializer_list<double> values) {
  std::vector<double> out;
  for (const double v : values) out.push_back(std::log(v));
  return out;
}
const auto before = logs({412.6, 409.1, 415.3, 411.8, 413.9, 408.9, 417.4, 412.0});
const auto after = logs({405.2, 401.7, 409.9, 398.3, 404.4, 402.8});

Spread of_mean(std::span<const double> values) {
  const Sample s = sample_of(values);
  return {s.variance / static_cast<double>(s.count), static_cast<double>(s.count - 1)};
}

TEST(Statistics, TailsOfStudentsTAreScipys) {
  struct Row {
    double t, freedom, tails;
  };
  for (const auto& [t, freedom, tails] :
       {Row{2, 3, 0.1393259685588431}, Row{0.5, 1, 0.7048327646991336}, Row{4.3, 9.7, 0.0016746738170662278},
        Row{12.7, 1, 0.05002432768934415}, Row{1e-3, 30, 0.9992087357664852}, Row{6, 250, 6.887649707353067e-09}}) {
    EXPECT_NEAR(student_tails(t, freedom) / tails, 1, 1e-9) << t << ' ' << freedom;
    EXPECT_DOUBLE_EQ(student_tails(-t, freedom), student_tails(t, freedom));
  }
  EXPECT_NEAR(student_tails(1.959963984540054, certain), 0.05, 1e-12);
  EXPECT_EQ(student_tails(0, 5), 1);
}

TEST(Statistics, QuantilesAreScipys) {
  struct Row {
    double confidence, freedom, t;
  };
  for (const auto& [confidence, freedom, t] :
       {Row{0.95, 1, 12.706204736432095}, Row{0.95, 9, 2.2621571627409915}, Row{0.99, 4.5, 4.272823993022849},
        Row{0.9, 100, 1.66023432606575}, Row{0.9999, 2, 99.99249984549712}, Row{0.95, certain, 1.959963984540054}})
    EXPECT_NEAR(student_quantile(confidence, freedom) / t, 1, 1e-9) << confidence << ' ' << freedom;
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-12);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(0.001), -3.090232306167813, 1e-12);
  EXPECT_NEAR(normal_quantile(0.9999), 3.719016485455709, 1e-11);
}

TEST(Statistics, WelchsTestIsScipys) {
  const Spread both = welch(of_mean(before), of_mean(after));
  const double difference = sample_of(after).mean - sample_of(before).mean, error = std::sqrt(both.variance);
  EXPECT_NEAR(difference / error, -4.70960366121655, 1e-9);
  EXPECT_NEAR(error, 0.00463788943081945, 1e-14);
  EXPECT_NEAR(both.freedom, 8.816494872937199, 1e-9);
  EXPECT_NEAR(student_tails(difference / error, both.freedom), 0.0011689067320949128, 1e-12);
  EXPECT_NEAR(std::exp(difference), 0.9783942015936375, 1e-13);
  struct Row {
    double confidence, lower, upper;
  };
  for (const auto& [confidence, lower, upper] :
       {Row{0.90, 0.9700917861873257, 0.9867676722367428}, Row{0.95, 0.9681505877841405, 0.9887461989802372},
        Row{0.99, 0.9636811974397841, 0.9933318365608828}}) {
    const double reach = student_quantile(confidence, both.freedom) * error;
    EXPECT_NEAR(std::exp(difference - reach), lower, 1e-12);
    EXPECT_NEAR(std::exp(difference + reach), upper, 1e-12);
  }
  // A spread that is known adds nothing to what is not known.
  EXPECT_DOUBLE_EQ(welch({1, 4}, {0, certain}).freedom, 4);
  EXPECT_EQ(welch({1, certain}, {2, certain}).freedom, certain);
}

TEST(Statistics, TheBootstrapIsScipys) {
  // scipy's three seeds differ by 2e-5 of the ratio, here there are fewer resamples: 3 % of the width.
  const Limits l = bootstrap(before, after, 0.95);
  EXPECT_NEAR(std::exp(l.lower), 0.970545, 0.0005);
  EXPECT_NEAR(std::exp(l.upper), 0.986905, 0.0005);
  // Skewed samples, where bias and acceleration matter: plain percentiles give 0.71 .. 2.93.
  const std::vector<double> a{.1, .2, .15, .12, 1.9, .3, .25, .22}, b{.4, .35, .5, .45, .38, 2.5, .41};
  const Limits skewed = bootstrap(a, b, 0.95);
  EXPECT_NEAR(std::exp(skewed.lower), 0.8065, 0.025);
  EXPECT_NEAR(std::exp(skewed.upper), 3.149, 0.1);
  EXPECT_NEAR(std::exp(bootstrap(a, b, 0.9).lower), 0.8407, 0.025);
  EXPECT_NEAR(std::exp(bootstrap(a, b, 0.9).upper), 2.926, 0.1);
}

TEST(Statistics, TheBootstrapIsTheSameEachTime) {
  const Limits one = bootstrap(before, after, 0.95), two = bootstrap(before, after, 0.95);
  EXPECT_EQ(one.lower, two.lower);
  EXPECT_EQ(one.upper, two.upper);
  const std::vector<double> same{2, 2, 2};
  EXPECT_EQ(bootstrap(same, same, 0.95).lower, 0);
  EXPECT_EQ(bootstrap(same, same, 0.95).upper, 0);
}

TEST(Statistics, SamplesOfNoneAndOneHaveNoVariance) {
  EXPECT_EQ(sample_of({}).count, 0U);
  const std::vector<double> one{5};
  EXPECT_EQ(sample_of(one).mean, 5);
  EXPECT_EQ(sample_of(one).variance, 0);
}

}  // namespace
}  // namespace perun::statistics
