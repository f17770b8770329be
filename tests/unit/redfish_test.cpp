// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "redfish/client.hpp"
#include "redfish/metrics.hpp"
#include "support/tree.hpp"

namespace perun::redfish {
namespace {

/// A service as resources by path.
using Service = std::map<std::string, std::string>;

Result<Meter> find(const Service& service) {
  return find_meter([&](const std::string& path) -> Result<Json> {
    const auto at = service.find(path);
    if (at == service.end()) return Error{Errc::not_found, "404", {}};
    return Json::parse(at->second, nullptr, false);
  });
}

std::string members(std::initializer_list<const char*> paths) {
  Json list;
  list["Members"] = Json::array();
  for (const auto* p : paths) list["Members"].push_back({{"@odata.id", p}});
  return list.dump();
}

TEST(Redfish, TheChassisWithTheSystemIsTheMachine) {
  const auto meter = find({{"/redfish/v1/Chassis", members({"/c/shelf", "/c/node", "/c/gone"})},
                           {"/c/shelf", R"({"ChassisType":"RackMount","Power":{"@odata.id":"/c/shelf/Power"}})"},
                           {"/c/shelf/Power", R"({"PowerControl":[{"PowerConsumedWatts":9000}]})"},
                           {"/c/node", R"({"ChassisType":"Sled","Links":{"ComputerSystems":[{"@odata.id":"/s"}]},
                             "EnvironmentMetrics":{"@odata.id":"/c/node/E"},"Power":{"@odata.id":"/c/node/Power"}})"},
                           {"/c/node/E", R"({"PowerWatts":{"Reading":374},"EnergykWh":{"Reading":12.5}})"},
                           {"/c/node/Power", R"({"PowerControl":[{"PowerConsumedWatts":344}]})"}});
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->paths, std::vector<std::string>{"/c/node/E"});
  EXPECT_TRUE(meter->energy);
}

TEST(Redfish, TheOldResourceServesWhereTheNewTellsNothing) {
  Service service{{"/redfish/v1/Chassis", members({"/c/1"})},
                  {"/c/1", R"({"EnvironmentMetrics":{"@odata.id":"/c/1/E"},"Power":{"@odata.id":"/c/1/P"}})"},
                  {"/c/1/E", R"({"PowerWatts":{"Reading":null}})"},
                  {"/c/1/P", R"({"PowerControl":[{"PowerConsumedWatts":344}]})"}};
  const auto meter = find(service);
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->paths, std::vector<std::string>{"/c/1/P"});
  EXPECT_FALSE(meter->energy);
  service.erase("/c/1/P");
  EXPECT_EQ(find(service).error().what, "none of its chassis tells a power");
}

TEST(Redfish, AllSuppliesTogetherAreTheMachineOrNone) {
  Service service{{"/redfish/v1/Chassis", members({"/c/1"})},
                  {"/c/1", R"({"PowerSubsystem":{"@odata.id":"/c/1/S"}})"},
                  {"/c/1/S", R"({"PowerSupplies":{"@odata.id":"/c/1/S/P"}})"},
                  {"/c/1/S/P", members({"/c/1/S/P/a", "/c/1/S/P/b"})},
                  {"/c/1/S/P/a", R"({"Metrics":{"@odata.id":"/c/1/S/P/a/M"}})"},
                  {"/c/1/S/P/b", R"({"Metrics":{"@odata.id":"/c/1/S/P/b/M"}})"},
                  {"/c/1/S/P/a/M", R"({"InputPowerWatts":{"Reading":190.5},"EnergykWh":{"Reading":3}})"},
                  {"/c/1/S/P/b/M", R"({"InputPowerWatts":{"Reading":200},"EnergykWh":{"Reading":4.5}})"}};
  const Get get = [&](const std::string& path) -> Result<Json> {
    const auto at = service.find(path);
    if (at == service.end()) return Error{Errc::not_found, "404", {}};
    return Json::parse(at->second, nullptr, false);
  };
  const auto meter = find(service);
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->paths, (std::vector<std::string>{"/c/1/S/P/a/M", "/c/1/S/P/b/M"}));
  EXPECT_TRUE(meter->energy);
  EXPECT_EQ(values_of(get, *meter).power_W, 390.5);
  EXPECT_EQ(values_of(get, *meter).energy_kWh, 7.5);
  service["/c/1/S/P/b/M"] = R"({"InputPowerWatts":{"Reading":null}})";
  EXPECT_FALSE(values_of(get, *meter).power_W) << "half of a machine is no machine";
  EXPECT_FALSE(find(service));
}

TEST(Redfish, TheSensorThatIsNamedIsAsked) {
  const auto meter = find({{"/redfish/v1/Chassis", members({"/c/1"})},
                           {"/c/1", R"({"EnvironmentMetrics":{"@odata.id":"/c/1/E"}})"},
                           {"/c/1/E", R"({"PowerWatts":{"DataSourceUri":"/c/1/Sensors/Power"}})"},
                           {"/c/1/Sensors/Power", R"({"ReadingType":"Power","ReadingUnits":"W","Reading":374})"}});
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->paths, std::vector<std::string>{"/c/1/Sensors/Power"});
  EXPECT_FALSE(values_of(Json::parse(R"({"ReadingType":"Temperature","Reading":40})")).power_W);
}

TEST(Redfish, NonsenseIsNoValue) {
  for (const auto* text :
       {"null", "[]", "5", R"({"PowerWatts":"374"})", R"({"PowerWatts":{"Reading":-5}})", R"({"PowerControl":{}})",
        R"({"PowerControl":[]})", R"({"PowerControl":["x"]})", R"({"EnergykWh":[1]})"}) {
    const Values v = values_of(Json::parse(text));
    EXPECT_FALSE(v.power_W || v.energy_kWh) << text;
  }
  EXPECT_EQ(values_of(Json::parse(R"({"PowerWatts":374})")).power_W, 374);
  EXPECT_FALSE(find({{"/redfish/v1/Chassis", "5"}}));
  EXPECT_FALSE(find(
      {{"/redfish/v1/Chassis", R"({"Members":[5,{"@odata.id":7},{"@odata.id":"/x"}]})"}, {"/x", R"({"Power":7,"Links":5})"}}));
  EXPECT_EQ(find({}).error().what, "404");
}

TEST(Redfish, PasswordsAreNeitherInWordsNorInOpenFiles) {
  test::Tree tree;
  const auto wrong = [](const char* url) {
    const auto access = access_of(url);
    return access ? std::string("taken") : access.error().what;
  };
  EXPECT_EQ(wrong("https://bmc"), "taken");
  EXPECT_EQ(wrong("https://bmc:8443/"), "taken");
  EXPECT_EQ(wrong("http://127.0.0.1:80"), "taken");
  EXPECT_EQ(wrong("http://bmc"), "without https the password is seen by everybody");
  EXPECT_EQ(wrong("http://localhost.evil.example"), "without https the password is seen by everybody");
  EXPECT_EQ(wrong("https://root:calvin@bmc"), "a password in the address is seen by everybody");
  for (const auto* url : {"bmc", "https://", "ftp://bmc", "https://bmc/path", ""})
    EXPECT_EQ(wrong(url), "'" + std::string(url) + "' is not like https://bmc.example");
  const auto file = tree.file("secret", "anna:p:w\nmore\n").at("secret");
  ::setenv("PERUN_REDFISH_CREDENTIALS", file.c_str(), 1);
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  EXPECT_EQ(wrong("https://bmc"), "others may read the credentials in '" + file.string() + "'");
  std::filesystem::permissions(file, std::filesystem::perms(0600));
  const auto access = access_of("https://bmc");
  ASSERT_TRUE(access);
  EXPECT_EQ(access->user + " " + access->password, "anna p:w");
  tree.file("secret", "anna\n");
  EXPECT_EQ(wrong("https://bmc"), "'" + file.string() + "' does not hold user:password");
  ::unsetenv("PERUN_REDFISH_CREDENTIALS");
}

}  // namespace
}  // namespace perun::redfish
