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
  EXPECT_NE(meter->energy, Counter::none);
}

TEST(Redfish, TheOldResourceServesWhereTheNewTellsNothing) {
  Service service{{"/redfish/v1/Chassis", members({"/c/1"})},
                  {"/c/1", R"({"EnvironmentMetrics":{"@odata.id":"/c/1/E"},"Power":{"@odata.id":"/c/1/P"}})"},
                  {"/c/1/E", R"({"PowerWatts":{"Reading":null}})"},
                  {"/c/1/P", R"({"PowerControl":[{"PowerConsumedWatts":344}]})"}};
  const auto meter = find(service);
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->paths, std::vector<std::string>{"/c/1/P"});
  EXPECT_EQ(meter->energy, Counter::none);
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
  EXPECT_NE(meter->energy, Counter::none);
  EXPECT_EQ(values_of(get, *meter).power_W, 390.5);
  EXPECT_DOUBLE_EQ(values_of(get, *meter).energy_J.value_or(0), 7.5 * 3.6e6);
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
  EXPECT_FALSE(values_of(Json::parse(R"({"ReadingType":"Temperature","Reading":40})"), Counter::none).power_W);
}

/// As an iLO answers whose Power has no PowerConsumedWatts.
Service hpe(const char* power) {
  return {{"/redfish/v1/Chassis", members({"/redfish/v1/Chassis/1"})},
          {"/redfish/v1/Chassis/1", R"({"ChassisType":"RackMount","Power":{"@odata.id":"/p"}})"},
          {"/p", power},
          {"/p/Fast", R"({"Average":180,"Samples":3,"PowerDetail":[
             {"Average":200,"Peak":260,"Time":"2026-05-01T12:00:20Z"},
             {"Average":210,"Peak":250,"Time":"2026-05-01T12:00:10Z"},
             {"Average":0,"Time":"2026-05-01T12:00:30Z"}]})"},
          {"/p/Slow", R"({"Average":181,"PowerDetail":[{"Average":190,"Time":"2026-05-01T12:00:00Z"}]})"}};
}

TEST(Redfish, HpesPowerMeterServesWherePowerDoesNot) {
  const auto meter = find(hpe(R"({"PowerControl":[{"PowerConsumedWatts":null}],"Oem":{"Hpe":{"Links":{
    "PowerMeter":{"@odata.id":"/p/Slow"},"FastPowerMeter":{"@odata.id":"/p/Fast"}}}}})"));
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->paths, std::vector<std::string>{"/p/Fast"});
  EXPECT_EQ(meter->mean_s, 10);
  EXPECT_EQ(meter->energy, Counter::none);
  EXPECT_EQ(values_of(Json::parse(hpe("")["/p/Fast"]), Counter::none).power_W, 200)
      << "the newest that is one, not the mean of a day";
  const auto old = find(hpe(R"({"Oem":{"Hp":{"links":{"FastPowerMeter":{"href":"/gone"},"PowerMeter":{"href":"/p/Slow"}}}}})"));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->paths, std::vector<std::string>{"/p/Slow"});
  EXPECT_EQ(old->mean_s, 0) << "one stretch alone does not tell how long it is";
  const auto standard = find(hpe(R"({"PowerControl":[{"PowerConsumedWatts":132}],"Oem":{"Hpe":{"Links":{
    "FastPowerMeter":{"@odata.id":"/p/Fast"}}}}})"));
  EXPECT_EQ(standard->paths, std::vector<std::string>{"/p"}) << "what all makers have goes first";
  for (const auto* nonsense :
       {R"({"Oem":{"Hpe":{"Links":[1]}}})", R"({"Oem":5})", R"({"Oem":{"Hpe":{"Links":{"PowerMeter":7}}}})"})
    EXPECT_FALSE(find(hpe(nonsense))) << nonsense;
}

/// A DGX: the machine, and NVIDIA's baseboard with a chassis and a system of its own.
Service dgx() {
  return {{"/redfish/v1/Chassis", members({"/redfish/v1/Chassis/HGX_Chassis_0", "/redfish/v1/Chassis/DGX"})},
          {"/redfish/v1/Chassis/HGX_Chassis_0", R"({"@odata.id":"/redfish/v1/Chassis/HGX_Chassis_0","ChassisType":"RackMount",
             "Links":{"ComputerSystems":[{"@odata.id":"/s"}]},"EnvironmentMetrics":{"@odata.id":"/hgx/E"}})"},
          {"/hgx/E", R"({"PowerWatts":{"Reading":4000}})"},
          {"/redfish/v1/Chassis/DGX", R"({"Id":"DGX","ChassisType":"RackMount","EnvironmentMetrics":{"@odata.id":"/dgx/E"}})"},
          {"/dgx/E", R"({"PowerWatts":{"Reading":6500}})"},
          {"/redfish/v1/Systems", members({"/s/DGX", "/s/HGX_Baseboard_0"})},
          {"/s/DGX", R"({"Processors":{"@odata.id":"/s/DGX/P"}})"},
          {"/s/DGX/P", members({"/s/DGX/P/CPU1"})},
          {"/s/DGX/P/CPU1", R"({"ProcessorType":"CPU","EnvironmentMetrics":{"@odata.id":"/hgx/E"}})"},
          {"/s/HGX_Baseboard_0", R"({"Processors":{"@odata.id":"/s/H/P"}})"},
          {"/s/H/P", members({"/s/H/P/GPU_SXM_1", "/s/H/P/GPU_SXM_2/", "/s/H/P/GPU_SXM_3", "/s/H/P/GPU_SXM_4"})},
          {"/s/H/P/GPU_SXM_1", R"({"ProcessorType":"GPU","EnvironmentMetrics":{"@odata.id":"/g1"}})"},
          {"/s/H/P/GPU_SXM_2/",
           R"({"ProcessorType":"GPU","EnvironmentMetrics":{"@odata.id":"/g2"},"Metrics":{"@odata.id":"/m2"}})"},
          {"/s/H/P/GPU_SXM_3", R"({"ProcessorType":"GPU"})"},
          {"/g1", R"({"PowerWatts":{"Reading":512.5},"EnergyJoules":{"Reading":123456.5},"EnergykWh":{"Reading":1}})"},
          {"/g2", R"({"PowerWatts":{"Reading":null},"EnergyJoules":{"Reading":0}})"},
          {"/m2", R"({"ConsumedPowerWatt":498})"}};
}

TEST(Redfish, GpusOfABaseboardAreToldByTheirProcessors) {
  Service service = dgx();
  const Get get = [&](const std::string& path) -> Result<Json> {
    const auto at = service.find(path);
    if (at == service.end()) return Error{Errc::not_found, "404", {}};
    return Json::parse(at->second, nullptr, false);
  };
  const auto node = find_meter(get);
  ASSERT_TRUE(node);
  EXPECT_EQ(node->paths, std::vector<std::string>{"/dgx/E"}) << "the baseboard is a part of the machine";
  const auto gpus = find_gpus(get);
  ASSERT_EQ(gpus.size(), 2u) << "processors that are no GPU, tell nothing or are gone are left out";
  EXPECT_EQ(gpus[0].name, "GPU_SXM_1");
  EXPECT_EQ(gpus[0].meter.paths, std::vector<std::string>{"/g1"});
  EXPECT_EQ(values_of(get, gpus[0].meter).energy_J, 123456.5) << "joules are finer than kWh";
  EXPECT_EQ(gpus[0].meter.energy, Counter::joules);
  EXPECT_EQ(gpus[1].name, "GPU_SXM_2");
  EXPECT_EQ(gpus[1].meter.paths, std::vector<std::string>{"/m2"});
  EXPECT_EQ(values_of(get, gpus[1].meter).power_W, 498);
  EXPECT_FALSE(values_of(get, gpus[1].meter).energy_J);
  service.erase("/redfish/v1/Chassis/DGX");
  EXPECT_FALSE(find_meter(get)) << "a baseboard alone is no machine";
  EXPECT_EQ(find_gpus(get).size(), 2u);
  service["/redfish/v1/Systems"] = "5";
  EXPECT_TRUE(find_gpus(get).empty());
}

TEST(Redfish, AMeterKeepsToTheCounterThatItWasFoundWith) {
  Service service{{"/redfish/v1/Chassis", members({"/c/1"})},
                  {"/c/1", R"({"EnvironmentMetrics":{"@odata.id":"/c/1/E"}})"},
                  {"/c/1/E", R"({"PowerWatts":{"Reading":100},"EnergyJoules":{"Reading":5000},"EnergykWh":{"Reading":7}})"}};
  const Get get = [&](const std::string& path) -> Result<Json> { return Json::parse(service.at(path)); };
  const auto meter = find_meter(get);
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->energy, Counter::joules);
  EXPECT_EQ(values_of(get, *meter).energy_J, 5000);
  service["/c/1/E"] = R"({"PowerWatts":{"Reading":100},"EnergyJoules":{"Reading":null},"EnergykWh":{"Reading":7}})";
  EXPECT_FALSE(values_of(get, *meter).energy_J) << "the other one did not begin with it";
  EXPECT_EQ(values_of(get, *meter).power_W, 100);
}

TEST(Redfish, NonsenseIsNoValue) {
  for (const auto* text : {"null", "[]", "5", R"({"PowerWatts":"374"})", R"({"PowerWatts":{"Reading":-5}})",
                           R"({"PowerControl":{}})", R"({"PowerControl":[]})", R"({"PowerControl":["x"]})",
                           R"({"EnergykWh":[1]})", R"({"EnergyJoules":-1})", R"({"PowerDetail":5})", R"({"PowerDetail":[3]})",
                           R"({"PowerDetail":[{"Average":5}]})", R"({"PowerDetail":[{"Average":5,"Time":"noon"}]})",
                           R"({"PowerDetail":[{"Average":-5,"Time":"2026-05-01T12:00:00Z"}]})"}) {
    const Json json = Json::parse(text);
    const Values v = values_of(json, counter_of(json));
    EXPECT_FALSE(v.power_W || v.energy_J) << text;
  }
  EXPECT_EQ(values_of(Json::parse(R"({"PowerWatts":374})"), Counter::none).power_W, 374);
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
