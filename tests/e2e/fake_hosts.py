# SPDX-License-Identifier: BSD-3-Clause
"""Machines that are none: each a set of namespaces with a host name, a network address, processes, /dev/shm, /run and a boot
id of its own, all on a bridge of a network that nothing else sees. Root needs no more; a plain user needs a kernel that lets
users make namespaces. All of them vanish with their first process."""

import glob
import os
import pathlib
import shutil
import subprocess
import time
import uuid

from harness import PERUN

NETWORK = "10.77.7"

# The first process of a machine: it also takes in orphans, and ignoring SIGCHLD leaves no zombies of them.
MACHINE = """set -e
hostname {name}
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount --bind {dir}/{name}.boot /proc/sys/kernel/random/boot_id
mount --bind {dir}/hosts /etc/hosts
ip link set lo up
echo 0,{watts} >/run/watts
touch {dir}/{name}.up
trap '' CHLD
exec sleep infinity
"""

# That of all machines, which is where mpirun is started.
HEAD = """set -e
mount -t tmpfs tmpfs /run
mount --bind {dir}/hosts /etc/hosts
hostname head
ip link set lo up
ip link add br0 type bridge
ip addr add {network}.254/24 dev br0
ip link set br0 up
"""
EACH = """unshare --uts --net --ipc --mount --pid --fork --kill-child --mount-proc sh {dir}/{name}.sh &
until test -e {dir}/{name}.up; do sleep 0.02; done
cat /proc/$!/task/$!/children >{dir}/{name}.pid
pid=$(tr -d ' ' <{dir}/{name}.pid)
ip link add v-{name} type veth peer name eth0 netns "$pid"
ip link set v-{name} master br0 up
nsenter -t "$pid" -n ip addr add {network}.{number}/24 dev eth0
nsenter -t "$pid" -n ip link set eth0 up
"""

# What mpirun takes for ssh: no variable but these gets through, as with ssh.
SSH = """#!/bin/sh
while [ "${{1#-}}" != "$1" ]; do shift; done
host=$1; shift
pid=$(tr -d ' ' <{dir}/$host.pid) || exit 255
exec nsenter -t "$pid" -n -u -i -m -p --wdns="$PWD" \\
  env -i PATH="$PATH" HOME="$HOME" TMPDIR=/run OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 sh -c "$*"
"""


def namespaces():
    """The words that begin a command in new namespaces; nothing where this user may not."""
    words = ["unshare"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    words += ["--uts", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    probe = subprocess.run([*words, "ip", "link", "add", "br0", "type", "bridge"], capture_output=True)
    return words if probe.returncode == 0 else None


class FakeHosts:
    """`watts` says which machines there are, and the power of their one sensor; `folder` is where files about them are kept.
    Used by `with`."""

    rank0 = f"{NETWORK}.1"

    def __init__(self, folder, watts):
        self.dir, self.watts = pathlib.Path(folder), watts
        self.ssh = self.dir / "ssh"
        self.head = None

    def __enter__(self):
        self.dir.mkdir()
        address = {name: i + 1 for i, name in enumerate(self.watts)}
        lines = [f"{NETWORK}.{number} {name}" for name, number in address.items()]
        self.write("hosts", "\n".join(["127.0.0.1 localhost", f"{NETWORK}.254 head", *lines, ""]))
        script = HEAD.format(dir=self.dir, network=NETWORK)
        for name, number in address.items():
            self.write(f"{name}.boot", f"{uuid.uuid4()}\n")
            self.write(f"{name}.sh", MACHINE.format(dir=self.dir, name=name, watts=self.watts[name]))
            script += EACH.format(dir=self.dir, name=name, network=NETWORK, number=number)
        self.write("head.sh", script + f"touch {self.dir}/head.up\ntrap '' CHLD\nexec sleep infinity\n")
        self.write("ssh", SSH.format(dir=self.dir), 0o755)
        self.head = subprocess.Popen([*namespaces(), "sh", self.dir / "head.sh"], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until = time.monotonic() + 30
        while not (self.dir / "head.up").exists():
            if self.head.poll() is not None or time.monotonic() > until:
                self.head.kill()
                raise RuntimeError(f"no machines: {self.head.communicate()[1].decode()}")
            time.sleep(0.02)
        children = pathlib.Path(f"/proc/{self.head.pid}/task/{self.head.pid}/children").read_text().split()
        self.inner = children[0]
        return self

    def __exit__(self, *_):
        self.head.kill()  # and all with it
        self.head.communicate()

    def write(self, name, text, mode=0o644):
        (self.dir / name).write_text(text)
        (self.dir / name).chmod(mode)

    def on_head(self):
        """The words that begin a command where all machines can be reached."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "-t", self.inner, *user, "-n", "-u", "-m", "-p", f"--wdns={self.dir.parent}"]

    def on(self, name):
        """The words that begin a command on a machine, in the folder that `folder` is in."""
        return [*self.on_head(), self.ssh, name]

    @staticmethod
    def where(words):
        """Those words of mpirun that say which machines it shall use."""
        return words

    @staticmethod
    def monitor(_each, apart):
        """The beginning of `perun monitor` for ranks; `apart`: into a folder that only their machine sees."""
        return [PERUN, "monitor", "--backends", "sim:trace:/run/watts,proc", *(["--data_out", "/run/results"] if apart else [])]

    def run(self, name, *words):
        return subprocess.run([str(w) for w in (*self.on(name), *words)], capture_output=True, timeout=60, check=True).stdout

    def fetch(self, name, folder, to):
        """Moves a folder out of what only the machine sees; an empty one where there is none."""
        self.run(name, "sh", "-c", f"'mkdir -p /run/{folder} && cp -r /run/{folder} {to} && rm -r /run/{folder}'")

    def left(self, name):
        """Names of the processes on a machine, and of what is in its shared memory."""
        rows = [line.split(None, 2) for line in self.run(name, "ps", "-e", "-o", "pid=,stat=,comm=").decode().splitlines()]
        busy = [row[2] for row in rows if row[0] != "1" and not row[1].startswith("Z") and row[2] not in ("ps", "sh")]
        return busy + self.run(name, "ls", "/dev/shm").decode().split()


# A rank that says on which machine it is.
PRETENDER = """#!/bin/sh
each=$1 out=$2; shift 2
export PERUN_RANK=${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}} PERUN_SIZE=${{OMPI_COMM_WORLD_SIZE:-$PMI_SIZE}}
export PERUN_NODE_ID=pn$((PERUN_RANK / each + 1))
if [ "$out" = apart ]; then export PERUN_DATA_OUT={dir}/$PERUN_NODE_ID/results; fi
exec {perun} monitor --backends "sim:trace:{dir}/$PERUN_NODE_ID/watts,proc" "$@"
"""


class PretendedHosts:
    """The same for users who may not make namespaces: all ranks are on this machine, and only perun is told otherwise."""

    ssh, rank0 = "none", "127.0.0.1"

    def __init__(self, folder, watts):
        self.dir, self.watts = pathlib.Path(folder), watts

    def __enter__(self):
        self.dir.mkdir()
        for name, watts in self.watts.items():
            (self.dir / name).mkdir()
            (self.dir / name / "watts").write_text(f"0,{watts}\n")
        script = self.dir / "pretender"
        script.write_text(PRETENDER.format(dir=self.dir, perun=PERUN))
        script.chmod(0o755)
        return self

    def __exit__(self, *_):
        pass

    @staticmethod
    def on_head():
        return []

    @staticmethod
    def where(_words):
        return []

    def monitor(self, each, apart):
        return [self.dir / "pretender", each, "apart" if apart else "together"]

    def fetch(self, name, folder, to):
        (self.dir / name / folder).mkdir(exist_ok=True)
        shutil.move(self.dir / name / folder, to)

    def left(self, _name):
        """Names of perun's processes that came of this test."""
        found = []
        for path in glob.glob("/proc/[0-9]*"):
            try:
                name = pathlib.Path(path, "comm").read_text().strip()
                if name.startswith("perun") and str(self.dir).encode() in pathlib.Path(path, "cmdline").read_bytes():
                    found.append(name)
            except OSError:
                continue
        return found
