# SPDX-License-Identifier: BSD-3-Clause
"""The way out that `perun doctor` names, taken: a user who cannot read the counters, the fix, and the same user measuring.

As root all of it happens in a private mount namespace, on a copy of /etc and a made-up /sys/class, so that the printed
script runs as it is and nothing of this machine changes. Who may not make one takes the printed command on a made-up /sys.
"""

import json
import os
import pathlib
import re
import subprocess
import unittest

from harness import PERUN, PerunTest

SHARE = pathlib.Path(os.environ["PERUN_SOURCE_DIR"]) / "share"
ZONES = {"intel-rapl:0": "package-0", "intel-rapl:0:0": "dram"}
NOBODY = 65534

# Makes the machine below DIR/class and lets $1 run in it: counters of root's, an own /etc, an own kernel setting.
MACHINE = """set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 none /sys/class
mkdir /sys/class/powercap
for zone in intel-rapl:0=package-0 intel-rapl:0:0=dram; do
  folder=/sys/class/powercap/${zone%%=*}
  mkdir "$folder"
  echo "${zone#*=}" >"$folder/name"
  echo 262143328850 >"$folder/max_energy_range_uj"
  echo 1000000 >"$folder/energy_uj"
  chmod 0400 "$folder/energy_uj"
done
cp -a /etc "$DIR/etc"
mount --bind "$DIR/etc" /etc
echo 2 >"$DIR/paranoid"
mount --bind "$DIR/paranoid" /proc/sys/kernel/perf_event_paranoid
"""
# Its counters run on while PROGRAM runs, as long as the folder is there: what stands still is not measured.
TURNING = """
turn() {
  joules=1000000
  while [ -e "$DIR/turning" ]; do
    joules=$((joules + 10000))
    for zone in intel-rapl:0 intel-rapl:0:0; do
      printf %s "$joules" | dd of="/sys/class/powercap/$zone/energy_uj" conv=notrunc status=none
    done
    sleep 0.005
  done
}
mkdir "$DIR/turning"
turn &
"""
PROGRAM = "for i in 1 2 3 4 5; do sleep 0.02; done"
AS_NOBODY = f"setpriv --reuid={NOBODY} --regid={NOBODY} --init-groups"


def may_mount():
    return subprocess.run(["unshare", "-m", "mount", "--make-rprivate", "/"], capture_output=True).returncode == 0


class TheFix(PerunTest):
    def in_machine(self, script):
        """Runs a shell script in a made-up machine; what it wrote and its exit status."""
        done = self.bare("unshare", "-m", "sh", "-c", MACHINE + script, env={**self.env, "DIR": str(self.dir), "PERUN": PERUN})
        return done

    def check_in_namespace(self, monitor_after):
        os.chmod(self.dir, 0o777)
        fix = self.perun("doctor", "--fix-script")
        self.assertEqual(fix.returncode, 0)
        self.file("fix.sh", fix.stdout)
        monitor = f'{AS_NOBODY} "$PERUN" monitor --strict -f 50 -o "$DIR/NAME.json" --data_out "$DIR/NAME" sh -c "{PROGRAM}"'
        done = self.in_machine(
            TURNING + f"""
before=0; {AS_NOBODY} "$PERUN" doctor --json >"$DIR/before.json" || before=$?
strict=0; {monitor.replace("NAME", "refused")} || strict=$?
{monitor.replace("NAME", "estimated").replace("--strict", "")}
{monitor_after}
ls -l /sys/class/powercap/*/energy_uj >"$DIR/modes"
after=0; {AS_NOBODY} "$PERUN" doctor --json >"$DIR/after.json" || after=$?
{monitor.replace("NAME", "measured")}
echo "$before $strict $after" >"$DIR/statuses"
cat /proc/sys/kernel/perf_event_paranoid >>"$DIR/statuses"
rmdir "$DIR/turning"
wait
""")
        self.assertEqual(done.returncode, 0, done.stderr.decode() + done.stdout.decode())
        return (self.dir / "statuses").read_text().split("\n")

    def check_before_and_after(self):
        before, after = (json.loads((self.dir / f"{name}.json").read_text()) for name in ("before", "after"))
        self.assertFalse(before["measurable"])
        rapl = {s["name"]: s for s in before["sources"]}["rapl"]
        self.assertEqual(rapl["standing"], "blocked")
        self.assertIn("permission denied", rapl["found"])
        self.assertTrue(after["measurable"])
        self.assertEqual({s["name"]: s["standing"] for s in after["sources"]}["rapl"], "ready")
        self.assertFalse((self.dir / "refused").exists())
        kinds = {n: json.loads((self.dir / f"{n}.json").read_text())["runs"][0]["kind"] for n in ("estimated", "measured")}
        self.assertEqual(kinds, {"estimated": "estimated", "measured": "measured"})

    def test_the_script_opens_the_counters_to_its_group_and_may_run_again(self):
        if not may_mount():
            return self.take_the_printed_command()
        script = f"""
(cd "$DIR" && sh fix.sh nobody && cp /etc/group group.1 && sh fix.sh nobody)
cmp /etc/group "$DIR/group.1"
cmp /etc/udev/rules.d/60-perun-powercap.rules {SHARE}/udev/60-perun-powercap.rules
cmp /etc/tmpfiles.d/perun.conf {SHARE}/tmpfiles.d/perun.conf
test ! -e /etc/sysctl.d/60-perun.conf
# Who is not in the group stays outside.
! setpriv --reuid=12345 --regid=12345 --clear-groups cat /sys/class/powercap/intel-rapl:0/energy_uj 2>/dev/null
"""
        statuses = self.check_in_namespace(script)
        self.assertEqual(statuses[0], "1 125 0")
        self.assertEqual(statuses[1], "2", "powercap is there: the kernel setting stays")
        self.check_before_and_after()
        self.assertEqual(re.findall(r"^(\S+) \d+ root (\S+)", (self.dir / "modes").read_text(), re.M), [("-r--r-----", "perun")] * 2)

    def test_the_rules_own_commands_do(self):
        """udev is not here: its RUN commands by hand, with %p as it would fill it in."""
        if not may_mount():
            return self.take_the_printed_command()
        rule = (SHARE / "udev/60-perun-powercap.rules").read_text()
        commands = re.findall(r'RUN\+="([^"]+)"', rule)
        self.assertEqual(len(commands), 2)
        script = "groupadd --system perun\nusermod -a -G perun nobody\n"
        for zone in ZONES:
            script += "".join(c.replace("%p", f"/class/powercap/{zone}") + "\n" for c in commands)
        self.check_in_namespace(script)
        self.check_before_and_after()

    def test_without_powercap_the_script_lowers_the_kernels_setting(self):
        if not may_mount():
            return self.take_the_printed_command()
        self.file("fix.sh", self.perun("doctor", "--fix-script").stdout)
        done = self.in_machine('PERUN_FIX_PERF=yes sh "$DIR/fix.sh"\ncat /proc/sys/kernel/perf_event_paranoid\n'
                               f"cmp /etc/sysctl.d/60-perun.conf {SHARE}/sysctl.d/60-perun.conf\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.decode().split("\n")[-2], "0")

    def take_the_printed_command(self):
        """The command that doctor prints for the time until the next boot, on files of one's own."""
        for zone, name in ZONES.items():
            folder = f"sys/class/powercap/{zone}/"
            self.file(folder + "name", name + "\n")
            self.file(folder + "max_energy_range_uj", "262143328850\n")
            self.file(folder + "energy_uj", "1000000\n", mode=0o000)
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        os.chmod(self.dir, 0o777)
        words = ("--sysfs", self.dir / "sys")
        before = self.perun("doctor", "--json", *words, **user)
        self.assertEqual(before.returncode, 1)
        document = json.loads(before.stdout)
        command = document["remedies"][0]["steps"][-1]["run"]
        self.assertEqual(self.monitor(*words, "--strict", "true", **user).returncode, 125)
        self.assertEqual(self.bare("sh", "-c", command.removeprefix("sudo ")).returncode, 0)
        self.assertEqual(self.perun("doctor", *words, **user).returncode, 0)
        done = self.monitor(*words, "--strict", "-o", "after.json", "--data_out", self.dir / "after", "true", **user)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads((self.dir / "after.json").read_text())["runs"][0]["kind"], "measured")

    def test_the_printed_command_does(self):
        self.take_the_printed_command()


class Script(PerunTest):
    def test_it_is_clean_and_refuses_to_run_without_rights(self):
        script = self.file("fix.sh", self.perun("doctor", "--fix-script").stdout)
        os.chmod(self.dir, 0o755)
        checked = self.bare("shellcheck", "-s", "sh", script)
        self.assertEqual(checked.returncode, 0, checked.stdout.decode())
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        done = self.bare("sh", script, "nobody", **user)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"run me as root", done.stderr)


class Strict(PerunTest):
    """What was asked for and cannot be measured keeps the program from starting; the reason and the way out are told."""

    def refused(self, *words, told, **kw):
        with self.subTest(words=words, kw=kw):
            done = self.monitor(*words, "sh", "-c", "touch ran", **kw)
            self.assertEqual(done.returncode, 125, done.stderr)
            for part in told:
                self.assertIn(part, done.stderr.decode())
            self.assertFalse((self.dir / "ran").exists())
            self.assertFalse((self.dir / "results").exists())

    def machine(self, energy="1000000\n"):
        self.file("sys/class/powercap/intel-rapl:0/name", "package-0\n")
        self.file("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n")
        self.file("sys/class/powercap/intel-rapl:0/energy_uj", energy)

    def test_only_estimates(self):
        (self.dir / "sys").mkdir()
        self.refused("--sysfs", "sys", "--strict", told=["--strict: the program was not started", "perun doctor"])
        self.refused("--sysfs", "sys", "--strict", "--no-estimate", told=["no power sensor can be read"])
        self.refused("--sysfs", "sys", told=["no power sensor"], env={**self.env, "PERUN_STRICT": "true"})
        self.file(".perun.ini", "[monitor]\nstrict = yes\n")
        self.refused("--sysfs", "sys", told=["no power sensor"])
        self.assertEqual(self.monitor("--strict=false", "--sysfs", "sys", "true").returncode, 0)

    def test_what_was_named_and_is_blocked_or_absent(self):
        self.machine("garbage\n")
        self.refused("--sysfs", "sys", "--strict", "--backends", "rapl,sim:const:5W", told=["rapl", "does not hold a number"])
        self.refused("--sysfs", "sys", "--strict", "--sensors", "rapl:package-0", told=["no sensor matches 'rapl:package-0'", "does not hold a number"])
        (self.dir / "empty").mkdir()
        self.refused("--sysfs", "empty", "--strict", "--backends", "rapl,sim:const:5W", told=["rapl: asked for, but there is no such source"])

    def test_what_can_be_measured_runs(self):
        self.machine()
        for words in ((), ("--backends", "rapl,proc"), ("--sensors", "rapl:*")):
            with self.subTest(words=words):
                self.assertEqual(self.monitor("-q", "--sysfs", "sys", "--strict", *words, "sh", "-c", "exit 4").returncode, 4)


class ManySensors(PerunTest):
    """More sensors than files may be open: measured as far as it goes, and the program keeps its own limit."""

    def machine(self, zones):
        for i in range(zones):
            self.file(f"sys/class/powercap/intel-rapl:{i:x}/name", f"package-{i}\n")
            self.file(f"sys/class/powercap/intel-rapl:{i:x}/max_energy_range_uj", "262143328850\n")
            self.file(f"sys/class/powercap/intel-rapl:{i:x}/energy_uj", "1000000\n")

    def run_limited(self, soft, hard):
        command = f"ulimit -Sn {soft}; ulimit -Hn {hard}; exec \"$0\" monitor -q --sysfs sys --name run -o run.json sh -c 'ulimit -Sn; exit 4'"
        done = self.bare("sh", "-c", command, PERUN)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(done.stdout.decode().strip(), str(soft))
        return json.loads((self.dir / "run.json").read_text())["runs"][0]["nodes"][0]

    def test_the_hard_limit_is_what_counts(self):
        self.machine(100)
        node = self.run_limited(64, 1024)
        self.assertEqual(sum(d["id"].startswith("rapl:") for d in node["devices"]), 100)

    def test_what_does_not_fit_is_told(self):
        self.machine(100)
        node = self.run_limited(64, 64)
        devices = sum(d["id"].startswith("rapl:") for d in node["devices"])
        self.assertGreater(devices, 10)
        self.assertLess(devices, 64)
        self.assertIn("too many open files", json.dumps(node))


if __name__ == "__main__":
    unittest.main()
