# SPDX-License-Identifier: BSD-3-Clause
"""A management controller on loopback with TLS and a password: what perun reads of it, and what it refuses."""

import base64
import http.server
import json
import pathlib
import ssl
import subprocess
import threading
import time
import unittest

from harness import PerunTest

USER, PASSWORD = "anna", "s3cret"
RESOURCES = {
    "/redfish/v1/Chassis": {"Members": [{"@odata.id": "/redfish/v1/Chassis/1"}]},
    "/redfish/v1/Chassis/1": {
        "ChassisType": "RackMount",
        "Links": {"ComputerSystems": [{"@odata.id": "/redfish/v1/Systems/1"}]},
        "EnvironmentMetrics": {"@odata.id": "/redfish/v1/Chassis/1/EnvironmentMetrics"},
    },
    "/redfish/v1/Chassis/1/EnvironmentMetrics": {"PowerWatts": {"Reading": 374}},
}
# A machine whose service has newer resources only: two power supplies, and no meter of the whole.
CHASSIS = "/redfish/v1/Chassis/1"
SUPPLIES = {
    "/redfish/v1/Chassis": RESOURCES["/redfish/v1/Chassis"],
    CHASSIS: {"ChassisType": "Sled", "PowerSubsystem": {"@odata.id": f"{CHASSIS}/PowerSubsystem"}},
    f"{CHASSIS}/PowerSubsystem": {"PowerSupplies": {"@odata.id": f"{CHASSIS}/PowerSubsystem/PowerSupplies"}},
    f"{CHASSIS}/PowerSubsystem/PowerSupplies": {"Members": [{"@odata.id": "/supply/1"}, {"@odata.id": "/supply/2"}]},
    "/supply/1": {"Metrics": {"@odata.id": "/supply/1/Metrics"}},
    "/supply/2": {"Metrics": {"@odata.id": "/supply/2/Metrics"}},
    "/supply/1/Metrics": {"InputPowerWatts": {"Reading": 200.5, "DataSourceUri": "/redfish/v1/Chassis/1/Sensors/PS1"}},
    "/supply/2/Metrics": {"InputPowerWatts": {"Reading": 150}},
}


# A machine with a baseboard of NVIDIA: one GPU counts joules, one tells watts.
GPUS = RESOURCES | {
    "/redfish/v1/Systems": {"Members": [{"@odata.id": "/redfish/v1/Systems/HGX_Baseboard_0"}]},
    "/redfish/v1/Systems/HGX_Baseboard_0": {"Processors": {"@odata.id": "/processors"}},
    "/processors": {"Members": [{"@odata.id": "/processors/GPU_SXM_1"}, {"@odata.id": "/processors/GPU_SXM_2"}]},
    "/processors/GPU_SXM_1": {"ProcessorType": "GPU", "EnvironmentMetrics": {"@odata.id": "/gpu/1"}},
    "/processors/GPU_SXM_2": {"ProcessorType": "GPU", "EnvironmentMetrics": {"@odata.id": "/gpu/2"}},
    "/gpu/1": lambda: {"PowerWatts": {"Reading": 99}, "EnergyJoules": {"Reading": 1000 + round(150 * time.monotonic(), 3)}},
    "/gpu/2": {"PowerWatts": {"Reading": 50}},
}


class Bmc(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endless = False
    delay_s = 0
    resources = RESOURCES

    def do_GET(self):
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != wanted:
            return self.answer(401, b"{}")
        time.sleep(self.delay_s)
        if self.endless and self.path.endswith("EnvironmentMetrics"):
            return self.never_end()
        found = self.resources.get(self.path)
        found = found() if callable(found) else found
        return self.answer(200 if found else 404, json.dumps(found or {}).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def never_end(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


class RedfishTest(PerunTest):
    def setUp(self):
        super().setUp()
        self.certificate = self.make_certificate("bmc")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.dir / "bmc.key")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("B", (Bmc,), {}))
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.env.update(PERUN_REDFISH_USER=USER, PERUN_REDFISH_PASSWORD=PASSWORD, PERUN_REDFISH_CA=str(self.certificate))
        self.source = f"redfish:https://localhost:{self.server.server_address[1]}"

    def make_certificate(self, name):
        certificate = self.dir / f"{name}.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-keyout", self.dir / f"{name}.key", "-out", certificate],
            check=True, capture_output=True)
        return certificate

    def sensors(self):
        return self.perun("sensors", "--json", "--sensor", self.source, "--backends", "proc", timeout=120)

    def blocked(self):
        done = self.sensors()
        self.assertEqual(done.returncode, 0, done.stderr)
        reasons = [b["reason"] for b in json.loads(done.stdout)["blocked"]]
        self.assertEqual(len(reasons), 1, reasons)
        self.assertNotIn(PASSWORD, done.stdout.decode() + done.stderr.decode())
        return reasons[0]

    def test_the_machine_is_measured(self):
        done = self.monitor("--sensor", self.source, "-f", "json", "-o", "-", "--", "sleep", "3", timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        node = json.loads(done.stdout)["runs"][0]["nodes"][0]
        device = next(d for d in node["devices"] if d["id"] == "redfish:power")
        self.assertTrue(device["counted"])
        self.assertEqual(device["domain"], "node")
        self.assertGreaterEqual(node["bounds_J"][1], 374 * node["duration_s"])
        self.assertLessEqual(abs(node["energy_J"] - 374 * node["duration_s"]), node["uncertainty_J"] + 2)
        self.assertGreater(node["energy_J"], 374, "most of the time")
        self.assert_nothing_left()

    def test_the_program_does_not_wait_for_the_controller(self):
        self.server.RequestHandlerClass.delay_s = 0.5
        began = time.time()
        done = self.monitor("--sensor", self.source, "--no-estimate", "-f", "json", "-o", "run.json", "--", "sh", "-c",
                            "date +%s.%N; sleep 9", timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess(float(done.stdout) - began, 1.9, "the controller has not told its first watt before 2 s")
        run = json.loads((self.dir / "run.json").read_text())["runs"][0]
        node = run["nodes"][0]
        late_s = node["duration_s"] - node["energy_J"] / 374
        self.assertGreater(late_s, 1.5, "nothing is made up for before")
        self.assertLess(late_s, 6.5)
        self.assertLessEqual(abs(node["energy_J"] - 374 * node["duration_s"]), node["uncertainty_J"])
        told = next(n["text"] for n in run["notes"] if n["caveat"] == "slow_source")
        self.assertRegex(told, r"node began to answer \d\.\d+ s after the start only")

    def test_power_supplies_are_summed_where_nothing_tells_the_whole(self):
        self.server.RequestHandlerClass.resources = SUPPLIES
        done = self.monitor("--sensor", self.source, "-f", "json", "-o", "-", "--", "sleep", "3", timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        node = json.loads(done.stdout)["runs"][0]["nodes"][0]
        device = next(d for d in node["devices"] if d["id"] == "redfish:power")
        self.assertAlmostEqual(device["power_mean_W"], 350.5, delta=0.5)

    def test_gpus_are_parts_of_their_machine(self):
        self.server.RequestHandlerClass.resources = GPUS
        done = self.monitor("--sensor", self.source, "--no-estimate", "-f", "json", "-o", "-", "--", "sleep", "9", timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        node = json.loads(done.stdout)["runs"][0]["nodes"][0]
        devices = {d["id"]: d for d in node["devices"]}
        self.assertEqual([i for i, d in devices.items() if d["counted"]], ["redfish:power"])
        self.assertAlmostEqual(devices["redfish:power"]["power_mean_W"], 374, delta=0.5)
        self.assertAlmostEqual(devices["redfish:gpu0"]["power_mean_W"], 150, delta=10, msg="its joules, not its watts")
        self.assertAlmostEqual(devices["redfish:gpu1"]["power_mean_W"], 50, delta=0.5)
        self.assertIn("GPU_SXM_1", devices["redfish:gpu0"]["label"])

    def test_a_baseboard_alone_is_no_machine(self):
        self.server.RequestHandlerClass.resources = {k: v for k, v in GPUS.items() if "Chassis/1" not in k}
        found = json.loads(self.sensors().stdout)
        self.assertEqual({s["id"]: s["domain"] for s in found["sensors"] if "gpu" in s["id"]},
                         {"redfish:gpu0": "rail", "redfish:gpu1": "rail"})

    def test_a_wrong_password_is_told(self):
        self.env["PERUN_REDFISH_PASSWORD"] = "wrong"
        self.assertIn("it refuses user and password (401)", self.blocked())

    def test_a_wrong_certificate_is_told(self):
        self.env["PERUN_REDFISH_CA"] = str(self.make_certificate("other"))
        self.assertIn("its certificate cannot be trusted", self.blocked())

    def test_a_name_that_the_certificate_does_not_have_is_refused(self):
        self.source = self.source.replace("localhost", "127.0.0.1")
        self.assertIn("its certificate cannot be trusted", self.blocked())

    def test_an_endless_answer_is_bounded(self):
        self.server.RequestHandlerClass.endless = True
        begin = time.monotonic()
        self.assertIn("none of its chassis tells a power", self.blocked())
        self.assertLess(time.monotonic() - begin, 60)

    def test_no_server_is_told(self):
        self.source = "redfish:https://localhost:1"
        self.assertIn("no answer", self.blocked())

    def test_credentials_may_be_in_a_file_of_ones_own(self):
        del self.env["PERUN_REDFISH_USER"], self.env["PERUN_REDFISH_PASSWORD"]
        self.env["PERUN_REDFISH_CREDENTIALS"] = str(self.file("secret", f"{USER}:{PASSWORD}\n", mode=0o644))
        self.assertIn("others may read the credentials", self.blocked())
        pathlib.Path(self.env["PERUN_REDFISH_CREDENTIALS"]).chmod(0o600)
        found = json.loads(self.sensors().stdout)
        self.assertIn("redfish:power", [s["id"] for s in found["sensors"]])


if __name__ == "__main__":
    unittest.main()
