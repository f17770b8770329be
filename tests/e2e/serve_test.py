# SPDX-License-Identifier: BSD-3-Clause
"""`perun serve`: the page, the figures, who may see them, and that nobody holds up anybody."""

import http.client
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import PERUN, PerunTest

SENSORS = ("--backends", "sim:square:20W:200W:1s:name=gpu:domain=gpu,sim:const:50W:name=pkg,proc")


class Serve(PerunTest):
    def serve(self, *words):
        """Starts it on a free port; self.port and self.token say where."""
        server = subprocess.Popen([PERUN, "serve", "--listen", "127.0.0.1:0", *words], cwd=self.dir, env=self.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        first = server.stdout.readline().decode()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=([0-9a-f]{32})\n", first)
        self.assertTrue(found, first or server.stderr.read().decode())
        self.port, self.token = int(found[1]), found[2]
        return server

    def get(self, path, token=True, timeout=30, method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.request(method, path + (f"?token={self.token}" if token else ""), headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body, answer

    def raw(self, data, timeout=15):
        """What comes back to these bytes, up to the end of the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # hung up on
            out = b""
            try:
                while piece := s.recv(65536):
                    out += piece
            except ConnectionResetError:
                pass
        return out

    def events(self, count, timeout=20):
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(f"GET /events?token={self.token} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            text = ""
            while text.count("data: ") < count:
                piece = s.recv(65536)
                self.assertTrue(piece, text)
                text += piece.decode()
        return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ") and line.endswith("}")]

    def promtool(self, text):
        done = self.bare("promtool", "check", "metrics", stdin=None, input=text.encode())
        self.assertEqual((done.returncode, done.stderr.decode(), done.stdout.decode()), (0, "", ""))

    def stop(self, server):
        server.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(timeout=20), 0)
        self.assert_nothing_left()

    def measure(self, *words):
        done = self.monitor("-q", *SENSORS, "-f", "50", "--name", "wave", *words, "sleep", "0.5")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_file(self):
        self.measure()
        server = self.serve("results/wave.hdf5")
        status, page, answer = self.get("/")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
        self.assertIn("EventSource", page)
        status, page, answer = self.get("/report")
        self.assertEqual((status, answer.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertRegex(page, r"^<!DOCTYPE html>")
        self.assertIn("</html>", page[-20:])
        report = json.loads(self.get("/api/v1/report")[1])
        self.assertEqual(report, self.report("results/wave.hdf5"))
        self.assertEqual(len(json.loads(self.get("/api/v1/runs")[1])["files"][0]["runs"]), 1)
        self.assertEqual(self.get("/api/v1/live")[0], 404)
        status, metrics, answer = self.get("/metrics", token=False)
        self.assertEqual(status, 200)
        self.promtool(metrics)
        energy = sum(float(v) for v in re.findall(r"^perun_energy_joules_total\{.*\} (\S+)$", metrics, re.M))
        self.assertAlmostEqual(energy, report["runs"][0]["energy_J"], delta=1e-6 * energy)
        first = self.events(1)[0]
        self.measure()  # another run: whoever listens is told
        until = time.monotonic() + 20
        while (later := self.events(1)[0])["changed"] == first["changed"] and time.monotonic() < until:
            time.sleep(0.1)
        self.assertGreater(later["changed"], first["changed"])
        self.assertEqual(json.loads(self.get("/api/v1/report")[1])["runs"][0]["number"], 1)
        self.stop(server)

    def test_this_machine_live(self):
        server = self.serve("--live", *SENSORS, "-f", "20")
        seen = self.events(3)
        self.assertEqual(seen[-1]["schema"], "perun-live/1")
        self.assertGreater(seen[-1]["energy_J"], seen[0]["energy_J"])
        metrics = self.get("/metrics", token=False)[1]
        self.promtool(metrics)
        for name in ("energy_joules_total", "domain_energy_joules_total", "power_watts", "emissions_grams_total", "samples_total",
                     "build_info", "scrape_duration_seconds"):
            self.assertIn(f"\nperun_{name}", metrics)
        self.assertAlmostEqual(float(re.search(r'power_watts\{device="sim:pkg",kind="measured"\} (\S+)', metrics)[1]), 50, delta=5)
        self.assertRegex(self.get("/report")[1], r"^<!DOCTYPE html>")
        self.assertTrue(json.loads(self.get("/api/v1/report")[1])["runs"][0])
        self.assertGreater(json.loads(self.get("/api/v1/live")[1])["energy_J"], 0)
        self.stop(server)
        self.assertEqual(os.listdir(self.dir), [])

    def test_who_may_see_it(self):
        self.measure()
        self.serve("results/wave.hdf5")
        for path in ("/", "/report", "/events", "/api/v1/report", "/api/v1/runs", "/nothing"):
            self.assertEqual(self.get(path, token=False)[0], 403, path)
            self.assertEqual(self.get(path + "?token=" + "0" * 32, token=False)[0], 403, path)
            self.assertEqual(self.get(path + "?token=" + self.token[:-1], token=False)[0], 403, path)
        self.assertEqual(self.get("/nothing")[0], 404)
        self.assertEqual(self.get("/api/v1/runs", token=False, Authorization="Bearer " + self.token)[0], 200)
        for host in ("evil.example", "127.0.0.1.evil.example:80"):
            self.assertEqual(self.get("/metrics", token=False, Host=host)[0], 403)
        self.assertEqual(self.get("/metrics", token=False, Host="localhost:1")[0], 200)
        self.assertEqual(self.get("/", method="HEAD")[:2], (200, ""))

    def test_nonsense_is_refused(self):
        self.measure()
        server = self.serve("results/wave.hdf5")
        head = f"?token={self.token} HTTP/1.1\r\nHost: localhost\r\n"
        for path in ("/../../etc/passwd", "/report/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/api/v1/../../x"):
            self.assertRegex(self.raw(f"GET {path}{head}\r\n".encode()), rb"^HTTP/1.1 404 ")
        for data, status in ((b"\x16\x03\x01\x02\x00\r\n\r\n", 400), (b"GET /\r\n\r\n", 400), (b"\r\n\r\n", 400),
                             (f"POST /report{head}\r\n".encode(), 405), (f"GET /{head}Content-Length: 9\r\n\r\n".encode(), 413),
                             (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
                             (b"GET / HTTP/3\r\n\r\n", 505), (f"GET /{head}X: {'y' * 9000}\r\n\r\n".encode(), 431)):
            self.assertRegex(self.raw(data) or b"HTTP/1.1 431 ", rb"^HTTP/1.1 %d " % status)
        self.raw(os.urandom(1 << 20))  # any answer, or none
        self.assertEqual(self.get("/metrics", token=False)[0], 200)
        self.stop(server)

    def test_a_slow_request_is_ended(self):
        self.measure()
        self.serve("results/wave.hdf5")
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as s:
            begin, answer = time.monotonic(), b""
            for byte in b"GET / HTTP/1.1\r\n" * 10:
                try:
                    s.send(bytes([byte]))
                except OSError:
                    break
                s.settimeout(0.4)
                try:
                    answer = s.recv(4096)
                    break
                except TimeoutError:
                    continue
        self.assertRegex(answer, rb"^HTTP/1.1 408 ")
        self.assertLess(time.monotonic() - begin, 15)

    def test_stuck_clients_delay_nobody(self):
        """Clients that never read and clients that never ask: no reading is late for them, and others get their answers.
        Beside the run that is looked at goes one that is not, so that a busy machine does the same to both."""
        runs = [subprocess.Popen([PERUN, "monitor", "-q", *SENSORS, "-f", "100", "--name", "watched", "--data_out", folder, "sleep", "8"],
                                 cwd=self.dir, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                for folder in ("alone", "results")]
        time.sleep(1)
        server = self.serve("--live", "--run", "last")
        stuck = []
        for i in range(60):
            s = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            if i % 2 == 0:
                s.sendall(f"GET /{'events' if i % 4 else 'report'}?token={self.token} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            stuck.append(s)
        begin = time.monotonic()
        for _ in range(5):
            self.assertEqual(self.get("/metrics", token=False)[0], 200)
        took = time.monotonic() - begin
        self.assertLess(took, 10)
        for run in runs:
            self.assertEqual(run.wait(timeout=60), 0)
        for s in stuck:
            s.close()
        alone, watched = (self.report(f"{folder}/watched.hdf5")["runs"][0]["nodes"][0]["quality"] for folder in ("alone", "results"))
        self.assertEqual(watched["lost"], 0)
        self.assertGreater(watched["ticks"], 0.9 * alone["ticks"] - 40)
        self.assertLess(watched["late"], 2 * alone["late"] + 80)
        # A server in the way of sampling would hold it for as long as clients are stuck.
        self.assertLess(watched["longest_gap_s"], alone["longest_gap_s"] + 1)
        self.stop(server)

    def test_clients_that_say_no_more_cost_nothing(self):
        """Those that hang up half or whole, and one that talks without end."""
        self.measure()
        server = self.serve("results/wave.hdf5")
        ask = f"GET /events?token={self.token} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        half, whole, talker = (socket.create_connection(("127.0.0.1", self.port), timeout=10) for _ in range(3))
        for s in (half, whole, talker):
            s.sendall(ask)
            self.assertTrue(s.recv(4096).startswith(b"HTTP/1.1 200 "))
        half.shutdown(socket.SHUT_WR)
        whole.close()
        while half.recv(4096):
            pass  # it is hung up on, for nobody could tell when it goes
        half.close()

        def processor_s():
            with open(f"/proc/{server.pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        before = processor_s()
        time.sleep(2)
        self.assertLess(processor_s() - before, 0.5)
        over = threading.Event()

        def talk():
            try:
                while not over.is_set():
                    talker.sendall(b"x" * 65536)
            except OSError:
                pass  # hung up on: as good

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            self.assertEqual(self.get("/metrics", token=False)[0], 200)
        finally:
            over.set()
            thread.join()
            talker.close()
        self.stop(server)

    def test_too_many_clients_are_hung_up_on(self):
        self.measure()
        server = self.serve("results/wave.hdf5")
        many = [socket.create_connection(("127.0.0.1", self.port), timeout=10) for _ in range(150)]
        time.sleep(6)  # those who say nothing are gone after five seconds
        self.assertEqual(self.get("/metrics", token=False)[0], 200)
        self.assertLess(len(os.listdir(f"/proc/{server.pid}/fd")), 90)
        for s in many:
            s.close()

    def collector(self, status=200):
        """Its address, and what it got: path, type and body of each request."""
        got = []

        class Collector(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                got.append((self.path, self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        self.addCleanup(collector.server_close)
        self.addCleanup(collector.shutdown)
        return f"http://127.0.0.1:{collector.server_port}", got

    def test_otlp(self):
        url, got = self.collector()
        server = self.serve("--live", *SENSORS, "-f", "20", "--otlp", url)
        until = time.monotonic() + 40
        while len(got) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        self.stop(server)
        path, kind, body = got[1]
        self.assertEqual((path, kind), ("/v1/metrics", "application/json"))
        resource = json.loads(body)["resourceMetrics"][0]
        metrics = {m["name"]: m for m in resource["scopeMetrics"][0]["metrics"]}
        self.assertEqual(set(metrics), {"hw.energy", "hw.power", "hw.host.energy", "hw.host.power", "perun.emissions"})
        self.assertEqual(metrics["hw.energy"]["unit"], "J")
        total = metrics["hw.energy"]["sum"]
        self.assertEqual((total["aggregationTemporality"], total["isMonotonic"]), (2, True))
        joules = sum(p["asDouble"] for p in total["dataPoints"])
        host = metrics["hw.host.energy"]["sum"]["dataPoints"][0]
        self.assertAlmostEqual(joules, host["asDouble"], delta=1e-6 * joules)
        self.assertLess(int(host["startTimeUnixNano"]), int(host["timeUnixNano"]))
        keys = {a["key"]: a["value"]["stringValue"] for a in total["dataPoints"][0]["attributes"]}
        self.assertEqual(keys["hw.type"], "gpu")
        self.assertEqual(keys["perun.kind"], "measured")

    def test_otlp_of_runs_that_ended(self):
        """The very figures of the report, one request a round, also where the run is too short to be followed."""
        url, got = self.collector()
        self.measure("--otlp", url, "--rounds", "2")
        runs = self.report("results/wave.hdf5", "all")["runs"]
        self.assertEqual([(path, kind) for path, kind, _ in got], [("/v1/metrics", "application/json")] * 2)
        for run, (_, _, body) in zip(runs, got):
            resource = json.loads(body)["resourceMetrics"][0]
            self.assertIn({"key": "perun.run", "value": {"stringValue": run["id"]}}, resource["resource"]["attributes"])
            metrics = {m["name"]: m["sum"] for m in resource["scopeMetrics"][0]["metrics"]}
            self.assertEqual(set(metrics), {"hw.energy", "hw.host.energy", "perun.emissions"})
            host = metrics["hw.host.energy"]["dataPoints"][0]
            self.assertAlmostEqual(host["asDouble"], run["energy_J"], delta=1e-9 * run["energy_J"])
            length_s = (int(host["timeUnixNano"]) - int(host["startTimeUnixNano"])) * 1e-9
            self.assertAlmostEqual(length_s, run["duration_s"], delta=0.05)
            devices = {p["attributes"][0]["value"]["stringValue"]: p["asDouble"] for p in metrics["hw.energy"]["dataPoints"]}
            for device in run["nodes"][0]["devices"]:
                self.assertAlmostEqual(devices[device["id"]], device["energy_J"], delta=1e-9 * device["energy_J"])

    def test_a_collector_that_takes_nothing_costs_a_run_nothing(self):
        refusing, got = self.collector(503)
        with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as gone:
            nobody = gone.getsockname()[1]
            gone.close()
            for url, trouble in ((refusing, "takes no metrics (status 503)"), (f"http://127.0.0.1:{nobody}", "takes no metrics (no answer"),
                                 (f"http://127.0.0.1:{silent.getsockname()[1]}", "takes no metrics (no answer")):
                done = self.monitor("-q", *SENSORS, "-f", "50", "--name", "wave", "--otlp", url, "sh", "-c", "echo out; exit 7")
                self.assertEqual((done.returncode, done.stdout), (7, b"out\n"))
                self.assertEqual(done.stderr.decode().count(trouble), 1, done.stderr)
        self.assertEqual(len(got), 1)
        self.assertEqual(len(self.report("results/wave.hdf5", "all")["runs"]), 3)
        done = self.monitor("--otlp", "localhost:4318", "sh", "-c", "echo never")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"is not like http://localhost:4318", done.stderr)
        self.assert_nothing_left()

    def test_a_collector_that_does_not_answer_stops_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as dead:
            server = self.serve("--live", *SENSORS, "-f", "20", "--otlp", f"http://127.0.0.1:{dead.getsockname()[1]}")
            time.sleep(3)
            before = json.loads(self.get("/api/v1/live")[1])["elapsed_s"]
            time.sleep(1.5)
            self.assertGreater(json.loads(self.get("/api/v1/live")[1])["elapsed_s"], before)
            self.stop(server)

    def test_metrics_as_a_file(self):
        self.measure("-o", "perun.prom")
        self.promtool((self.dir / "perun.prom").read_text())
        self.assertEqual(sorted(os.listdir(self.dir)), ["perun.prom", "results"])
        self.assertEqual(self.perun("report", "results/wave.hdf5", "--format", "prometheus").stdout.decode(),
                         (self.dir / "perun.prom").read_text())
        # Whoever reads while it is written anew sees a whole file.
        stop = threading.Event()
        broken = []

        def read():
            while not stop.is_set():
                text = (self.dir / "perun.prom").read_text()
                if "perun_build_info{" not in text:
                    broken.append(text)

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(20):
            self.perun("report", "results/wave.hdf5", "-o", "perun.prom")
        stop.set()
        reader.join()
        self.assertEqual(broken, [])

    def test_mistakes(self):
        for words, status, what in ((["none.hdf5"], 1, "there is no data file"), (["--listen", "x:y"], 2, "is not like"),
                                    (["--listen", "nowhere:1", "--live"], 2, "is no address"), (["--otlp", "http://x"], 2, "--live"),
                                    (["--live", "--otlp", "ftp://x"], 1, "is not like"), (["--live", "--run", "x"], 1, "in progress")):
            done = self.perun("serve", *words)
            self.assertEqual(done.returncode, status, (words, done.stderr))
            self.assertIn(what, done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
