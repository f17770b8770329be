#!/bin/sh
# Lets members of the group "perun" read this machine's energy counters.
# Written by `perun doctor --fix-script`. Read it, then run it as root:
#
#   sh fix.sh USER...      each USER may measure from the next login on
#
# It may run again; nothing happens twice.
#
# What you give away: energy counters tell something about what a processor
# computes. Keys were read that way in 2020 (PLATYPUS, CVE-2020-8694), and since
# then Linux shows them to root only. So a group gets the right here, not
# everybody: make members of people you trust with what runs on this machine.
#
# To undo: rm /etc/udev/rules.d/60-perun-powercap.rules /etc/tmpfiles.d/perun.conf
#          rm -f /etc/sysctl.d/60-perun.conf
#          and restart the machine.
set -eu
umask 022

if [ "$(id -u)" -ne 0 ]; then
  echo "fix.sh: run me as root: sudo sh fix.sh USER..." >&2
  exit 1
fi

# 1. A group of its own, so that nobody is in it by accident.
getent group perun >/dev/null || groupadd --system perun

# 2. Its members: those named, else who called sudo.
for user in "${@:-${SUDO_USER:-}}"; do
  if [ -n "$user" ]; then
    usermod -a -G perun "$user"
  fi
done

# 3. For good: udev gives the group the right when a counter appears ...
mkdir -p /etc/udev/rules.d
cat >/etc/udev/rules.d/60-perun-powercap.rules <<'RULES'
@udev/60-perun-powercap.rules@
RULES

# ... and systemd at boot, for counters that were there before udev was.
mkdir -p /etc/tmpfiles.d
cat >/etc/tmpfiles.d/perun.conf <<'TMPFILES'
@tmpfiles.d/perun.conf@
TMPFILES

# 4. For now: the same for the counters that are there.
zones=0
for counter in /sys/class/powercap/intel-rapl*/energy_uj; do
  if [ -e "$counter" ]; then
    chgrp perun "$counter"
    chmod 0440 "$counter"
    zones=$((zones + 1))
  fi
done
echo "fix.sh: the group perun may read $zones energy counters of powercap"

# 5. Without powercap the counters can be had as performance events only. That
#    opens more, to every user; PERUN_FIX_PERF=yes or no decides otherwise.
perf=${PERUN_FIX_PERF:-auto}
if [ "$perf" = auto ] && [ "$zones" -eq 0 ] && [ -d /sys/bus/event_source/devices/power ]; then
  perf=yes
fi
if [ "$perf" = yes ]; then
  mkdir -p /etc/sysctl.d
  cat >/etc/sysctl.d/60-perun.conf <<'SYSCTL'
@sysctl.d/60-perun.conf@
SYSCTL
  sysctl -q -p /etc/sysctl.d/60-perun.conf
  echo "fix.sh: every user may count performance events"
fi

echo "fix.sh: done; members of the group perun log in again, then: perun doctor"
